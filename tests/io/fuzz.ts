/**
 * Feeds the readers of weights with damaged files: `deno run -A tests/io/fuzz.ts --count 100000 [--seed N] [--from INDEX]`.
 *
 * Each case is a sound file with a few changes that know its structure, and is either read or refused in one line of ours. No
 * request for bytes and no tensor is larger than the file, and none takes seconds. A case depends on seed and index alone.
 * @module
 */

import { assert } from "@std/assert";
import { parseArgs } from "@std/cli";
import { fold, key } from "../../lib/core/random.ts";
import { size, tensor } from "../../lib/core/tensor.ts";
import { openWeights } from "../../lib/io/open_weights.ts";
import { writeSafetensors } from "../../lib/io/safetensors.ts";
import { findMember, readZipDirectory } from "../../lib/io/torch/zip_directory.ts";
import { readFromMemory, readTensor } from "../../lib/io/weights_file.ts";
import { mutateBytes } from "./fuzz/bytes.ts";
import { type Draws, drawsFrom } from "./fuzz/draws.ts";
import { mutateSafetensors } from "./fuzz/safetensors.ts";
import { mutateLegacy, mutateZip } from "./fuzz/torch.ts";
import { join, type Members } from "./torch_writer.ts";

/** What is fed. */
export interface FuzzOptions {
  /** How many cases. */
  readonly count: number;
  /** What they are drawn from, default 0. */
  readonly seed?: number;
  /** The first case, default 0. */
  readonly from?: number;
}

/** What became of the cases. */
export interface Fuzzed {
  /** How many were read. */
  readonly read: number;
  /** How many were refused. */
  readonly refused: number;
  /** The kinds of refusals, numbers and names left out, and how often each came. */
  readonly reasons: ReadonlyMap<string, number>;
  /** The longest time that one took. */
  readonly slowestMs: number;
}

/**
 * Feeds damaged files.
 *
 * @throws {Error} At the first that is neither read nor refused as it should be, with what makes it again.
 */
export async function fuzz({ count, seed = 0, from = 0 }: FuzzOptions): Promise<Fuzzed> {
  const samples = await readSamples();
  const reasons = new Map<string, number>();
  let read = 0;
  let slowestMs = 0;
  for (let index = from; index < from + count; index++) {
    const { file, within } = makeCase(samples, drawsFrom(fold(key(seed), index)));
    try {
      const { reason, ms } = await timed(() => feed(file, within));
      if (reason === undefined) read++;
      else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      assert(ms < MOST_MS, `it took ${ms.toFixed()} ms`);
      slowestMs = Math.max(slowestMs, ms);
    } catch (cause) {
      const again = `deno run -A tests/io/fuzz.ts --seed ${seed} --from ${index} --count 1`;
      throw new Error(`Case ${index} of seed ${seed}, ${file.length} bytes: ${cause}; ${again}`, { cause });
    }
  }
  return { read, refused: count - read, reasons, slowestMs };
}

/** Far more than any takes: what is longer hangs. */
const MOST_MS = 10_000;
/** What takes longer is tried again: a busy machine stops anywhere, but not in the same case each time. */
const LONG_MS = 100;
const MOST_TRIES = 5;
const LONGEST_MESSAGE = 600;
/** How all refusals read: one line, for a dot is no line break. */
const REFUSAL = /^Cannot read (a safetensors file|a torch file|a file of weights|tensor .+) as .+: .+; .+$/u;

interface Sample {
  readonly file: Uint8Array;
  /** The keys that lead to its tensors. */
  readonly within?: readonly string[];
  readonly mutate: (draws: Draws) => Uint8Array;
}

async function readSamples(): Promise<readonly Sample[]> {
  const golden = ["zip", "zip_views", "module", "protocol_4", "nested"];
  const zips = await Promise.all(golden.map(async (name) => {
    const file = await readGolden(name);
    const members = await membersOf(file);
    const within = name === "nested" ? ["state_dict"] : [];
    return { file, within, mutate: (draws: Draws) => mutateZip(members, draws) };
  }));
  const legacy = await Promise.all(["legacy", "legacy_views"].map(async (name) => {
    const file = await readGolden(name);
    return { file, mutate: (draws: Draws) => mutateLegacy(file, draws) };
  }));
  const safetensors = safetensorsFiles().map((file) => ({
    file,
    mutate: (draws: Draws) => mutateSafetensors(file, draws),
  }));
  return [...zips, ...legacy, ...safetensors];
}

