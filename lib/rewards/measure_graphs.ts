/**
 * Measures of images as graphs: those of `measures.ts` and `colours.ts` that have a gradient.
 * @module
 */

import { type Tensor, tensor } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { add, div, greater, max, min, mul, sqrt, square, sub, where } from "../engine/ops/elementwise.ts";
import { mean, sum } from "../engine/ops/reductions.ts";
import { reshape, slice } from "../engine/ops/views.ts";
import { alongColumns } from "../models/pixel_gradient.ts";
import { BLANK } from "./measures.ts";
import type { RewardGraph } from "./reward.ts";

/** From images `[B, H, W, 3]` in `[0, 1]`, and what it reads beside them, to `[B]`. */
export type MeasureGraph = (images: Value, inputs: Readonly<Record<string, Value>>) => Value;

/** `colourfulness`; its gradient is finite where an image has no colours. */
export function colourfulnessGraph(images: Value): Value {
  const [r, g, b] = channels(mul(images, 255));
  const [rg, yb] = [sub(r, g), sub(mul(add(r, g), 0.5), b)];
  const spread = root(add(variance(rg), variance(yb)));
  return add(spread, mul(root(add(square(average(rg)), square(average(yb)))), 0.3));
}

/** `sharpness`; its gradient is finite where an image has no edges. */
export function sharpnessGraph(images: Value): Value {
  const y = mul(lumaOf(images), 255);
  const [, height, width] = y.shape as readonly [number, number, number];
  const part = (down: number, across: number) =>
    slice(slice(y, 1, 1 + down, height - 1 + down), 2, 1 + across, width - 1 + across);
  const neighbours = add(add(part(-1, 0), part(1, 0)), add(part(0, -1), part(0, 1)));
  return root(variance(sub(neighbours, mul(part(0, 0), 4))));
}

/** `symmetry`; reads {@linkcode mirror}. */
export function symmetryGraph(images: Value, { mirror }: Readonly<Record<string, Value>>): Value {
  const x = sub(images, mean(images, [1, 2, 3], { keep: true }));
  const covariance = mean(mul(x, alongColumns(x, mirror!)), [1, 2, 3]);
  return div(covariance, add(mean(square(x), [1, 2, 3]), BLANK));
}

/** `borderInk`. */
export function borderInkGraph(images: Value): Value {
  const [r, g, b] = channels(images);
  const ink = sub(1, min(r, min(g, b)));
  const [, height, width] = ink.shape as readonly [number, number, number];
  const inside = [height, width].map((extent) => Math.max(extent - 4, 0)) as [number, number];
  const all = sum(ink, [1, 2]);
  if (inside.includes(0)) return mul(all, 1 / (height * width));
  const inner = sum(slice(slice(ink, 1, 2, height - 2), 2, 2, width - 2), [1, 2]);
  return mul(sub(all, inner), 1 / (height * width - inside[0] * inside[1]));
}

/** `brightness`. */
export function brightnessGraph(images: Value): Value {
  return average(lumaOf(images));
}

/** `contrast`; its gradient is finite where an image is blank. */
export function contrastGraph(images: Value): Value {
  return root(variance(mul(lumaOf(images), 255)));
}

/** `saturation`. */
export function saturationGraph(images: Value): Value {
  const [r, g, b] = channels(images);
  const [most, least] = [max(r, max(g, b)), min(r, min(g, b))];
  return average(where(greater(most, 0), div(sub(most, least), max(most, TINY)), 0));
}

/** The matrix that turns rows of `W` pixels round, as the tensor `mirror` `[W, W]`. */
export function mirror(width: number): Readonly<Record<"mirror", Tensor>> {
  const data = new Float32Array(width * width);
  for (let i = 0; i < width; i++) data[i * width + width - 1 - i] = 1;
  return { mirror: tensor([width, width], data) };
}

/**
 * A reward that is a measure, as a graph.
 *
 * @param inputs What it reads beside images of a width in pixels; default nothing.
 */
export function measureGraph(
  measure: MeasureGraph,
  inputs: (width: number) => Readonly<Record<string, Tensor>> = () => ({}),
): RewardGraph {
  return {
    weights: {},
    inputs: (_, [, , width]) => inputs(width!),
    build: (_, images, inputs) => measure(images, inputs),
  };
}

/** Below this, what divides or is under a root counts as 0. */
const TINY = 1e-6;

/** `[B, H, W]` each: red, green and blue. */
function channels(images: Value): [Value, Value, Value] {
  const at = (c: number) => reshape(slice(images, 3, c, c + 1), images.shape.slice(0, 3));
  return [at(0), at(1), at(2)];
}

function lumaOf(images: Value): Value {
  const [r, g, b] = channels(images);
  return add(add(mul(r, 0.299), mul(g, 0.587)), mul(b, 0.114));
}

/** `[B]`, of `[B, H, W]`. */
function average(x: Value): Value {
  return mean(x, [1, 2]);
}

/** `[B]`, of `[B, H, W]`. */
function variance(x: Value): Value {
  return average(square(sub(x, mean(x, [1, 2], { keep: true }))));
}

/** The root, whose slope at 0 is not infinite. */
function root(x: Value): Value {
  return sqrt(add(x, TINY));
}
