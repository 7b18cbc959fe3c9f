/**
 * AdamW in which every element counts its own steps: one that begins anew, after a reset, moves as if its optimizer were new.
 * @module
 */

import { type FloatTensor, tensor } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { add, div, exp, greater, mul, neg, sqrt, square, sub, where } from "../engine/ops/elementwise.ts";
import { reshape, slice } from "../engine/ops/views.ts";
import type { AdamWRates } from "./adamw.ts";

/** What a step reads. */
export interface AdamWEachInputs {
  /** `[N]`, the parameters. */
  readonly param: Value;
  /** `[N]`, the running mean of gradients. */
  readonly m: Value;
  /** `[N]`, the running mean of squared gradients. */
  readonly v: Value;
  /** `[N]`, the step after which each element began. */
  readonly since: Value;
  /** `[N]`, the gradient of the loss. */
  readonly grad: Value;
  /** `[]`, what the gradient is multiplied by first, to clip it. */
  readonly scale: Value;
  /** `[3]`, of {@linkcode adamwEachHyper}. */
  readonly hyper: Value;
}

/**
 * What {@linkcode adamwEach} reads at a step.
 *
 * @param step Counted from 1.
 * @returns `[3]`: learning rate, weight decay, step.
 */
export function adamwEachHyper({ learningRate, weightDecay }: AdamWRates, step: number): FloatTensor {
  return tensor([3], [learningRate, weightDecay, step]);
}

/**
 * One step of AdamW with decoupled weight decay, as the op `adamw`, but with `t = step - since` for each element.
 *
 * @returns The new `param`, `m` and `v`, each `[N]`.
 */
export function adamwEach(
  inputs: AdamWEachInputs,
  { beta1, beta2, eps }: AdamWRates,
): { param: Value; m: Value; v: Value } {
  const [rate, decay, step] = [0, 1, 2].map((i) => reshape(slice(inputs.hyper, 0, i, i + 1), []));
  const grad = mul(inputs.grad, inputs.scale);
  const m = add(mul(inputs.m, beta1), mul(grad, 1 - beta1));
  const v = add(mul(inputs.v, beta2), mul(square(grad), 1 - beta2));
  const age = sub(step!, inputs.since);
  const direction = div(
    div(m, complementOfPower(beta1, age)),
    add(sqrt(div(v, complementOfPower(beta2, age))), eps),
  );
  const kept = mul(inputs.param, sub(1, mul(rate!, decay!)));
  return { param: sub(kept, mul(direction, rate!)), m, v };
}

/** `1 - beta^n`: by its series where the power is near 1 and the difference would lose its digits. */
function complementOfPower(beta: number, n: Value): Value | number {
  if (beta === 0) return 1;
  const x = neg(mul(n, Math.log(beta)));
  let series: Value | number = 1;
  for (let term = 8; term >= 2; term--) series = sub(1, mul(mul(x, 1 / term), series));
  return where(greater(x, 0.5), sub(1, exp(neg(x))), mul(x, series));
}
