/**
 * The embedded model's architecture with random weights: what whole steps are measured on, whatever has been trained yet.
 * @module
 */

import { fold, key } from "../lib/core/random.ts";
import { words } from "../lib/core/tensor.ts";
import { parseSchedulerConfig } from "../lib/diffusion/scheduler_config.ts";
import type { Runtime } from "../lib/engine/runtime.ts";
import { parseAutoencoderConfig } from "../lib/models/autoencoder_config.ts";
import { declareAutoencoder } from "../lib/models/autoencoder_kl.ts";
import { parseClipTextConfig } from "../lib/models/clip_config.ts";
import { declareClipText } from "../lib/models/clip_text.ts";
import { parseLoraConfig } from "../lib/models/lora.ts";
import { declareUNet } from "../lib/models/unet_2d_condition.ts";
import { parseUNetConfig } from "../lib/models/unet_config.ts";
import { declareParams, initParams, type ParamSpec, type Scope } from "../lib/nn/scope.ts";
import { embedImages } from "../lib/rewards/dual_encoder.ts";
import { miniClipConfig } from "../lib/rewards/mini_configs.ts";
import { input, type Value } from "../lib/engine/graph.ts";
import { latentDiffusion } from "../lib/stages/latent_diffusion.ts";
import type { Models } from "../lib/stages/models.ts";
import { putWeights } from "../lib/stages/weights.ts";
import { readJson } from "../pipelines/files.ts";
import { type Config, criticConfigOf } from "../pipelines/config/mod.ts";

const FOLDER = new URL("../models/mini/", import.meta.url);

/** Builds the models that a configuration trains, untrained. */
export async function miniModels(runtime: Runtime, config: Config): Promise<Models> {
  const read = (path: string) => readJson(new URL(path, FOLDER));
  const text = parseClipTextConfig(await read("text_encoder/config.json"));
  const unet = parseUNetConfig(await read("unet/config.json"));
  const autoencoder = parseAutoencoderConfig(await read("vae/config.json"));
  const { vision_config: vision } = miniClipConfig;
  const embed = (scope: Scope, images: Value) => embedImages(scope, vision, images);
  const pictures = input("images", [1, vision.image_size, vision.image_size, 3]);
  const weights = (part: string, specs: readonly ParamSpec[]) =>
    putWeights(runtime, initParams(specs, fold(key(config.seed), part)));
  const tokens = text.max_position_embeddings;
  return latentDiffusion({
    encode: (prompts) =>
      words(
        [prompts.length, tokens],
        prompts.flatMap((_, i) => [...Array<number>(tokens - 1).fill(1 + i), text.eos_token_id]),
      ),
    scheduler: parseSchedulerConfig(await read("scheduler/scheduler_config.json")),
    text: { config: text, weights: weights("text", declareClipText(text)) },
    unet: { config: unet, weights: weights("unet", declareUNet(unet)) },
    autoencoder: { config: autoencoder, weights: weights("vae", declareAutoencoder(autoencoder)) },
    encoder: {
      build: embed,
      weights: weights("tower", declareParams((scope) => embed(scope, pictures))),
    },
    lora: config.lora && parseLoraConfig(config.lora),
    critic: criticConfigOf(config.critic, vision.projection_dim, text.hidden_size),
  });
}
