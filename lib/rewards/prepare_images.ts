/**
 * Images of any size, prepared for a tower that wants them in one.
 * @module
 */

import { pickRows } from "../core/rows.ts";
import type { FloatTensor, Shape, Tensor } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { differentiablePixels, type PixelMatrices, pixelMatrices } from "../models/pixel_gradient.ts";
import { type PixelConfig, type PixelTables, pixelTables, pixelValues } from "../models/pixel_values.ts";
import { type BatchedModel, batchedModel, type ModelContext } from "./batched.ts";
import { checkImages } from "./reward.ts";

/**
 * What brings images `[N, H, W, 3]` in `[0, 1]` to the form that a tower sees.
 *
 * @throws {TypeError} If the images have another shape or there is not one prompt for each.
 * @throws {RangeError} If a pixel is no number, which would not be seen any more in the bytes that images become.
 */
export type PrepareImages = (images: FloatTensor, prompts?: readonly string[]) => Promise<FloatTensor>;

/**
 * Makes it: `pixelValues` where the config has `pixels`, compiled for each size of images when it is first seen; otherwise images
 * stay what they are.
 */
export function preparer(
  { pixels }: { readonly pixels?: PixelConfig },
  context: Pick<ModelContext, "runtime" | "batchSize">,
): PrepareImages {
  const programs = new Map<string, Promise<BatchedModel>>();
  // An async function, so that errors arrive where those of the model do.
  return async (images, prompts) => {
    const count = checkImages(images, prompts);
    if (pixels === undefined) return images;
    const broken = images.data.findIndex(Number.isNaN);
    if (broken !== -1) {
      const image = Math.floor(broken * count / images.data.length);
      throw new RangeError(`Cannot score images as a pixel of one is no number: image ${image}`);
    }
    const [, height, width] = images.shape as readonly [number, number, number];
    const tables = pixelTables(pixels, height, width);
    const size = `${height}x${width}`;
    const program = programs.get(size) ?? batchedModel(
      (_, { images, rows, columns, levels }) => pixelValues(images, { rows, columns, levels }),
      { ...tables, images: { shape: [context.batchSize, height, width, 3], dtype: "f32" } },
      { ...context, weights: {}, stage: "preparing images" },
    );
    programs.set(size, program);
    return await (await program)(count, (rows) => ({ ...tables, images: pickRows(images, rows) }));
  };
}

/** How a tower's images are prepared within a graph, with a gradient. */
export interface Preparation {
  /** What it works by, for images of a shape `[B, H, W, 3]`. */
  readonly tables: (images: Shape) => Readonly<Record<string, Tensor>>;
  /** Prepares images `[B, H, W, 3]` in `[0, 1]`; `inputs` holds the tables among others. */
  readonly build: (images: Value, inputs: Readonly<Record<string, Value>>) => Value;
}

/** Makes it: `differentiablePixels` where the config has `pixels`; otherwise images stay what they are. */
export function preparation({ pixels }: { readonly pixels?: PixelConfig }): Preparation {
  if (pixels === undefined) return { tables: () => ({}), build: (images) => images };
  return {
    tables: ([, height, width]) => {
      const tables = pixelTables(pixels, height!, width!);
      return { ...tables, ...pixelMatrices(tables, height!, width!) };
    },
    build: (images, inputs) =>
      differentiablePixels(images, inputs as unknown as PixelTables<Value, Value> & PixelMatrices<Value>),
  };
}
