/**
 * What files of adapters say of themselves: where they come from, and what tools that sort files by it want to know.
 * @module
 */

import type { ParamTree } from "../core/tensor.ts";
import type { LoraFormat } from "./lora_layouts.ts";

/** Where adapters come from. */
export interface LoraOrigin {
  /** The name of the model that they were trained on. */
  readonly base: string;
  /** The SHA-256 of that model's weights. */
  readonly base_hash: string;
  /** How they were trained. */
  readonly method: string;
  /** The reward that training raised; several are joined by " + ". */
  readonly reward: string;
  /** Epochs they were trained for. */
  readonly epoch: number;
  /** Optimizer steps they were trained for. */
  readonly step: number;
  /** Means of the rewards, on their own scales, over the samples of the last epoch. */
  readonly scores: Readonly<Record<string, number>>;
  /** The same over the images of an evaluation; absent where there was none after that epoch. */
  readonly evaluation?: Readonly<Record<string, number>>;
}

/** What a file is called. */
export interface LoraTitle {
  /** Its name, without its ending. */
  readonly name: string;
  /** When the adapters were made, as ISO 8601. */
  readonly date: string;
  /** The name of the model that they belong to; `null` if nobody knows. */
  readonly base: string | null;
}

/** What the keys of ours begin with. */
const PREFIX = "attune.";

/** Tells of an origin, a key a field; records are JSON. */
export function originMetadata(origin: LoraOrigin): Record<string, string> {
  return Object.fromEntries(
    Object.entries(origin).filter(([, value]) => value !== undefined).map(([field, value]) => [
      `${PREFIX}${field}`,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]),
  );
}

/** What a file's metadata has in keys of ours. */
export function ownMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => key.startsWith(PREFIX)));
}

/**
 * What the tools of a layout look for: nothing but kohya's, which keep name, rank and alpha, and the kind of the base model, which is
 * told by the width of the prompts that its attention looks at. An unknown width says nothing.
 */
export function formatMetadata(
  format: LoraFormat,
  adapters: ParamTree,
  { name, date, base }: LoraTitle,
): Record<string, string> {
  if (format !== "kohya") return {};
  const ranks = new Set(
    Object.entries(adapters).filter(([name]) => name.endsWith(".lora_A.weight")).map(([, { shape }]) =>
      shape[0]!
    ),
  );
  const [rank] = ranks;
  const dim = ranks.size === 1 ? String(rank) : "Dynamic";
  return {
    ss_network_module: "networks.lora",
    ss_network_dim: dim,
    ss_network_alpha: dim,
    ss_output_name: name,
    ...base !== null && { ss_sd_model_name: base },
    "modelspec.sai_model_spec": "1.0.0",
    "modelspec.title": name,
    "modelspec.date": date,
    ...isStableDiffusion1(adapters) && {
      ss_base_model_version: "sd_v1",
      "modelspec.architecture": "stable-diffusion-v1/lora",
      "modelspec.prediction_type": "epsilon",
    },
  };
}

/** Prompts are 768 wide in Stable Diffusion 1 alone. */
function isStableDiffusion1(adapters: ParamTree): boolean {
  const keys = Object.entries(adapters).filter(([name]) => /\.attn2\.to_[kv]\.lora_A\.weight$/.test(name));
  return keys.length > 0 && keys.every(([, { shape }]) => shape[1] === 768);
}
