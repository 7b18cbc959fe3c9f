/**
 * Stand-in for the part of `jsr:@std/cli` that the project uses, for machines that cannot reach JSR.
 *
 * @module
 */
// @ts-types="npm:@types/minimist@1.2.5"
import minimist from "minimist";

/** Which options there are, and of what kind. */
export interface ParseOptions<B extends string, S extends string, C extends string> {
  /** Other names of an option. */
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Options without a value; false where they are not given. */
  readonly boolean?: readonly B[];
  /** Options whose value stays text even where it looks like a number. */
  readonly string?: readonly S[];
  /** Options that may stand several times; their value is a list. */
  readonly collect?: readonly C[];
  /** Whether everything after the first positional argument is positional. */
  readonly stopEarly?: boolean;
  /** Called with each argument that is none of the options; returning false drops it. */
  readonly unknown?: (arg: string) => unknown;
}

/** What was found: one property an option, and the positional arguments in `_`. */
export type Args<B extends string, S extends string, C extends string> =
  & { [K in Exclude<S, C>]?: string | undefined }
  & { [K in S & C]: string[] }
  & { [K in B]: boolean }
  & { _: (string | number)[] };

/**
 * Parses command line arguments: `--name value`, `--name=value`, `--flag`, `-f`, and `--` before positional ones.
 *
 * Without `collect` the last value counts. `--no-name` is an option of that name, not the contrary of `--name`.
 */
export function parseArgs<
  const B extends string = never,
  const S extends string = never,
  const C extends string = never,
>(args: readonly string[], options: ParseOptions<B, S, C> = {}): Args<B, S, C> {
  const collect = new Set<string>(options.collect);
  const parsed = minimist(protectNegations(args), {
    boolean: [...options.boolean ?? []],
    string: [...options.string ?? []],
    alias: Object.fromEntries(
      Object.entries(options.alias ?? {}).map(([key, names]) => [key, [names].flat()]),
    ),
    ...(options.stopEarly === undefined ? {} : { stopEarly: options.stopEarly }),
    ...(options.unknown === undefined ? {} : { unknown: unknownOf(options.unknown) }),
  });
  const entries = Object.entries(parsed).map(([key, value]) => {
    if (key === "_") return [key, value];
    if (collect.has(key)) return [key, [value].flat()];
    return [key, Array.isArray(value) ? value.at(-1) : value];
  });
  const missing = [...collect].filter((key) => !(key in parsed)).map((key) => [key, []]);
  return Object.fromEntries([...entries, ...missing]);
}

/** Writes `--no-name` as `--no-name=true`, which is not taken for `name: false`. */
function protectNegations(args: readonly string[]): string[] {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  return args.map((arg, index) => index < end && /^--no-[^=]+$/.test(arg) ? `${arg}=true` : arg);
}

function unknownOf(unknown: (arg: string) => unknown): (arg: string) => boolean {
  return (arg) => unknown(arg.replace(/^(--no-[^=]+)=true$/, "$1")) !== false;
}
