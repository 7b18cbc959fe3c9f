/**
 * Latent diffusion: the models of a Stable Diffusion checkpoint, with an image tower and a critic, as the stages see them.
 * @module
 */

import type { WordTensor } from "../core/tensor.ts";
import type { SchedulerConfig } from "../diffusion/scheduler_config.ts";
import type { Value } from "../engine/graph.ts";
import { add, clamp, mul } from "../engine/ops/elementwise.ts";
import type { AutoencoderKLConfig } from "../models/autoencoder_config.ts";
import { decode } from "../models/autoencoder_kl.ts";
import type { ClipTextConfig } from "../models/clip_config.ts";
import { clipText, pooledText, textEnds } from "../models/clip_text.ts";
import { critic, criticNeurons, declareCritic } from "../models/critic.ts";
import type { CriticConfig } from "../models/critic_config.ts";
import { type LoraConfig, loraOver } from "../models/lora.ts";
import { declareUNet, declareUNetLora, unet, unetFeatures } from "../models/unet_2d_condition.ts";
import type { UNet2DConditionConfig } from "../models/unet_config.ts";
import { loraNeurons } from "../nn/lora.ts";
import { keepingHalves, type Scope } from "../nn/scope.ts";
import type { Frozen, Models, Policy, Sight } from "./models.ts";
import { featureSight, imageSight, latentSight } from "./sights.ts";
import type { Weights } from "./weights.ts";

/** What the models are made of. */
export interface LatentDiffusion {
  /** Encodes prompts as ids `[P, S]`. */
  readonly encode: (prompts: readonly string[]) => WordTensor;
  /** The checkpoint's scheduler. */
  readonly scheduler: SchedulerConfig;
  /** The text encoder. */
  readonly text: { readonly config: ClipTextConfig; readonly weights: Weights };
  /**
   * The UNet; `rematerialise` trades time for memory in the backward pass, and no tensor in it has more than `mostBytes`, if that
   * can be had by cutting rows.
   */
  readonly unet: {
    readonly config: UNet2DConditionConfig;
    readonly weights: Weights;
    readonly rematerialise?: boolean;
    readonly mostBytes?: number;
  };
  /** The autoencoder; no tensor in it has more than `bandBytes`, if that can be had by cutting images into bands. */
  readonly autoencoder: {
    readonly config: AutoencoderKLConfig;
    readonly weights: Weights;
    readonly bandBytes?: number;
  };
  /**
   * What the critic sees: images through a tower, from RGB in [0, 1] to embeddings of length 1; `latents`, pooled; or what the
   * base model's `unet` has in its middle.
   */
  readonly encoder: Frozen<Value, Value> | "latents" | "unet";
  /** The UNet's adapters; `null`: all of its weights are trained instead. */
  readonly lora: LoraConfig | null;
  /** The critic. */
  readonly critic: CriticConfig;
  /** Whether frozen models round what they keep between layers to halves, in half the memory; default no. */
  readonly halfActivations?: boolean;
  /** Side of the latents in pixels; by default that of the UNet's config. */
  readonly side?: number;
}

/**
 * Brings the parts of a checkpoint together.
 *
 * @throws {RangeError} If neither `side` nor the UNet's config tells the size of the latents.
 */
export function latentDiffusion(parts: LatentDiffusion): Models {
  const { text, autoencoder } = parts;
  const side = parts.side ?? parts.unet.config.sample_size;
  if (side === null) {
    throw new RangeError("Cannot tell the latents' size as the UNet's config has no sample_size");
  }
  const within = parts.halfActivations ? keepingHalves : (scope: Scope) => scope;
  const decoder: Models["decoder"] = {
    weights: autoencoder.weights,
    build: (scope, latents) => {
      const { config, bandBytes = Infinity } = autoencoder;
      return pixels(decode(within(scope), config, mul(latents, 1 / config.scaling_factor), { bandBytes }));
    },
  };
  return {
    tokenize: (prompts) => {
      const ids = parts.encode(prompts);
      return { ids, ends: textEnds(ids, text.config) };
    },
    text: {
      weights: text.weights,
      build: (scope, { ids, ends }) => {
        const context = clipText(within(scope), text.config, ids);
        return { context, pooled: pooledText(context, ends) };
      },
    },
    policy: policyOf(parts, within),
    decoder,
    sight: sightOf(parts, decoder, within),
    critic: {
      build: (scope, inputs) => critic(scope, parts.critic, inputs),
      specs: declareCritic(parts.critic),
      neurons: criticNeurons(parts.critic),
    },
    latentShape: [side, side, autoencoder.config.latent_channels],
    scheduler: parts.scheduler,
  };
}

function policyOf({ unet: parts, lora }: LatentDiffusion, within: (scope: Scope) => Scope): Policy {
  const { config, weights, rematerialise = false, mostBytes = Infinity } = parts;
  const options = { rematerialise, mostBytes };
  if (lora === null) {
    return {
      weights,
      specs: declareUNet(config),
      neurons: [],
      isWhole: true,
      build: (scope, inputs, own) => unet(within(own ?? scope), config, inputs, null, options),
    };
  }
  const specs = declareUNetLora(config, lora);
  return {
    weights,
    specs,
    neurons: loraNeurons(specs),
    build: (scope, inputs, adapters) =>
      unet(within(scope), config, inputs, adapters && loraOver(adapters, lora), options),
  };
}

function sightOf(
  { encoder, unet: { config, weights, mostBytes = Infinity } }: LatentDiffusion,
  decoder: Models["decoder"],
  within: (scope: Scope) => Scope,
): Sight {
  if (encoder === "latents") return latentSight;
  if (encoder === "unet") {
    return featureSight({
      weights,
      build: (scope, inputs) => unetFeatures(within(scope), config, inputs, { mostBytes }),
    });
  }
  const { weights: tower, build } = encoder;
  return imageSight(decoder, { weights: tower, build: (scope, images) => build(within(scope), images) });
}

/** From the autoencoder's -1..1 to 0..1. */
function pixels(images: Value): Value {
  return clamp(add(mul(images, 0.5), 0.5), 0, 1);
}
