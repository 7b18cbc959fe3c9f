/**
 * Arguments of tasks, as people type them.
 *
 * @module
 */

import { nearest } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/** Refuses an argument that a task does not know; for `unknown` of `parseArgs`. Words that are no options pass. */
export function refuseUnknown(options: readonly string[]): (arg: string) => boolean {
  return (arg) => {
    if (!arg.startsWith("-") || arg === "-") return true;
    const name = arg.replace(/^-+/, "").replace(/=.*$/s, "");
    const meant = nearest(name, options);
    throw new UsageError(
      `Cannot use ${arg} as there is no such argument: ` +
        (meant === undefined ? "see --help" : `did you mean --${meant}?`),
    );
  };
}

/**
 * Reads a number.
 *
 * @param name The option, for messages.
 * @param text What was typed.
 * @param range The lowest and highest it may be.
 * @throws {UsageError} If it is none, or outside.
 */
export function numberOption(
  name: string,
  text: string,
  [low, high]: readonly [number, number],
  { whole = false } = {},
): number {
  const value = Number(text);
  const fits = text.trim() !== "" && value >= low && value <= high && (!whole || Number.isInteger(value));
  if (!fits) {
    const kind = whole ? "a whole number" : "a number";
    const range = high === Infinity ? `from ${low} on` : `from ${low} to ${high}`;
    throw new UsageError(`Cannot use --${name} as it takes ${kind} ${range}: ${text}`);
  }
  return value;
}
