/**
 * Files of low-rank adapters, read in every layout and written in any: see `lora_layouts.ts`.
 *
 * Adapters are `<layer>.lora_A.weight` `[rank, in]` and `<layer>.lora_B.weight` `[out, rank]` here, of strength 1. An adapter of
 * a convolution has more axes behind those.
 * @module
 */

import {
  type FloatTensor,
  type ParamTree,
  sameShape,
  scalar,
  type Shape,
  showShape,
  size,
  tensor,
} from "../core/tensor.ts";
import { type LoraFormat, loraLayouts, loraName, type LoraPart, parseLoraName } from "./lora_layouts.ts";
import { writeSafetensors } from "./safetensors.ts";

/** What a file of adapters holds. */
export interface LoraFile {
  /** The adapters by the names above; the strength that the file gives a layer is in its second matrix. */
  readonly adapters: ParamTree;
  /** The largest rank of a layer. */
  readonly rank: number;
  /** How many layers have an adapter. */
  readonly layers: number;
  /** The layouts that its names are in: mostly one. */
  readonly formats: readonly LoraFormat[];
}

/** How adapters are written. */
export interface LoraWriteOptions {
  /** The layout. */
  readonly format: LoraFormat;
  /** Element type in the file, `"F32"` if absent. */
  readonly dtype?: "F32" | "F16";
  /** Strings for `__metadata__`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Reads adapters.
 *
 * @param tensors The file's tensors, named as in the file.
 * @param alpha That of the layers for which the file has none; `null`: their rank, which is strength 1.
 * @throws {SyntaxError} If there are none, one is not whole or not finite, its matrices do not fit each other, or a tensor is
 * something else; the message names the tensor.
 */
export function readLora(tensors: ParamTree, alpha: number | null = null): LoraFile {
  const layers = new Map<string, Partial<Record<LoraPart, Found>>>();
  const formats = new Set<LoraFormat>();
  for (const [name, param] of Object.entries(tensors)) {
    const parsed = parseLoraName(name);
    if (parsed === null) throw cannotRead("a tensor belongs to no adapter of a UNet", name);
    const { format, layer, part } = parsed;
    const found = layers.get(layer) ?? {};
    if (found[part]) throw cannotRead(`it has one twice, as ${found[part].name}`, `and ${name}`);
    layers.set(layer, { ...found, [part]: { name, param } });
    if (part !== "alpha") formats.add(format);
  }
  if (layers.size === 0) throw cannotRead("the file holds none", "it is empty");
  const pairs = [...layers].map(([layer, found]) => pairOf(layer, found, alpha));
  return {
    adapters: Object.fromEntries(
      pairs.flatMap(({ layer, down, up }) => [[downName(layer), down], [upName(layer), up]]),
    ),
    rank: Math.max(...pairs.map(({ down }) => down.shape[0]!)),
    layers: pairs.length,
    formats: [...formats],
  };
}

/**
 * The adapters of a model, of one rank: layers that a file leaves out have zeros, and so have the ranks beyond a layer's own. Both
 * change nothing.
 *
 * @param adapters What {@linkcode readLora} read.
 * @param shapes The shapes of all adapters that the model can have, by their names, at the largest rank or a higher one.
 * @throws {SyntaxError} If the model has no layer for one, or a layer of another shape.
 */
export function fitLora(adapters: ParamTree, shapes: Readonly<Record<string, Shape>>): ParamTree {
  const stray = Object.keys(adapters).find((name) => !(name in shapes));
  if (stray !== undefined) {
    throw cannotRead(
      "only adapters of attention projections are drawn with; attune merge makes a model of adapters of any layer",
      stray.replace(/\.lora_[AB]\.weight$/, ""),
    );
  }
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, widened(name, adapters[name], shape)]),
  );
}

/**
 * Writes adapters; same content, same bytes.
 *
 * @param adapters By the names above.
 * @throws {TypeError} If the layout has no name for a layer.
 * @throws {RangeError} If a value does not fit F16.
 */
