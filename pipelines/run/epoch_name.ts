/**
 * The name of what belongs to an epoch.
 *
 * @module
 */

/** The name of what a run keeps after so many epochs: `epoch-0005`. */
export function epochName(epoch: number): string {
  return `epoch-${String(epoch).padStart(4, "0")}`;
}

/** The epoch of a name, with anything behind it; `null` if it is no such name. */
export function epochOfName(name: string): number | null {
  const digits = /^epoch-(\d+)/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}
