/**
 * Mean and reciprocal standard deviation of groups of channels, for group and layer norm.
 *
 * x `[B, N, C]` -> mean, rstd `[B, G]`: over the N positions and the C/G channels of a group,
 * `rstd = 1 / sqrt(variance + eps)` with the biased variance; all f32, `x` perhaps halves.
 * The N positions are cut into chunks whose size depends on N, C and G alone. A chunk is read twice: for its mean, and
 * for the squared distances from it. One invocation does a chunk on a software adapter, a workgroup on a GPU. Where
 * there are several chunks, a second kernel merges them in order by Chan's formula. Called by the op `norm_stats`.
 * @module
 */

import { elementAt, fourAt } from "./access.ts";
import { libraryFor } from "./functions.ts";
import { groupEach, oneEach } from "./grid.ts";
import { declare, type Kernel, literal, type Target } from "./kernel.ts";
import { MOST_ROUNDS, nestedRounds } from "./rounds.ts";
import { tidy } from "./tidy.ts";

/** A problem: x `[batch, positions, channels]`. */
export interface NormStatsSpec {
  /** Samples, each with statistics of its own. */
  readonly batch: number;
  /** Positions of a sample. */
  readonly positions: number;
  /** Channels of a position. */
  readonly channels: number;
  /** How many groups the channels are divided in, evenly. */
  readonly groups: number;
  /** Added to the variance. */
  readonly eps: number;
  /** Whether `x` is packed halves, its channels a multiple of 4 (default no). */
  readonly halves?: boolean;
}

/** How many chunks the positions of one batch element are cut into. */
export function normChunks(spec: NormStatsSpec): number {
  return Math.ceil(spec.positions / chunkLength(spec));
}

/**
 * Statistics of every chunk. With one chunk the results are `mean` and `rstd`, else the chunks' means and sums of
 * squared distances, `[B, chunks, G]` each. Bindings: x, mean, rstd.
 */
export function normStats(spec: NormStatsSpec, target: Target): Kernel {
  const { batch, positions, channels, groups, eps, halves = false } = spec;
  const chunks = normChunks(spec);
  const length = chunkLength(spec);
  const vector = widest(channels / groups);
  const type = vector === 1 ? "f32" : `vec${vector}f`;
  const width = channels / groups / vector;
  const value = halves ? widenedAt(vector) : "x[at]";
  const lanes = target.software ? 1 : 64;
  const grid = lanes === 1 ? oneEach(batch * chunks * groups, 32) : groupEach(batch * chunks * groups, lanes);
  const walk = (body: string) => lanes === 1 ? serial(width, body) : strided(width, lanes, body);
  const total = (name: string) => {
    const own = vector === 1 ? name : `dot(${name}, ${type}(1.0))`;
    return lanes === 1 ? own : `total(lane, ${own})`;
  };
  const rstd = chunks === 1 ? `1.0 / sqrt(squares / count + ${literal(eps)})` : "squares";
  const code = tidy(`${
    declare([
      { name: "x", type: halves ? HALVES[vector] : type, access: "read" },
      { name: "mean", type: "f32", access: "read_write" },
      { name: "rstd", type: "f32", access: "read_write" },
    ])
  }
${lanes === 1 ? "" : treeSum(lanes)}

${grid.entry}
let own = id % ${groups}u;
let chunk = id / ${groups}u % ${chunks}u;
let image = id / ${groups * chunks}u;
let begin = chunk * ${length}u;
let rows = min(${length}u, ${positions}u - begin);
let start = ((image * ${positions}u + begin) * ${groups}u + own) * ${width}u;
let count = f32(rows * ${channels / groups}u);
var sum = ${type}();
${walk(`sum += ${value};`)}
let center = ${total("sum")} / count;
var distance = ${type}();
${walk(`let off = ${value} - center;\ndistance += off * off;`)}
let squares = ${total("distance")};
${lanes === 1 ? "" : "if (lane > 0u) { return; }"}
mean[id] = center;
rstd[id] = ${rstd};
}

const row = ${groups * width}u;
${libraryFor(value)}`);
  return {
    name: `norm_stats ${batch}x${positions}x${channels}/${groups}${halves ? " halves" : ""}`,
    code,
    bindings: ["read", "read_write", "read_write"],
    workgroups: grid.workgroups,
    flops: 4 * batch * positions * channels,
    bytes: batch * ((halves ? 2 : 4) * positions * channels + 8 * groups),
    rounds: 2 *
      (lanes === 1
        ? nestedRounds(length, width)
        : nestedRounds(Math.ceil(length * width / lanes)) + nestedRounds(Math.log2(lanes))),
  };
}

