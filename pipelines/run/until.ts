/**
 * Stopping: what is under way is left behind, what is complete is kept.
 *
 * @module
 */

/** Thrown inside of work that nobody waits for any more. */
export class StoppedError extends Error {
  /** `"StoppedError"`. */
  override readonly name = "StoppedError";
}

/**
 * Passes on what a generator yields until it ends or a signal says to stop; what is under way then is left behind, see
 * {@linkcode unlessStopped}.
 */
export async function* until<T>(signal: AbortSignal, source: AsyncGenerator<T>): AsyncGenerator<T> {
  while (true) {
    const result = await unlessStopped(signal, source.next());
    if (result === null || result.done) return;
    yield result.value;
  }
}

/**
 * Waits for work unless a signal says to stop, before or meanwhile: it is left behind then, and should look at the signal
 * itself now and then by {@linkcode throwIfStopped}.
 *
 * @returns What the work gives, or `null`.
 */
export async function unlessStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T | null> {
  const waiting = new AbortController();
  const stopped = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener("abort", () => resolve(null), { signal: waiting.signal });
  });
  // What becomes of work that is left behind concerns nobody.
  work.catch(() => {});
  return await Promise.race([stopped, work]).finally(() => waiting.abort());
}

/**
 * Ends work that nobody waits for.
 *
 * @throws {StoppedError} If the signal says so.
 */
export function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throw new StoppedError("Stopped");
}
