/**
 * One step of AdamW (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101), in place.
 *
 * param, m, v, grad `[N]`, scale `[]`, hyper `[4]` = (learning rate λ, weight decay w, 1 - β1^t, 1 - β2^t); all f32:
 * `g = grad·scale`, `m = β1 m + (1 - β1) g`, `v = β2 v + (1 - β2) g²`,
 * `param = param (1 - λ w) - λ (m / (1 - β1^t)) / (√(v / (1 - β2^t)) + eps)`.
 * One invocation updates a few vectors, `vec4f` where N is a multiple of 4. Called by the op `adamw`.
 * @module
 */

import { groupEach } from "./grid.ts";
import { declare, type Kernel, literal, type Target } from "./kernel.ts";
import { nestedRounds } from "./rounds.ts";
import { tidy } from "./tidy.ts";

/** The settings that stay the same from step to step. */
export interface AdamWSpec {
  /** Number of parameters. */
  readonly count: number;
  /** Decay of the running mean of gradients, in [0, 1). */
  readonly beta1: number;
  /** Decay of the running mean of squared gradients, in [0, 1). */
  readonly beta2: number;
  /** Added to the denominator. */
  readonly eps: number;
}

/** The kernel. Bindings: param, m, v (all updated), grad, scale, hyper. */
export function adamw({ count, beta1, beta2, eps }: AdamWSpec, target: Target): Kernel {
  const vector = count % 4 === 0 ? 4 : 1;
  const type = vector === 4 ? "vec4f" : "f32";
  const items = count / vector;
  const each = target.software ? 4 : 1;
  const grid = groupEach(Math.ceil(items / (64 * each)), 64);
  const code = tidy(`${
    declare([
      { name: "param", type, access: "read_write" },
      { name: "m", type, access: "read_write" },
      { name: "v", type, access: "read_write" },
      { name: "grad", type, access: "read" },
      { name: "scale", type: "f32", access: "read" },
      { name: "hyper", type: "vec4f", access: "read" },
    ])
  }

${grid.entry}
let rate = hyper[0].x;
let keep = 1.0 - rate * hyper[0].y;
let correction1 = hyper[0].z;
let correction2 = hyper[0].w;
let factor = scale[0];
let end = min(${items}u, (id + 1u) * ${64 * each}u);
for (var i = id * ${64 * each}u + lane; i < end; i += 64u) {
let g = grad[i] * factor;
let mean = ${literal(beta1)} * m[i] + ${literal(1 - beta1)} * g;
let square = ${literal(beta2)} * v[i] + ${literal(1 - beta2)} * g * g;
m[i] = mean;
v[i] = square;
param[i] = param[i] * keep - rate * (mean / correction1) / (sqrt(square / correction2) + ${literal(eps)});
}
}`);
  return {
    name: `adamw ${count}`,
    code,
    bindings: ["read_write", "read_write", "read_write", "read", "read", "read"],
    workgroups: grid.workgroups,
    flops: 14 * count,
    bytes: 28 * count,
    rounds: nestedRounds(each),
  };
}
