/**
 * Bytes looked up in a table for each channel: `out[i, c] = levels[x[i, c], c]`.
 *
 * x `[count, channels]` f32 that hold integers, levels `[256, channels]` f32 -> out `[count, channels]`. Integers beyond
 * the table read its last row. One invocation looks up one. Called by the op `bytes_to_levels`.
 * @module
 */

import { oneEach } from "./grid.ts";
import { declare, type Kernel } from "./kernel.ts";
import { tidy } from "./tidy.ts";

/** The kernel. Bindings: x, levels, out. */
export function bytesToLevels(count: number, channels: number): Kernel {
  const grid = oneEach(count * channels, 64);
  const code = tidy(`${
    declare([
      { name: "x", type: "f32", access: "read" },
      { name: "levels", type: "f32", access: "read" },
      { name: "out", type: "f32", access: "read_write" },
    ])
  }

${grid.entry}
out[id] = levels[min(u32(x[id]), 255u) * ${channels}u + id % ${channels}u];
}`);
  return {
    name: `bytes_to_levels ${count}x${channels}`,
    code,
    bindings: ["read", "read", "read_write"],
    workgroups: grid.workgroups,
    flops: 0,
    bytes: 8 * count * channels + 1024 * channels,
    rounds: 0,
  };
}
