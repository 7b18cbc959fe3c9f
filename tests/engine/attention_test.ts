import { assertEquals, assertThrows } from "@std/assert";
import { type FloatTensor, tensor } from "../../lib/core/tensor.ts";
import { input } from "../../lib/engine/graph.ts";
import { attention, attentionOp } from "../../lib/engine/ops/attention.ts";
import { attentionGradKeyValueOp, attentionGradQueryOp } from "../../lib/engine/ops/attention_grad.ts";
import type { AttentionAttrs } from "../../lib/engine/ops/attention_problem.ts";
import { type Harness, runOp } from "../gpu_harness.ts";
import { assertClose, assertLikeReference, gpuTest, normalTensor } from "./op_checks.ts";

/** Heads of every kind: registers, several rows, loops over the columns; lengths that do not divide. */
const CASES = [
  { batch: 2, heads: 2, queries: 16, keys: 16, width: 32, causal: true },
  { batch: 3, heads: 1, queries: 64, keys: 16, width: 32, causal: false },
  { batch: 1, heads: 2, queries: 77, keys: 77, width: 64, causal: true },
  { batch: 1, heads: 2, queries: 9, keys: 77, width: 40, causal: false },
  { batch: 1, heads: 1, queries: 257, keys: 31, width: 80, causal: false },
  { batch: 1, heads: 1, queries: 21, keys: 22, width: 512, causal: false },
  { batch: 1, heads: 2, queries: 1, keys: 1, width: 4, causal: true },
  // More rounds of loops than llvmpipe lets an invocation have, if no round took several columns.
  { batch: 1, heads: 1, queries: 8, keys: 4096, width: 512, causal: false },
];

interface Case {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
}

/** q, k, v and the cotangent. */
function operands({ batch, heads, queries, keys, width }: Case, seed: number): FloatTensor[] {
  const channels = heads * width;
  return [queries, keys, keys, queries].map((length, i) =>
    normalTensor(seed, `operand ${i}`, [batch, length, channels])
  );
}

/** Compares the forward kernel, then both gradient kernels on the reference's own lse and delta. */
async function check(harness: Harness, problem: Case, attrs: AttentionAttrs, seed: number): Promise<void> {
  const [q, k, v, ct] = operands(problem, seed) as [FloatTensor, FloatTensor, FloatTensor, FloatTensor];
  await assertLikeReference(harness, attentionOp, [q, k, v], attrs, 2e-5, `seed ${seed}`);
  const [out, lse] = attentionOp.reference([q, k, v], attrs) as [FloatTensor, FloatTensor];
  const { batch, heads, queries, width } = problem;
  const delta = new Float32Array(batch * queries * heads);
  out.data.forEach((value, i) => delta[Math.floor(i / width)]! += value * ct.data[i]!);
  const all = [q, k, v, ct, lse, tensor([batch, queries, heads], delta)];
  await assertLikeReference(harness, attentionGradQueryOp, all, attrs, 1e-4, `seed ${seed}`);
  await assertLikeReference(harness, attentionGradKeyValueOp, all, attrs, 1e-4, `seed ${seed}`);
}

gpuTest("attention and its gradients are those of the reference", async (harness) => {
  for (const [seed, { causal, ...problem }] of CASES.entries()) {
    await check(harness, problem, { heads: problem.heads, causal }, seed);
  }
});

gpuTest("attention as generated for a GPU is that of the reference", async (harness) => {
  const target = { software: false };
  for (const [seed, { causal, ...problem }] of CASES.slice(4, 6).entries()) {
    await check({ ...harness, target }, problem, { heads: problem.heads, causal }, seed);
  }
});

gpuTest("attention gives an element the same bits alone and in a batch", async (harness) => {
  const problem = { batch: 5, heads: 2, queries: 17, keys: 16, width: 32 };
  const attrs = { heads: 2, causal: false };
  const inputs = operands(problem, 7).slice(0, 3);
  const together = await runOp(harness, attentionOp, inputs, attrs);
  const last = (x: FloatTensor) =>
    tensor(
      [1, ...x.shape.slice(1)],
      x.data.slice(-x.data.length / problem.batch) as Float32Array<ArrayBuffer>,
    );
  const alone = await runOp(harness, attentionOp, inputs.map(last), attrs);
  assertEquals(alone, (together as FloatTensor[]).map(last));
});

gpuTest("attention stays finite where scores are large", async (harness) => {
  const big = tensor([1, 4, 8], new Float32Array(32).map((_, i) => (i % 8 - 4) * 40));
  const attrs = { heads: 1, causal: true };
  const [out] = await runOp(harness, attentionOp, [big, big, big], attrs);
  assertClose(out!, attentionOp.reference([big, big, big], attrs)[0]!, 1e-5, "scores up to 12000");
});

Deno.test("attention refuses shapes that do not fit, and names them", () => {
  const q = input("q", [1, 4, 12]);
  const k = input("k", [1, 5, 12]);
  assertThrows(() => attention(q, k, q, { heads: 1 }), TypeError, "f32[1, 5, 12]");
  assertThrows(() => attention(q, k, k, { heads: 2 }), TypeError, "multiple of 4");
});
