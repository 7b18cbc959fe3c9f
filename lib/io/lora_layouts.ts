/**
 * How files of low-rank adapters spell the names of their tensors: a record for each layout.
 *
 * A layer is dotted here, such as `down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0`; its adapter is two matrices,
 * and in some files an alpha, whose ratio to the rank is the strength.
 *
 * - `diffusers`: its attention processors, `unet.….attn1.processor.to_out_lora.down.weight`. What diffusers of any age and ComfyUI load;
 * - `reference`: the same without `unet.`, as the reference implementation names what it saves;
 * - `peft`: `unet.….attn1.to_out.0.lora_A.weight`;
 * - `kohya`: `lora_unet_…_attn1_to_out_0.lora_down.weight`, and an alpha for each layer.
 * @module
 */

/** The layouts' names. */
export type LoraFormat = "diffusers" | "kohya" | "peft" | "reference";

/** A tensor of an adapter: the first matrix `[rank, in]`, the second `[out, rank]`, or the alpha `[]`. */
export type LoraPart = "down" | "up" | "alpha";

/** How a layout is written: a name is `prefix`, `layer`, `suffixes[part]`. */
export interface LoraLayout {
  /** What every name begins with. */
  readonly prefix: string;
  /**
   * Spells a layer's dotted name.
   *
   * @throws {TypeError} If the layout has no name for such a layer.
   */
  readonly layer: (layer: string) => string;
  /** What names end with. */
  readonly suffixes: Readonly<Record<LoraPart, string>>;
  /** Whether every layer has an alpha; without one the strength is 1. */
  readonly hasAlphas: boolean;
}

/** What a name says. */
export interface LoraName {
  /** The layout it belongs to. */
  readonly format: LoraFormat;
  /** The layer's dotted name. */
  readonly layer: string;
  /** Which of its tensors. */
  readonly part: LoraPart;
}

const processorSuffixes = { down: "_lora.down.weight", up: "_lora.up.weight", alpha: "_lora.alpha" };

/** The layouts. */
export const loraLayouts: Readonly<Record<LoraFormat, LoraLayout>> = {
  diffusers: { prefix: "unet.", layer: processorOf, suffixes: processorSuffixes, hasAlphas: false },
  kohya: {
    prefix: "lora_unet_",
    layer: (layer) => layer.replaceAll(".", "_"),
    suffixes: { down: ".lora_down.weight", up: ".lora_up.weight", alpha: ".alpha" },
    hasAlphas: true,
  },
  peft: {
    prefix: "unet.",
    layer: (layer) => layer,
    suffixes: { down: ".lora_A.weight", up: ".lora_B.weight", alpha: ".alpha" },
    hasAlphas: false,
  },
  reference: { prefix: "", layer: processorOf, suffixes: processorSuffixes, hasAlphas: false },
};

/** Spells the name of a tensor. */
export function loraName(
  { prefix, layer: spell, suffixes }: LoraLayout,
  layer: string,
  part: LoraPart,
): string {
  return `${prefix}${spell(layer)}${suffixes[part]}`;
}

/** Reads the name of a tensor in whichever layout; `null` if it is in none. */
export function parseLoraName(name: string): LoraName | null {
  for (const { format, pattern, layerOf } of spellings) {
    const [, spelled, word] = pattern.exec(name) ?? [];
    if (spelled !== undefined) return { format, layer: layerOf(spelled), part: parts[word!]! };
  }
  return null;
}

/** What files call the parts. */
const parts: Readonly<Record<string, LoraPart>> = {
  lora_A: "down",
  down: "down",
  lora_B: "up",
  up: "up",
  alpha: "alpha",
};

/** What is read: the layouts, and what other versions of the same tools write. The first pattern that fits counts. */
const spellings: readonly {
  readonly format: LoraFormat;
  /** Captures the spelled layer and the part. */
  readonly pattern: RegExp;
  readonly layerOf: (spelled: string) => string;
}[] = [
  {
    format: "kohya",
    pattern: /^lora_unet_(\w+)\.(?:lora_)?(down|up|alpha)(?:\.weight)?$/,
    layerOf: dotted,
  },
  {
    format: "diffusers",
    pattern: /^unet\.(.+\.processor\.to_[a-z]+)_lora\.(down|up|alpha)(?:\.weight)?$/,
    layerOf: layerOfProcessor,
  },
  {
    format: "reference",
    pattern: /^(.+\.processor\.to_[a-z]+)_lora\.(down|up|alpha)(?:\.weight)?$/,
    layerOf: layerOfProcessor,
  },
  // What the training scripts of diffusers save since its adapters are PEFT's.
  {
    format: "diffusers",
    pattern: /^(?:unet\.)?(.+)\.lora\.(down|up)\.weight$/,
    layerOf: (layer) => layer,
  },
  // PEFT itself saves names as its wrapper of the model has them.
  {
    format: "peft",
    pattern: /^(?:base_model\.model\.)?(?:unet\.)?(.+)\.(lora_A|lora_B|alpha)(?:\.weight)?$/,
    layerOf: (layer) => layer,
  },
];

/** `….attn1.to_out.0` becomes `….attn1.processor.to_out`. */
function processorOf(layer: string): string {
  const [, attention, projection] = /^(.+)\.(to_[qkv]|to_out\.0)$/.exec(layer) ?? [];
  if (attention === undefined) {
    throw new TypeError(
      `Cannot name an adapter as its layer is no projection of an attention: ${layer}; the layouts peft and kohya name any`,
    );
  }
  return `${attention}.processor.${projection!.replace(".0", "")}`;
}

function layerOfProcessor(spelled: string): string {
  return spelled.replace(".processor.", ".").replace(/\.to_out$/, ".to_out.0");
}

/** Parts of names in a UNet that have underscores of their own. */
const compounds =
  /(?:(?:down|up|transformer)_blocks|mid_block|to_(?:q|k|v|out)|time_emb_proj|time_embedding|(?:proj|conv)_(?:in|out)|conv_shortcut|linear_\d)(?=_|$)|[^_]+/g;

/** `…_attn1_to_out_0` becomes `….attn1.to_out.0`. */
function dotted(flat: string): string {
  return flat.match(compounds)!.join(".");
}