export function writeLora(
  adapters: ParamTree,
  { format, ...options }: LoraWriteOptions,
): Uint8Array<ArrayBuffer> {
  const layout = loraLayouts[format];
  const named = Object.entries(adapters).flatMap(([name, param]): [string, FloatTensor][] => {
    const { layer, part } = parseLoraName(name)!;
    const own: [string, FloatTensor] = [loraName(layout, layer, part), param];
    if (part === "up" || !layout.hasAlphas) return [own];
    return [own, [loraName(layout, layer, "alpha"), scalar(param.shape[0]!)]];
  });
  return writeSafetensors(Object.fromEntries(named), options);
}

/** The name of a layer's first matrix. */
export function downName(layer: string): string {
  return `${layer}.lora_A.weight`;
}

/** The name of a layer's second matrix. */
export function upName(layer: string): string {
  return `${layer}.lora_B.weight`;
}

interface Found {
  readonly name: string;
  readonly param: FloatTensor;
}

/** A layer's matrices, the second with the layer's strength. */
function pairOf(
  layer: string,
  { down, up, alpha }: Partial<Record<LoraPart, Found>>,
  fallback: number | null,
): { readonly layer: string; readonly down: FloatTensor; readonly up: FloatTensor } {
  if (down === undefined || up === undefined) {
    const { name } = (down ?? up ?? alpha)!;
    throw cannotRead(`${layer} lacks its ${down === undefined ? "first" : "second"} matrix`, `${name} alone`);
  }
  const [rank, own] = [down.param.shape[0], up.param.shape[1]];
  const areMatrices = down.param.shape.length > 1 && size(up.param.shape.slice(2)) === 1;
  if (!areMatrices || rank === 0 || rank !== own) {
    const shapes = `${showShape(down.param.shape)} and ${showShape(up.param.shape)}`;
    throw cannotRead(`the matrices ${down.name} and ${up.name} do not fit each other`, shapes);
  }
  if (alpha !== undefined && size(alpha.param.shape) !== 1) {
    throw cannotRead(`${alpha.name} is not one number`, showShape(alpha.param.shape));
  }
  for (const { name, param } of [down, up]) {
    const bad = param.data.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0) throw cannotRead(`${name} is damaged`, `element ${bad} is ${param.data[bad]}`);
  }
  const strength = (alpha?.param.data[0] ?? fallback ?? rank!) / rank!;
  if (!Number.isFinite(strength)) throw cannotRead(`${alpha?.name} is no number`, String(strength));
  return { layer, down: down.param, up: strength === 1 ? up.param : scaled(up.param, strength) };
}

function scaled({ shape, data }: FloatTensor, factor: number): FloatTensor {
  return tensor(shape, data.map((x) => x * factor));
}

/** A matrix with zeros in the ranks that it has not. */
function widened(name: string, param: FloatTensor | undefined, shape: Shape): FloatTensor {
  const data = new Float32Array(size(shape));
  if (param === undefined) return tensor(shape, data);
  const rankAxis = parseLoraName(name)!.part === "down" ? 0 : 1;
  const same = (extent: number, axis: number) => axis === rankAxis || extent === shape[axis];
  const [own, most] = [param.shape[rankAxis]!, shape[rankAxis]!];
  if (param.shape.length !== shape.length || own > most || !param.shape.every(same)) {
    const found = `${showShape(param.shape)} where ${showShape(shape)} is needed`;
    throw cannotRead(`${name} has another shape`, `${found}: they are of another model`);
  }
  if (sameShape(param.shape, shape)) return param;
  const [rows, columns] = rankAxis === 0 ? [1, param.data.length] : [shape[0]!, own];
  for (let row = 0; row < rows; row++) {
    data.set(param.data.slice(row * columns, (row + 1) * columns) as Float32Array<ArrayBuffer>, row * most);
  }
  return tensor(shape, data);
}

function cannotRead(reason: string, found: string): SyntaxError {
  return new SyntaxError(`Cannot read the adapters as ${reason}: ${found}`);
}