/** Merges the chunks' statistics in order. Bindings: the chunks' means and squares, mean, rstd. */
export function normStatsMerge(spec: NormStatsSpec): Kernel {
  const { batch, positions, channels, groups, eps } = spec;
  const chunks = normChunks(spec);
  const length = chunkLength(spec);
  const grid = oneEach(batch * groups, 64);
  const code = tidy(`${
    declare([
      { name: "means", type: "f32", access: "read" },
      { name: "squares", type: "f32", access: "read" },
      { name: "mean", type: "f32", access: "read_write" },
      { name: "rstd", type: "f32", access: "read_write" },
    ])
  }

${grid.entry}
let first = id / ${groups}u * ${chunks * groups}u + id % ${groups}u;
var center = means[first];
var spread = squares[first];
for (var chunk = 1u; chunk < ${chunks}u; chunk++) {
let at = first + chunk * ${groups}u;
let before = f32(chunk * ${length}u);
let rows = f32(min(${length}u, ${positions}u - chunk * ${length}u));
let share = rows / (before + rows);
let step = means[at] - center;
center += step * share;
spread += squares[at] + step * step * before * share * ${literal(channels / groups)};
}
mean[id] = center;
rstd[id] = 1.0 / sqrt(spread / ${literal(positions * channels / groups)} + ${literal(eps)});
}`);
  return {
    name: `norm_stats_merge ${batch}x${chunks}x${groups}`,
    code,
    bindings: ["read", "read", "read_write", "read_write"],
    workgroups: grid.workgroups,
    flops: 8 * batch * chunks * groups,
    bytes: 8 * batch * groups * (chunks + 1),
    rounds: nestedRounds(chunks - 1),
  };
}

/**
 * Positions of a chunk: about 2048 values of a group, and no more than 256 chunks unless their loops would be too long. What a
 * position takes at the most, four rounds and two more for each vector, is the same on every adapter.
 */
function chunkLength({ positions, channels, groups }: NormStatsSpec): number {
  const length = Math.max(Math.ceil(2048 / (channels / groups)), Math.ceil(positions / 256));
  const longest = Math.max(
    1,
    Math.floor((MOST_ROUNDS - 2) / (4 + 2 * channels / groups / widest(channels / groups))),
  );
  return Math.min(positions, length, longest);
}

/** Channels of a group that are read at once. */
function widest(channels: number): 1 | 2 | 4 {
  return channels % 4 === 0 ? 4 : channels % 2 === 0 ? 2 : 1;
}

/** What so many halves lie in, or are part of. */
const HALVES = { 4: "vec2u", 2: "u32", 1: "u32" } as const;

/** So many halves as floats. */
function widenedAt(vector: 1 | 2 | 4): string {
  return vector === 2
    ? "unpack2x16float(x[at])"
    : vector === 4
    ? fourAt("x", "at", "f16")
    : elementAt("x", "at", "f16");
}

/** Visits a chunk's vectors one after the other. */
function serial(width: number, body: string): string {
  return `for (var r = 0u; r < rows; r++) {
for (var c = 0u; c < ${width}u; c++) {
let at = start + r * row + c;
${body}
}
}`;
}

/** Visits a chunk's vectors, each lane every so many. */
function strided(width: number, lanes: number, body: string): string {
  return `for (var i = lane; i < rows * ${width}u; i += ${lanes}u) {
let at = start + i / ${width}u * row + i % ${width}u;
${body}
}`;
}

/** A function that adds one number of each lane, in a fixed order. */
function treeSum(lanes: number): string {
  return `
var<workgroup> parts: array<f32, ${lanes}>;

fn total(lane: u32, part: f32) -> f32 {
parts[lane] = part;
workgroupBarrier();
for (var half = ${lanes / 2}u; half > 0u; half /= 2u) {
if (lane < half) { parts[lane] += parts[lane + half]; }
workgroupBarrier();
}
let sum = parts[0];
workgroupBarrier();
return sum;
}`;
}
