/**
 * A constant vector: `y[i] = values[i]`, the numbers written into the shader.
 *
 * `y` is `[values.length]` f32. One invocation stores everything: the vectors are short and adapters disagree on how exactly
 * they compute the formulas that such numbers come from. Called by the op `vector`.
 * @module
 */

import { declare, type Kernel, literal } from "./kernel.ts";

/** Writes the kernel that stores `values`. */
export function vector(values: readonly number[]): Kernel {
  const code = `${declare([{ name: "y", type: "f32", access: "read_write" }])}

@compute @workgroup_size(1)
fn main() {
  ${values.map((value, i) => `y[${i}] = ${literal(value)};`).join("\n  ")}
}
`;
  return {
    name: `vector ${values.length}`,
    code,
    bindings: ["read_write"],
    workgroups: [1, 1, 1],
    flops: 0,
    bytes: 4 * values.length,
    rounds: 0,
  };
}