function readGolden(name: string): Promise<Uint8Array> {
  return Deno.readFile(new URL(`../golden/torch_${name}.bin`, import.meta.url));
}

async function membersOf(file: Uint8Array): Promise<Members> {
  const source = { read: readFromMemory(file), fileBytes: file.length };
  const members = await Array.fromAsync(await readZipDirectory(source), async ([name, member]) => {
    const start = await findMember(source, name, member);
    return [name, file.slice(start, start + member.bytes)] as const;
  });
  return Object.fromEntries(members);
}

/** As many as there are torch files, so that both formats get as much. */
function safetensorsFiles(): readonly Uint8Array[] {
  const tree = {
    "a.weight": tensor([2, 3], [1, -2, 3.5, 0, 6, 1e-3]),
    "a.bias": tensor([], [0.1]),
    "b.weight": tensor([3, 1, 2, 1], [1, 2, 3, 4, 5, 6]),
    "10": tensor([0, 4], []),
  };
  const mixed = {
    flags: { dtype: "BOOL", shape: [3], data_offsets: [0, 3] },
    ids: { dtype: "I64", shape: [1, 2], data_offsets: [3, 19] },
    bf16: { dtype: "BF16", shape: [2], data_offsets: [19, 23] },
    f64: { dtype: "F64", shape: [1], data_offsets: [23, 31] },
  };
  const json = new TextEncoder().encode(JSON.stringify(mixed));
  const unaligned = join(
    new Uint8Array(BigInt64Array.of(BigInt(json.length)).buffer),
    json,
    new Uint8Array(31),
  );
  const floats = [writeSafetensors(tree), writeSafetensors(tree, { dtype: "F16", metadata: { a: "b" } })];
  return [...floats, ...floats, ...floats, unaligned];
}

function makeCase(samples: readonly Sample[], draws: Draws) {
  const sample = draws.one(samples);
  const changed = draws.below(5) ? sample.mutate(draws) : sample.file;
  const others = samples.map(({ file }) => file);
  const file = draws.below(3) ? changed : mutateBytes(changed, others, draws);
  const { within = [] } = draws.below(20) ? sample : draws.one(samples);
  return { file, within };
}

/** Runs something, with the shortest time that it took. */
async function timed(run: () => Promise<string | undefined>) {
  let ms = Infinity;
  let reason: string | undefined;
  for (let tries = 0; tries < MOST_TRIES && ms > LONG_MS; tries++) {
    const begun = performance.now();
    reason = await run();
    ms = Math.min(ms, performance.now() - begun);
  }
  return { reason, ms };
}

/** Reads a file with all its tensors; gives the reason if it is refused. */
async function feed(bytes: Uint8Array, within: readonly string[]): Promise<string | undefined> {
  const read = (offset: number, length: number) => {
    const isCount = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 &&
      length >= 0;
    assert(isCount && length <= bytes.length, `it asked for ${length} bytes at ${offset}`);
    return Promise.resolve(bytes.slice(offset, offset + length));
  };
  try {
    const file = await openWeights(read, bytes.length, { within });
    for (const [name, { shape }] of file.entries) {
      const { data } = await readTensor(file, name);
      assert(
        data.length === size(shape) && data.length <= bytes.length,
        `${name} has ${data.length} elements`,
      );
    }
  } catch (error) {
    const isOurs = error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError;
    if (!isOurs || !REFUSAL.test(error.message) || error.message.length > LONGEST_MESSAGE) throw error;
    return reasonOf(error.message);
  }
}

/** A message without the names and numbers, which differ from file to file. */
function reasonOf(message: string): string {
  return message.replace(/: .*/s, "").replace(
    /\[.*?\]|"[^"]*"|\S*[\d/…]\S*|(?<=(tensor|member|dtype) )\S+/g,
    "…",
  );
}

if (import.meta.main) {
  const options = parseArgs(Deno.args, { string: ["count", "seed", "from"] });
  const seed = Number(options.seed ?? 0);
  const count = Number(options.count ?? 100_000);
  const { read, refused, reasons, slowestMs } = await fuzz({ count, seed, from: Number(options.from ?? 0) });
  for (const [reason, times] of [...reasons].sort(([, a], [, b]) => b - a)) {
    console.log(`${times}\t${reason}`);
  }
  const { rss } = Deno.memoryUsage();
  console.log(
    `seed ${seed}: ${read} read, ${refused} refused for ${reasons.size} reasons; ` +
      `the slowest took ${slowestMs.toFixed(1)} ms, memory ${(rss / 2 ** 20).toFixed()} MiB`,
  );
}
