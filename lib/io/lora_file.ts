/**
 * The names that files of low-rank adapters give their tensors: written in the spelling most tools load, read in all of them.
 *
 * Adapters are `<layer>.lora_A.weight` `[rank, in]` and `<layer>.lora_B.weight` `[out, rank]` here, where a layer is such as
 * `down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q`. Files spell them in four ways:
 *
 * - diffusers' attention processors: `unet.….attn1.processor.to_q_lora.down.weight`, `….up.weight`, also without `unet.`;
 * - PEFT: `unet.….attn1.to_q.lora_A.weight`, also without `unet.`;
 * - kohya: `lora_unet_…_attn1_to_q.lora_down.weight`, `….lora_up.weight`, and `….alpha`, whose ratio to the rank is the strength.
 * @module
 */

import {
  type FloatTensor,
  type ParamTree,
  sameShape,
  type Shape,
  showShape,
  tensor,
} from "../core/tensor.ts";

/** Names adapters as diffusers' attention processors, below `unet.`; diffusers of any age and ComfyUI load these. */
export function nameForFile(adapters: ParamTree): ParamTree {
  return Object.fromEntries(
    Object.entries(adapters).map(([name, param]) => [`unet.${processorName(partOf(name))}`, param]),
  );
}

/**
 * The rank of a file's adapters.
 *
 * @throws {SyntaxError} If the file holds none, or adapters of several ranks.
 */
export function loraRank(file: ParamTree): number {
  const ranks = Object.entries(file)
    .filter(([name]) => /(\.lora_A|_lora\.down|\.lora_down)\.weight$/.test(name))
    .map(([, { shape }]) => shape[0]!);
  const [rank] = ranks;
  if (rank === undefined) {
    const [found] = Object.keys(file);
    throw new SyntaxError(
      `Cannot read the adapters as the file holds none: ${
        found === undefined ? "it is empty" : `found ${found}`
      }`,
    );
  }
  const other = ranks.find((each) => each !== rank);
  if (other !== undefined) {
    throw new SyntaxError(`Cannot read the adapters as their ranks differ: ${rank} and ${other}`);
  }
  return rank;
}

/**
 * Names a file's adapters as the models do. Layers that the file leaves out have adapters of zeros, which change nothing.
 *
 * @param shapes The shapes of all adapters that the model can have, by their names, at the file's rank.
 * @throws {SyntaxError} If a tensor of the file belongs to no layer, or has another shape.
 */
export function readAdapters(file: ParamTree, shapes: Readonly<Record<string, Shape>>): ParamTree {
  const used = new Set<string>();
  const adapters = Object.entries(shapes).map(([name, shape]): [string, FloatTensor] => {
    const part = partOf(name);
    const spelling = spellings(part).find((each) => each in file);
    if (spelling === undefined) {
      return [name, tensor(shape, new Float32Array(shape.reduce((product, extent) => product * extent, 1)))];
    }
    const found = file[spelling]!;
    if (!sameShape(found.shape, shape)) {
      throw new SyntaxError(
        `Cannot read the adapters as ${spelling} has the shape ${showShape(found.shape)} where ${
          showShape(shape)
        } is needed: they are of another model`,
      );
    }
    used.add(spelling);
    const alphaName = `${kohyaName(part.layer)}.alpha`;
    const alpha = file[alphaName];
    if (alpha === undefined) return [name, found];
    used.add(alphaName);
    const strength = alpha.data[0]! / shape[1]!;
    const scaled = part.isUp && strength !== 1;
    return [name, scaled ? tensor(shape, found.data.map((x) => x * strength)) : found];
  });
  const stray = Object.keys(file).find((name) => !used.has(name));
  if (stray !== undefined) {
    throw new SyntaxError(`Cannot read the adapters as the model has no layer for one: ${stray}`);
  }
  return Object.fromEntries(adapters);
}

interface Part {
  /** The layer's dotted name. */
  readonly layer: string;
  /** Whether this is the second matrix. */
  readonly isUp: boolean;
}

function partOf(name: string): Part {
  const [, layer, matrix] = /^(.+)\.lora_([AB])\.weight$/.exec(name) ?? [];
  if (layer === undefined) throw new TypeError(`Cannot name an adapter as it is none: ${name}`);
  return { layer, isUp: matrix === "B" };
}

function spellings(part: Part): string[] {
  const { layer, isUp } = part;
  const processor = processorName(part);
  const peft = `${layer}.lora_${isUp ? "B" : "A"}.weight`;
  return [
    `unet.${processor}`,
    processor,
    `unet.${peft}`,
    peft,
    `${kohyaName(layer)}.lora_${isUp ? "up" : "down"}.weight`,
  ];
}

/** `….attn1.to_out.0` becomes `….attn1.processor.to_out_lora.up.weight`. */
function processorName({ layer, isUp }: Part): string {
  const [, attention, projection] = /^(.+)\.(to_[a-z]+)(?:\.0)?$/.exec(layer) ?? [];
  if (attention === undefined) {
    throw new TypeError(`Cannot name an adapter as its layer is no projection of an attention: ${layer}`);
  }
  return `${attention}.processor.${projection}_lora.${isUp ? "up" : "down"}.weight`;
}

function kohyaName(layer: string): string {
  return `lora_unet_${layer.replaceAll(".", "_")}`;
}
