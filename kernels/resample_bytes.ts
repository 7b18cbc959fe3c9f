/**
 * Bytes resampled along an axis: `out[a, o, c] = byte((2^21 + Σ_i weight[o, i] x[a, start[o] + i, c]) >> 22)`.
 *
 * x `[outer, extent, inner]` f32 that hold integers of `[0, 255]`; windows `[count, 1 + taps]` u32, each a start and the
 * bits of i32 weights with 22 binary places -> out `[outer, count, inner]` f32 that hold integers of `[0, 255]`; `byte`
 * clamps. One invocation computes one output. All sums are of i32: every adapter has the same bits. Called by the op
 * `resample_bytes`.
 * @module
 */

import { oneEach } from "./grid.ts";
import { declare, type Kernel } from "./kernel.ts";
import { nestedRounds } from "./rounds.ts";
import { tidy } from "./tidy.ts";

/** A problem: `count` windows of `taps` along the middle axis of `[outer, extent, inner]`. */
export interface ResampleBytesSpec {
  /** Positions of all axes before. */
  readonly outer: number;
  /** Positions along the axis. */
  readonly extent: number;
  /** Positions of all axes behind. */
  readonly inner: number;
  /** Windows, which is positions afterwards. */
  readonly count: number;
  /** Weights of a window. */
  readonly taps: number;
}

/** The kernel. Bindings: x, windows, out. */
export function resampleBytes({ outer, extent, inner, count, taps }: ResampleBytesSpec): Kernel {
  const outputs = outer * count * inner;
  const grid = oneEach(outputs, 64);
  const code = tidy(`${
    declare([
      { name: "x", type: "f32", access: "read" },
      { name: "windows", type: "u32", access: "read" },
      { name: "out", type: "f32", access: "read_write" },
    ])
  }

${grid.entry}
let window = id / ${inner}u % ${count}u * ${taps + 1}u;
let first = (id / ${count * inner}u * ${extent}u + windows[window]) * ${inner}u + id % ${inner}u;
var sum = ${1 << 21};
for (var i = 0u; i < ${taps}u; i++) {
sum += bitcast<i32>(windows[window + 1u + i]) * i32(x[first + i * ${inner}u]);
}
out[id] = f32(clamp(sum >> 22u, 0, 255));
}`);
  return {
    name: `resample_bytes ${outer}x${extent}x${inner} to ${count} by ${taps}`,
    code,
    bindings: ["read", "read", "read_write"],
    workgroups: grid.workgroups,
    flops: 2 * outputs * taps,
    bytes: 4 * (outer * extent * inner + count * (taps + 1) + outputs),
    rounds: nestedRounds(taps),
  };
}
