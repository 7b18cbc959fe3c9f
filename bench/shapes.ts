/**
 * The shapes that are measured: those of the embedded model and of Stable Diffusion v1.4.
 *
 * @module
 */

import type { Layer } from "./gemm_case.ts";

/** A layer, whose shape it is, and whether a quick bench has it too. */
export interface Shape {
  readonly model: string;
  readonly layer: Layer;
  readonly isQuick: boolean;
}

const SD = "sd-v1.4";
const MINI = "mini";

/** Layers whose products every library is asked for. Those of Stable Diffusion are for two images: one sample and its guidance. */
export const contestedShapes: readonly Shape[] = [
  shape(SD, matmul(8192, 320, 320), true),
  shape(SD, matmul(2048, 640, 640)),
  shape(SD, matmul(512, 1280, 1280)),
  shape(SD, matmul(8192, 1280, 320)),
  shape(SD, matmul(2048, 2560, 640)),
  shape(SD, conv(1, 64, 320, 320)),
  shape(SD, conv(2, 32, 320, 320), true),
  shape(SD, conv(1, 16, 640, 1280)),
  shape(SD, conv(1, 8, 1280, 1280)),
  shape(MINI, matmul(2048, 32, 32)),
  shape(MINI, matmul(512, 64, 256), true),
  shape(MINI, conv(32, 8, 32, 32), true),
  shape(MINI, conv(32, 2, 128, 128)),
  shape(MINI, conv(16, 32, 16, 16)),
];

function shape(model: string, layer: Layer, isQuick = false): Shape {
  return { model, layer, isQuick };
}

function matmul(rows: number, inputs: number, outputs: number): Layer {
  return { op: "matmul", rows, inputs, outputs };
}

function conv(batch: number, side: number, inputs: number, outputs: number): Layer {
  return { op: "conv3x3", batch, side, inputs, outputs };
}
