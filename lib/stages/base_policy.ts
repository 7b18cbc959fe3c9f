/**
 * The vector of a policy that is the base model: what training starts from, and what divergence is measured from.
 * @module
 */

import { halfsToFloats } from "../core/half.ts";
import type { F32, Tensor } from "../core/tensor.ts";
import type { Runtime } from "../engine/runtime.ts";
import type { FlatLayout } from "../optim/flat.ts";
import type { Policy } from "./models.ts";
import { floats } from "./rows.ts";

/**
 * The base model as a flat vector of the policy's parameters: zeros for adapters, its own weights where all are trained.
 *
 * @param layout Of the policy's specs.
 */
export async function basePolicy(
  { weights, isWhole = false }: Policy,
  { segments, length }: FlatLayout,
  runtime: Runtime,
): Promise<F32> {
  const flat = new Float32Array(length);
  if (!isWhole) return flat;
  const host = await runtime.get(segments.map(({ name }) => weights[name]!));
  segments.forEach(({ start }, i) => flat.set(widened(host[i]!), start));
  return flat;
}

function widened(x: Tensor): Float32Array<ArrayBuffer> {
  return x.dtype === "f16" ? halfsToFloats(x.data) : floats(x).data as Float32Array<ArrayBuffer>;
}
