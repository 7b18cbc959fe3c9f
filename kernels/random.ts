/**
 * Random numbers by Philox4x32-10: the words of `lib/core/random.ts`, four to an invocation.
 *
 * key `[2]` u32 -> out `[count]` f32: `out[4 i …]` from the block of counter `[i, 0, 0, 0]`, uniform in [0, 1) (the same
 * bits as on the CPU) or standard normal by Box-Muller (within 1e-5 of it). Called by the op `random`.
 *
 * WGSL has no wide product, so words are multiplied by halves of 16 bits. Its logarithm may be coarse near 1, where
 * Box-Muller divides by little: there a series of `log(1 - x)` takes over, with x computed exactly.
 * @module
 */

import { oneEach } from "./grid.ts";
import { declare, type Kernel } from "./kernel.ts";
import { nestedRounds } from "./rounds.ts";
import { tidy } from "./tidy.ts";

/** A distribution of random numbers. */
export type Distribution = "uniform" | "normal";

/** The kernel. Bindings: key, out. */
export function random(count: number, distribution: Distribution): Kernel {
  const blocks = Math.ceil(count / 4);
  const grid = oneEach(blocks, 64);
  const whole = count % 4 === 0;
  const store = whole
    ? "out[id] = value;"
    : ["x", "y", "z", "w"].map((axis, j) =>
      `if (id * 4u + ${j}u < ${count}u) { out[id * 4u + ${j}u] = value.${axis}; }`
    ).join("\n");
  const code = tidy(`${
    declare([
      { name: "key", type: "u32", access: "read" },
      { name: "out", type: whole ? "vec4f" : "f32", access: "read_write" },
    ])
  }
${PHILOX}
${distribution === "uniform" ? UNIFORM : NORMAL}

${grid.entry}
let value = ${distribution}(philox(vec4u(id, 0u, 0u, 0u), vec2u(key[0], key[1])));
${store}
}`);
  return {
    name: `random_${distribution} ${count}`,
    code,
    bindings: ["read", "read_write"],
    workgroups: grid.workgroups,
    flops: 0,
    bytes: 4 * count + 8,
    rounds: nestedRounds(ROUNDS),
  };
}

/** Rounds of a Philox4x32. */
const ROUNDS = 10;

const PHILOX = `
// The high word of a product of two words.
fn multiply_high(a: u32, b: u32) -> u32 {
let low = (a & 0xffffu) * (b & 0xffffu);
let cross = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
let other = (a & 0xffffu) * (b >> 16u) + (cross & 0xffffu);
return (a >> 16u) * (b >> 16u) + (cross >> 16u) + (other >> 16u);
}

fn philox(counter: vec4u, start: vec2u) -> vec4u {
var c = counter;
var k = start;
for (var round = 0; round < ${ROUNDS}; round++) {
c = vec4u(
multiply_high(0xcd9e8d57u, c.z) ^ c.y ^ k.x, 0xcd9e8d57u * c.z,
multiply_high(0xd2511f53u, c.x) ^ c.w ^ k.y, 0xd2511f53u * c.x
);
k += vec2u(0x9e3779b9u, 0xbb67ae85u);
}
return c;
}`;

const UNIFORM = `
fn uniform(words: vec4u) -> vec4f {
return vec4f(words >> vec4u(8u)) * ${2 ** -24};
}`;

const NORMAL = `
// -log((n + 0.5) / 2^24) for n < 2^24.
fn surprise(n: u32) -> f32 {
let x = (f32(0x1000000u - n) - 0.5) * ${2 ** -24};
if (x < 0.125) {
return x * (1.0 + x * (1.0 / 2.0 + x * (1.0 / 3.0 + x * (1.0 / 4.0 + x * (1.0 / 5.0 + x * (1.0 / 6.0
+ x * (1.0 / 7.0 + x * (1.0 / 8.0))))))));
}
return -log((f32(n) + 0.5) * ${2 ** -24});
}

fn box_muller(a: u32, b: u32) -> vec2f {
let radius = sqrt(2.0 * surprise(a >> 8u));
let turn = f32(b >> 8u) * ${2 ** -24};
let angle = 6.2831853 * select(turn, turn - 1.0, turn >= 0.5);
return radius * vec2f(cos(angle), sin(angle));
}

fn normal(words: vec4u) -> vec4f {
return vec4f(box_muller(words.x, words.y), box_muller(words.z, words.w));
}`;
