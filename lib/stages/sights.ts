/**
 * What a critic sees of a denoising step: images, latents, or what the base model makes of these.
 * @module
 */

import type { Shape } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { mul } from "../engine/ops/elementwise.ts";
import { mean } from "../engine/ops/reductions.ts";
import { reshape } from "../engine/ops/views.ts";
import { normalize } from "../nn/norm.ts";
import type { Scope } from "../nn/scope.ts";
import type { Frozen, PolicyInputs, Sight } from "./models.ts";

/** Cells along each side that latents are pooled to, at most. */
const CELLS = 8;

/** Latents as the image they decode to, through an image tower: the encoder alignment of the reference implementation. */
export function imageSight(decoder: Frozen<Value, Value>, encoder: Frozen<Value, Value>): Sight {
  return {
    parts: { decoder: decoder.weights, encoder: encoder.weights },
    build: (scopes, { sample }) => {
      const images = decoder.build(partOf(scopes, "decoder"), sample);
      return encoder.build(partOf(scopes, "encoder"), images);
    },
  };
}

/**
 * Latents as they are: means over a grid of at most 8 by 8 cells, flattened, over the root of their number.
 *
 * They are not brought to length 1, as how large latents are says how far they are from noise.
 */
export const latentSight: Sight = {
  parts: {},
  build: (_, { sample }) => {
    const [batch, height, width, channels] = sample.shape as readonly [number, number, number, number];
    const [rows, columns] = [cellsOf(height), cellsOf(width)];
    const bands = mean(reshape(sample, [batch * rows, height / rows, width * channels]), [1]);
    const cells = mean(reshape(bands, [batch * rows * columns, width / columns, channels]), [1]);
    const seen = rows * columns * channels;
    return mul(reshape(cells, [batch, seen]), 1 / Math.sqrt(seen));
  },
};

/** Numbers that {@linkcode latentSight} sees of latents `[H, W, C]`. */
export function latentSightWidth([height, width, channels]: Shape): number {
  return cellsOf(height!) * cellsOf(width!) * channels!;
}

/**
 * Latents through features `[B, D]` of the base model, brought to length 1: they do not change as the policy does.
 *
 * The base model knows noisy latents of the timestep that it is told, so a predicted image is nothing for it to see.
 */
export function featureSight({ weights, build }: Frozen<PolicyInputs, Value>): Sight {
  return {
    parts: { policy: weights },
    build: (scopes, inputs) => normalize(build(partOf(scopes, "policy"), inputs)),
  };
}

/** The most cells that a side is cut into evenly. */
function cellsOf(side: number): number {
  for (let cells = Math.min(CELLS, side);; cells--) if (side % cells === 0) return cells;
}

function partOf(scopes: Readonly<Record<string, Scope>>, name: string): Scope {
  const scope = scopes[name];
  if (scope === undefined) throw new TypeError(`Cannot see as a model has no weights here: ${name}`);
  return scope;
}
