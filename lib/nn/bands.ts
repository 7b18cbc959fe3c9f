/**
 * Images in bands of rows, for images too large to be one binding. A band has the bits that its rows have in the whole image:
 * convolutions see the rows beyond its edges, and group norms sum over blocks of rows that do not depend on the bands.
 * @module
 */

import type { Shape } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { concat } from "../engine/ops/concat.ts";
import { slice } from "../engine/ops/views.ts";
import { conv, type ConvOptions } from "./conv.ts";
import { blockRows } from "./norm.ts";
import type { Scope } from "./scope.ts";

/** Images `[B, H, W, C]` cut into bands from top to bottom, each `[B, h, W, C]`; often only one. */
export type Bands = readonly Value[];

/**
 * How many rows a band may have so that it, with a row above and below, has no more than `bytes`: a multiple of 2 and of the
 * blocks that norms sum over, once at the least; all rows if they fit.
 *
 * @param shape `[B, H, W, C]` of the whole images.
 */
export function bandRows([batch, height, width, channels]: Shape, bytes: number): number {
  const rowBytes = 4 * batch! * width! * channels!;
  if (height! * rowBytes <= bytes) return height!;
  const block = blockRows(height!, width!);
  const step = block % 2 === 0 ? block : 2 * block;
  return Math.min(height!, Math.max(step, step * Math.floor((bytes / rowBytes - 2) / step)));
}

/** Cuts and joins bands so that each but the last has so many rows. */
export function cutBands(bands: Bands, rows: number): Bands {
  const height = bandsHeight(bands);
  return Array.from({ length: Math.ceil(height / rows) }, (_, i) => {
    const [from, to] = [i * rows, Math.min(height, (i + 1) * rows)];
    let start = 0;
    const parts = bands.flatMap((band) => {
      const [first, last] = [Math.max(0, from - start), Math.min(band.shape[1]!, to - start)];
      start += band.shape[1]!;
      if (first >= last) return [];
      return [last - first === band.shape[1] ? band : slice(band, 1, first, last)];
    });
    return joinBands(parts);
  });
}

/** The images in one piece. */
export function joinBands(bands: Bands): Value {
  return bands.length === 1 ? bands[0]! : concat(bands, 1);
}

/**
 * A 3x3 convolution of bands, each of a height that the stride divides.
 *
 * @param scope The layer's own place, with `weight` `[out, in, 3, 3]` and `bias` `[out]`.
 * @param out Channels of the result.
 */
export function bandsConv(scope: Scope, bands: Bands, out: number, options: ConvOptions = {}): Bands {
  const { stride = 1, padding: [top, bottom, ...sides] = [1, 1, 1, 1] } = options;
  // The rows beyond a band that a kernel reaches which is put on each of the band's rows.
  const [above, below] = [top, 3 - stride - top];
  const last = bands.length - 1;
  return bands.map((band, i) => {
    const parts = [
      ...i > 0 && above > 0 ? [rowsAt(bands[i - 1]!, -above)] : [],
      band,
      ...i < last && below > 0 ? [rowsAt(bands[i + 1]!, below)] : [],
    ];
    const padding = [i === 0 ? top : 0, i === last ? bottom : 0, ...sides] as const;
    return conv(scope, parts.length === 1 ? band : concat(parts, 1), out, { ...options, padding });
  });
}

/** The first rows of a band, or from below 0 on its last. */
function rowsAt(band: Value, count: number): Value {
  const height = band.shape[1]!;
  return count > 0 ? slice(band, 1, 0, count) : slice(band, 1, height + count, height);
}

/** The height of the images in one piece. */
export function bandsHeight(bands: Bands): number {
  return bands.reduce((sum, { shape }) => sum + shape[1]!, 0);
}
