/**
 * How the UNet learns: to tell the noise in latents, at every noise level, given the caption.
 * @module
 */

import { fold, integers, type Key, normals, uniforms } from "../../lib/core/random.ts";
import { type FloatTensor, tensor, words } from "../../lib/core/tensor.ts";
import { add, mean, mul, reshape, slice, square, sub } from "../../lib/engine/mod.ts";
import { gather } from "../../lib/engine/ops/gather.ts";
import { alphasCumprod } from "../../lib/diffusion/ddim.ts";
import type { SchedulerConfig } from "../../lib/diffusion/scheduler_config.ts";
import type { UNet2DConditionConfig } from "../../lib/models/unet_config.ts";
import { declareUNet, unet } from "../../lib/models/unet_2d_condition.ts";
import { captionsOf, drawCaptions } from "../data/captions.ts";
import { type EmojiPack, select } from "../data/pack.ts";
import type { Lesson } from "./trainer.ts";

/** What the UNet learns from. */
export interface UNetMaterial {
  readonly config: UNet2DConditionConfig;
  readonly scheduler: SchedulerConfig;
  /** The images that {@linkcode unetImages} lists, as scaled latents: `[images * views, h, w, c]`. */
  readonly latents: FloatTensor;
  /** Views of each image. */
  readonly views: number;
  /** Hidden states of the captions that {@linkcode unetCaptions} lists, `[captions, S, D]`. */
  readonly contexts: FloatTensor;
}

/** Signal-to-noise ratios beyond this weigh no more (Hang et al. 2023, https://arxiv.org/abs/2303.09556). */
const MAX_SNR = 5;
/** Share of captions left out, which guidance needs. */
const DROP = 0.1;
/** Share of the batch that shows the prompt animals; the others keep prompts of no run alive. */
const PROMPT_SHARE = 0.8;

/** The images the UNet sees: animals and nature. */
export function unetImages(pack: EmojiPack): number[] {
  return select(pack, (image) => image.group === "animals-nature");
}

/** Every caption it may read, the empty one first. */
export function unetCaptions(pack: EmojiPack): string[] {
  return ["", ...new Set(unetImages(pack).flatMap((i) => captionsOf(pack.images[i]!)))];
}

/** `w(t) |eps - eps_θ|²` with `w = min(SNR, 5) / SNR`. */
export function unetLesson(pack: EmojiPack, material: UNetMaterial, batch: number): Lesson {
  const { config, scheduler, latents, views, contexts } = material;
  const alphas = alphasCumprod(scheduler);
  const images = unetImages(pack);
  const captionIds = new Map(unetCaptions(pack).map((caption, id) => [caption, id]));
  const isPrompt = images.map((i) => pack.images[i]!.animal !== null);
  const [prompts, others] = [true, false].map((wanted) =>
    images.flatMap((_, n) => isPrompt[n] === wanted ? [n] : [])
  );
  const [, height, width, channels] = latents.shape as readonly [number, number, number, number];
  const shape = [batch, height, width, channels];
  const [, positions, dim] = contexts.shape as readonly [number, number, number];
  return {
    name: "unet",
    specs: declareUNet(config),
    constants: {
      latents: tensor([latents.shape[0]!, height * width * channels], latents.data),
      contexts: tensor([contexts.shape[0]!, positions * dim], contexts.data),
    },
    batch: (key) => {
      const picks = drawImages(prompts!, others!, batch, key);
      const view = integers(fold(key, "views"), batch, views);
      const captions = drawCaptions(pack, picks.map((n) => images[n]!), fold(key, "captions"), {
        drop: DROP,
      });
      const timesteps = integers(fold(key, "timesteps"), batch, alphas.length);
      return {
        rows: words([batch], picks.map((n, b) => n * views + view[b]!)),
        captions: words([batch], captions.map((caption) => captionIds.get(caption)!)),
        timestep: tensor([batch], Array.from(timesteps)),
        levels: tensor([batch, 3], Array.from(timesteps).flatMap((t) => levelsOf(alphas[t]!))),
        noise: tensor(shape, normals(fold(key, "noise"), batch * height * width * channels)),
      };
    },
    loss: (scope, inputs) => {
      const { rows, captions, timestep, levels, noise } = inputs;
      const level = (n: number) => reshape(slice(levels!, 1, n, n + 1), [batch, 1, 1, 1]);
      const clean = reshape(gather(inputs.latents!, rows!), shape);
      const context = reshape(gather(inputs.contexts!, captions!), [batch, positions, dim]);
      const sample = add(mul(clean, level(0)), mul(noise!, level(1)));
      const eps = unet(scope, config, { sample, timestep: timestep!, context });
      const errors = square(sub(eps, noise!));
      return { loss: mean(mul(errors, level(2))), mse: mean(errors) };
    },
  };
}

/** The factors of image and noise in noisy latents, and the weight of the loss there. */
function levelsOf(alpha: number): number[] {
  const snr = alpha / (1 - alpha);
  return [Math.sqrt(alpha), Math.sqrt(1 - alpha), Math.min(snr, MAX_SNR) / snr];
}

function drawImages(
  prompts: readonly number[],
  others: readonly number[],
  batch: number,
  key: Key,
): number[] {
  const draws = uniforms(fold(key, "images"), 2 * batch);
  return Array.from({ length: batch }, (_, b) => {
    const from = draws[2 * b]! < PROMPT_SHARE ? prompts : others;
    return from[Math.floor(draws[2 * b + 1]! * from.length)]!;
  });
}
