/**
 * Ctrl-C: asked once, the program stops in good order; asked twice, at once.
 *
 * @module
 */

/** Ctrl-C and its like, listened to. */
export interface Interrupt {
  /** Tells to stop. */
  readonly signal: AbortSignal;
  /** Stops listening. */
  readonly end: () => void;
}

/**
 * Listens for Ctrl-C and for the system's request to end. The second one ends the program at once.
 *
 * @param say Told at the first one.
 */
export function listenForInterrupt(say: () => void): Interrupt {
  const stop = new AbortController();
  const names: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  const onSignal = () => {
    if (stop.signal.aborted) Deno.exit(130);
    stop.abort();
    say();
  };
  for (const name of names) Deno.addSignalListener(name, onSignal);
  return {
    signal: stop.signal,
    end: () => names.forEach((name) => Deno.removeSignalListener(name, onSignal)),
  };
}
