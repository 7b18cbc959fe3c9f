/**
 * A model folder with random weights, small enough for the interpreter: images of 8 x 8 pixels, the embedded tokenizer.
 * @module
 */

import { join } from "node:path";
import { key } from "../../lib/core/random.ts";
import type { ParamTree } from "../../lib/core/tensor.ts";
import { writeSafetensors } from "../../lib/io/safetensors.ts";
import { parseAutoencoderConfig } from "../../lib/models/autoencoder_config.ts";
import { declareAutoencoder } from "../../lib/models/autoencoder_kl.ts";
import { parseClipTextConfig } from "../../lib/models/clip_config.ts";
import { declareClipText } from "../../lib/models/clip_text.ts";
import { declareUNet } from "../../lib/models/unet_2d_condition.ts";
import { parseUNetConfig } from "../../lib/models/unet_config.ts";
import { initParams, type ParamSpec } from "../../lib/nn/scope.ts";
import { parseDualEncoderConfig } from "../../lib/rewards/dual_encoder.ts";
import { declareDualEncoder, declareHead } from "../../pipelines/load/judge_configs.ts";

const TOKENIZER = new URL("../../models/mini/tokenizer/", import.meta.url);

const encoder = {
  hidden_size: 16,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  projection_dim: 8,
};
const text = { ...encoder, vocab_size: 1024, max_position_embeddings: 16, eos_token_id: 1023 };
const judge = {
  text_config: text,
  vision_config: { ...encoder, image_size: 8, patch_size: 4, num_channels: 3 },
};
const vae = {
  block_out_channels: [4, 8],
  down_block_types: ["DownEncoderBlock2D", "DownEncoderBlock2D"],
  up_block_types: ["UpDecoderBlock2D", "UpDecoderBlock2D"],
  layers_per_block: 1,
  latent_channels: 4,
  norm_num_groups: 4,
  scaling_factor: 0.5,
};
const unet = {
  sample_size: 4,
  in_channels: 4,
  out_channels: 4,
  block_out_channels: [8, 8],
  down_block_types: ["CrossAttnDownBlock2D", "DownBlock2D"],
  up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D"],
  layers_per_block: 1,
  attention_head_dim: [1, 2],
  cross_attention_dim: 16,
  norm_num_groups: 4,
};
const scheduler = {
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  prediction_type: "epsilon",
  steps_offset: 1,
  clip_sample: false,
};
const moments = { mean: 0.1, std: 0.5 };
const statistics = {
  colourfulness: moments,
  sharpness: moments,
  symmetry: moments,
  border_ink: moments,
  alignment: moments,
};

/** Where the UNet's weights are. */
export const UNET_FILE = "unet/diffusion_pytorch_model.safetensors";

/**
 * Writes the folder.
 *
 * @param seed Of all weights.
 * @param rewards Whether the judges' files are written, too.
 */
export async function writeTinyModel(folder: string, { seed = 1, rewards = true } = {}): Promise<void> {
  const json = (file: string, value: unknown) => write(folder, file, JSON.stringify(value));
  const weights = (file: string, specs: readonly ParamSpec[], tag: number) =>
    write(folder, file, writeSafetensors(initParams(specs.map(alive), key(seed * 100 + tag))));
  await json("model_index.json", { _class_name: "StableDiffusionPipeline" });
  await json("scheduler/scheduler_config.json", scheduler);
  await json("text_encoder/config.json", text);
  await json("vae/config.json", vae);
  await json("unet/config.json", unet);
  for (const file of ["vocab.json", "merges.txt", "tokenizer_config.json"]) {
    await write(folder, `tokenizer/${file}`, await Deno.readFile(new URL(file, TOKENIZER)));
  }
  await weights("text_encoder/model.safetensors", declareClipText(parseClipTextConfig(text)), 1);
  await weights(
    "vae/diffusion_pytorch_model.safetensors",
    declareAutoencoder(parseAutoencoderConfig(vae)),
    2,
  );
  await weights(UNET_FILE, declareUNet(parseUNetConfig(unet)), 3);
  if (!rewards) return;
  for (const [i, name] of ["clip", "mini_pick", "mini_hps", "gold"].entries()) {
    await json(`rewards/${name}/config.json`, judge);
    await weights(
      `rewards/${name}/model.safetensors`,
      declareDualEncoder(parseDualEncoderConfig(judge)),
      4 + i,
    );
  }
  await weights(
    "rewards/mini_aesthetic/model.safetensors",
    declareHead("mini_aesthetic", encoder.projection_dim),
    8,
  );
  await json("rewards/gold/statistics.json", statistics);
}

/** Runs something in a folder of its own with such a model and an empty cache of the hub, which are removed afterwards. */
export async function withTinyModel<T>(
  use: (model: string, folder: string) => Promise<T>,
  options: { readonly seed?: number; readonly rewards?: boolean } = {},
): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const model = join(folder, "model");
    await writeTinyModel(model, options);
    return await withHubCache(join(folder, "hub"), () => use(model, folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs something with another cache of the Hugging Face hub. */
export async function withHubCache<T>(cache: string, use: () => Promise<T>): Promise<T> {
  const before = Deno.env.get("HF_HUB_CACHE");
  Deno.env.set("HF_HUB_CACHE", cache);
  try {
    return await use();
  } finally {
    if (before === undefined) Deno.env.delete("HF_HUB_CACHE");
    else Deno.env.set("HF_HUB_CACHE", before);
  }
}

/** Writes tensors to a file of the folder again, as they are after a change. */
export async function rewriteTensors(path: string, tree: ParamTree): Promise<void> {
  await Deno.writeFile(path, writeSafetensors(tree));
}

/** Layers that start at 0, as what a block adds does, would hide what is before them. */
function alive(spec: ParamSpec): ParamSpec {
  const isZero = spec.name.endsWith(".weight") && spec.init.kind === "constant" && spec.init.value === 0;
  return isZero ? { ...spec, init: { kind: "normal", std: 0.2 } } : spec;
}

async function write(folder: string, file: string, content: Uint8Array | string): Promise<void> {
  const path = join(folder, file);
  await Deno.mkdir(join(path, ".."), { recursive: true });
  await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
}
