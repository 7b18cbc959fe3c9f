/**
 * Adapters merged into the weights that they stand beside.
 * @module
 */

import { type FloatTensor, type ParamTree, type Shape, showShape, size, tensor } from "../core/tensor.ts";
import { downName, upName } from "./lora_file.ts";

/**
 * Checks that every adapter has a weight that it can be merged into.
 *
 * @param shapes The shapes of the model's parameters, by their names.
 * @throws {SyntaxError} Naming the layer that the model has not, or has in another shape.
 */
export function checkMerge(adapters: ParamTree, shapes: ReadonlyMap<string, Shape>): void {
  for (const [name, down] of Object.entries(adapters)) {
    const layer = /^(.+)\.lora_A\.weight$/.exec(name)?.[1];
    if (layer === undefined) continue;
    const shape = shapes.get(`${layer}.weight`);
    const up = adapters[upName(layer)]!;
    if (shape === undefined) {
      throw new SyntaxError(`Cannot merge the adapters as the model has no such layer: ${layer}`);
    }
    if (up.shape[0] !== shape[0] || size(down.shape.slice(1)) !== size(shape.slice(1))) {
      throw new SyntaxError(
        `Cannot merge the adapters as those of ${layer} do not fit its weight ${showShape(shape)}: ` +
          `${showShape(down.shape)} and ${showShape(up.shape)}`,
      );
    }
  }
}

/**
 * `W + strength · B A`, summed in double precision and rounded once.
 *
 * @param name The parameter's name.
 * @param weight `[out, …]`, of a linear layer or a convolution.
 * @param adapters Checked by {@linkcode checkMerge}.
 * @param strength What the adapters are multiplied by.
 * @returns The parameter itself where it has no adapter.
 */
export function mergeLora(
  name: string,
  weight: FloatTensor,
  adapters: ParamTree,
  strength: number,
): FloatTensor {
  const layer = name.replace(/\.weight$/, "");
  const down = adapters[downName(layer)], up = adapters[upName(layer)];
  if (layer === name || down === undefined || up === undefined) return weight;
  const rank = down.shape[0]!, out = up.shape[0]!, into = weight.data.length / out;
  const merged = new Float32Array(weight.data.length);
  const row = new Float64Array(into);
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < into; i++) row[i] = weight.data[o * into + i]!;
    for (let r = 0; r < rank; r++) {
      const factor = strength * up.data[o * rank + r]!;
      for (let i = 0; i < into; i++) row[i]! += factor * down.data[r * into + i]!;
    }
    merged.set(row, o * into);
  }
  return tensor(weight.shape, merged);
}
