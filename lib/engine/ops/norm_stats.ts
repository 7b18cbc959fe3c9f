/**
 * Mean and reciprocal standard deviation of groups of channels: the part of group and layer norm that is not elementwise.
 * @module
 */

import { size, type Tensor, tensor, type TensorType } from "../../core/tensor.ts";
import { normChunks, normStats as statsKernel, normStatsMerge } from "../../../kernels/norm_stats.ts";
import type { NormStatsSpec } from "../../../kernels/norm_stats.ts";
import { applyAll, type OpDef, shapeError, type Value } from "../graph.ts";
import type { KernelCall } from "../lowering.ts";
import { add, mul, sub } from "./elementwise.ts";
import { isInFours } from "./factor.ts";
import { broadcast, reshape } from "./views.ts";

/** Settings of the statistics. */
export interface NormStatsOptions extends Record<string, unknown> {
  /** How many groups the channels are divided in, evenly. */
  readonly groups: number;
  /** Added to the variance, so that it is never 0. */
  readonly eps: number;
}

/**
 * Statistics over the positions and the channels of each group: `rstd = 1 / √(variance + eps)`, biased variance.
 *
 * Layer norm takes its rows as the batch, one position and one group.
 *
 * @param x `[B, N, C]`.
 * @returns `mean` and `rstd`, each `[B, groups]`.
 * @throws {TypeError} If `x` has another rank, or its channels do not divide evenly.
 */
export function normStats(x: Value, { groups, eps }: NormStatsOptions): { mean: Value; rstd: Value } {
  const [mean, rstd] = applyAll(normStatsOp, [x], { groups, eps });
  return { mean: mean!, rstd: rstd! };
}

/** The op behind {@linkcode normStats}. */
export const normStatsOp: OpDef<NormStatsOptions> = {
  name: "norm_stats",
  infer: (inputs, { groups }) => {
    const { shape, dtype } = inputs[0]!;
    if (dtype !== "f32" || shape.length !== 3 || !Number.isInteger(shape[2]! / groups)) {
      throw shapeError("norm_stats", `its operand is not [B, N, C] with C in ${groups} even groups`, inputs);
    }
    const stats: TensorType = { shape: [shape[0]!, groups], dtype };
    return [stats, stats];
  },
  reference: ([x], attrs) => reference(x!, specOf(x!, attrs)),
  // d mean / dx = 1 / M and d rstd / dx = -rstd³ (x - mean) / M, with M values in a group.
  vjp: ([dmean, drstd], [x], [mean, rstd], { groups }) => {
    const [batch, positions, channels] = x!.shape as [number, number, number];
    const grouped = [batch, positions, groups, channels / groups];
    const count = positions * channels / groups;
    const each = (stats: Value) => reshape(stats, [batch, 1, groups, 1]);
    const level = dmean ? broadcast(each(mul(dmean, 1 / count)), grouped) : null;
    if (!drstd) return [level && reshape(level, x!.shape)];
    const slope = mul(mul(drstd, -1 / count), mul(rstd!, mul(rstd!, rstd!)));
    const tilt = mul(each(slope), sub(reshape(x!, grouped), each(mean!)));
    return [reshape(level ? add(level, tilt) : tilt, x!.shape)];
  },
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    readsHalves: isInFours,
    lower: ({ inputs, attrs, target }) => {
      const spec = specOf(inputs[0]!, attrs);
      const chunks = normChunks(spec);
      const results = [{ kind: "output", index: 0 }, { kind: "output", index: 1 }] as const;
      const floats = spec.batch * chunks * spec.groups;
      const parts = [{ kind: "scratch", index: 0, floats }, { kind: "scratch", index: 1, floats }] as const;
      const first: KernelCall = {
        kernel: statsKernel(spec, target),
        operands: [{ kind: "input", index: 0 }, ...(chunks === 1 ? results : parts)],
      };
      return chunks === 1
        ? [first]
        : [first, { kernel: normStatsMerge(spec), operands: [...parts, ...results] }];
    },
  },
};

function specOf({ shape, dtype }: TensorType, attrs: NormStatsOptions): NormStatsSpec {
  const [batch, positions, channels] = shape as [number, number, number];
  return { batch, positions, channels, ...attrs, halves: dtype === "f16" };
}

function reference(x: Tensor, { batch, positions, channels, groups, eps }: NormStatsSpec): Tensor[] {
  const width = channels / groups;
  const count = positions * width;
  const shape = [batch, groups];
  const mean = new Float32Array(size(shape));
  const rstd = new Float32Array(size(shape));
  for (let i = 0; i < mean.length; i++) {
    const start = Math.floor(i / groups) * positions * channels + i % groups * width;
    const values = Array.from(
      { length: count },
      (_, j) => x.data[start + Math.floor(j / width) * channels + j % width]!,
    );
    const center = values.reduce((total, value) => total + value, 0) / count;
    const variance = values.reduce((total, value) => total + (value - center) ** 2, 0) / count;
    mean[i] = center;
    rstd[i] = 1 / Math.sqrt(variance + eps);
  }
  return [tensor(shape, mean), tensor(shape, rstd)];
}
