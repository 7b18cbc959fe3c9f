/**
 * Arguments of tasks, as people type them.
 *
 * @module
 */

import { nearest } from "./nearest.ts";
import type { SamplerOptions } from "./sampler.ts";
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

/** The options on how images are drawn, which {@linkcode samplingFrom} reads. */
export const SAMPLING_OPTIONS = ["steps", "guidance", "eta", "batch"] as const;

/** Images drawn together if nobody says otherwise. */
const BATCH = 16;

/**
 * Reads how images are drawn.
 *
 * @param typed What was typed for each of {@linkcode SAMPLING_OPTIONS}.
 * @param defaults What holds where nothing was typed.
 * @param images How many there will be; a batch is not larger.
 * @throws {UsageError} If something is no number, or out of its range.
 */
export function samplingFrom(
  typed: Readonly<Partial<Record<typeof SAMPLING_OPTIONS[number], string | undefined>>>,
  defaults: Omit<SamplerOptions, "batch_size">,
  images: number,
): SamplerOptions {
  const read = (name: typeof SAMPLING_OPTIONS[number], fallback: number, high: number, whole = false) => {
    const text = typed[name];
    return text === undefined ? fallback : numberOption(name, text, [whole ? 1 : 0, high], { whole });
  };
  return {
    num_steps: read("steps", defaults.num_steps, 1000, true),
    guidance_scale: read("guidance", defaults.guidance_scale, Infinity),
    eta: read("eta", defaults.eta, 1),
    batch_size: Math.min(read("batch", BATCH, 1024, true), images),
  };
}
