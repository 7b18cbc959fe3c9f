/**
 * Arguments of tasks, as people type them.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { nearest } from "./nearest.ts";
import type { SamplerOptions } from "./sampler.ts";
import { UsageError } from "./usage_error.ts";

/** The options of a task by their kinds, and how many words may stand beside them. */
export interface TaskOptions<T extends string, L extends string, F extends string> {
  /** Options with a value; the last one counts. */
  readonly text?: readonly T[];
  /** Options with a value that may stand several times. */
  readonly lists?: readonly L[];
  /** Options without a value, `help` always among them. */
  readonly flags?: readonly F[];
  /** Words that are no options, at most; none if absent. */
  readonly words?: number;
}

/** What was typed: a property an option, and the words in `words`. */
export type TaskArguments<T extends string, L extends string, F extends string> =
  & { readonly [K in T]?: string }
  & { readonly [K in L]: readonly string[] }
  & { readonly [K in F | "help"]: boolean }
  & { readonly words: readonly string[] };

/**
 * Reads the arguments of a task.
 *
 * @throws {UsageError} If one is unknown or has no value, or there are more words than the task takes.
 */
export function readArguments<
  const T extends string = never,
  const L extends string = never,
  const F extends string = never,
>(args: readonly string[], options: TaskOptions<T, L, F>): TaskArguments<T, L, F> {
  const { text = [], lists = [], flags = [], words: most = 0 } = options;
  const known = [...text, ...lists, ...flags, "help"];
  const { _: words, ...typed } = parseArgs([...args], {
    string: ["_", ...text, ...lists],
    collect: lists,
    boolean: [...flags, "help"],
    unknown: (arg: string) => !isOption(arg) || refuse(arg, known),
  });
  for (const name of [...text, ...lists]) {
    if ([typed[name as keyof typeof typed]].flat().includes("" as never)) {
      throw new UsageError(`Cannot use --${name} as it has no value: see --help`);
    }
  }
  if (words.length > most && typed.help !== true) {
    throw new UsageError(`Cannot use ${words[most]} as it is one argument too many: see --help`);
  }
  return { ...typed, words: words.map(String) } as unknown as TaskArguments<T, L, F>;
}

/** An argument as a shell takes it for one word. */
export function quoted(arg: string): string {
  return /^[\w./:@%+,=-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
}

function isOption(arg: string): boolean {
  return arg.startsWith("-") && arg !== "-";
}

function refuse(arg: string, known: readonly string[]): never {
  const [name = ""] = arg.replace(/^-+/, "").split("=");
  const meant = nearest(name, known);
  throw new UsageError(
    `Cannot use ${arg} as there is no such argument: ${
      /^-[.\d]/.test(arg)
        ? `a value below 0 is written --NAME=${arg}`
        : meant === undefined
        ? "see --help"
        : `did you mean --${meant}?`
    }`,
  );
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

/**
 * Reads an element type.
 *
 * @param text What was typed for `--dtype`, if anything was.
 * @throws {UsageError} If it is none.
 */
export function dtypeOption(text: string | undefined): "F32" | "F16" | null {
  if (text === undefined) return null;
  if (text === "f32" || text === "f16") return text === "f32" ? "F32" : "F16";
  throw new UsageError(`Cannot use --dtype as it takes f32 or f16: ${text}`);
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
    guidance_scale: read("guidance", defaults.guidance_scale, 1000),
    eta: read("eta", defaults.eta, 1),
    batch_size: Math.min(read("batch", BATCH, 1024, true), images),
  };
}
