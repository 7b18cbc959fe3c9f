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
 * Milliseconds in which signals count as one: sent to a group of processes, a signal comes by itself and once more
 * passed on by `deno task`.
 */
const ONE_MS = 250;

/**
 * Listens for Ctrl-C and for the system's request to end. The second one ends the program at once.
 *
 * @param say Told at the first one.
 * @param world What tells milliseconds and ends the program; others for tests.
 */
export function listenForInterrupt(
  say: () => void,
  { clock, exit }: { readonly clock: () => number; readonly exit: (code: number) => void } = {
    clock: () => performance.now(),
    exit: Deno.exit,
  },
): Interrupt {
  const stop = new AbortController();
  const names: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  let first = 0;
  const onSignal = () => {
    if (!stop.signal.aborted) {
      first = clock();
      stop.abort();
      say();
    } else if (clock() - first > ONE_MS) exit(130);
  };
  for (const name of names) Deno.addSignalListener(name, onSignal);
  return {
    signal: stop.signal,
    end: () => names.forEach((name) => Deno.removeSignalListener(name, onSignal)),
  };
}
