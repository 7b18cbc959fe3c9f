/**
 * The vector of a policy that is the base model: what training starts from, and what divergence is measured from.
 * @module
 */

import { halfsToFloats } from "../core/half.ts";
import type { F32, Tensor } from "../core/tensor.ts";
import { largestBinding } from "../engine/limits.ts";
import type { Runtime } from "../engine/runtime.ts";
import type { FlatLayout } from "../optim/flat.ts";
import type { Policy } from "./models.ts";
import { floats } from "./rows.ts";

/**
 * The base model as a flat vector of the policy's parameters: zeros for adapters, its own weights where all are trained.
 *
 * @param layout Of the policy's specs.
 * @throws {RangeError} If the adapter allows no vector of all weights.
 */
export async function basePolicy(
  { weights, isWhole = false }: Policy,
  { segments, length }: FlatLayout,
  runtime: Runtime,
): Promise<F32> {
  if (!isWhole) return new Float32Array(length);
  const most = runtime.limits === undefined ? Infinity : largestBinding(runtime.limits);
  if (4 * length > most) {
    throw new RangeError(
      `Cannot train all weights of the model as the adapter allows ${most} bytes in one piece: they are ` +
        `${4 * length}; train adapters, which lora describes where it is not null`,
    );
  }
  const host = await runtime.get(segments.map(({ name }) => weights[name]!));
  const flat = new Float32Array(length);
  segments.forEach(({ start }, i) => flat.set(widened(host[i]!), start));
  return flat;
}

function widened(x: Tensor): Float32Array<ArrayBuffer> {
  return x.dtype === "f16" ? halfsToFloats(x.data) : floats(x).data as Float32Array<ArrayBuffer>;
}
