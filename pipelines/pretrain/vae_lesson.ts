/**
 * How the autoencoder learns: to draw again what it saw, through a narrow and roughly normal latent.
 * @module
 */

import { fold, integers, type Key } from "../../lib/core/random.ts";
import { type Tensor, tensor } from "../../lib/core/tensor.ts";
import { abs, add, exp, mean, mul, square, sub } from "../../lib/engine/mod.ts";
import { randomNormal } from "../../lib/engine/ops/random.ts";
import type { AutoencoderKLConfig } from "../../lib/models/autoencoder_config.ts";
import { declareAutoencoder, decode, encode, sampleLatents } from "../../lib/models/autoencoder_kl.ts";
import { keyTensor } from "../../lib/stages/rows.ts";
import { augment, MILD } from "../data/augment.ts";
import { type EmojiPack, isHeldOut, select, SIZE } from "../data/pack.ts";
import type { Lesson } from "./trainer.ts";

/** Weight of the divergence of the latents from the normal distribution. */
const KL_WEIGHT = 1e-4;

/** `|x - x̂| + (x - x̂)² + 1e-4 KL`, of images in [-1, 1]. */
export function vaeLesson(config: AutoencoderKLConfig, pack: EmojiPack, batch: number): Lesson {
  const shown = select(pack, (image) => !isHeldOut(image));
  return {
    name: "vae",
    specs: declareAutoencoder(config),
    constants: {},
    batch: (key) => ({ images: drawImages(pack, shown, batch, key), key: keyTensor(fold(key, "noise")) }),
    loss: (scope, { images, key }) => {
      const x = sub(mul(images!, 2), 1);
      const latents = encode(scope, config, x);
      const again = decode(scope, config, sampleLatents(latents, randomNormal(key!, latents.mean.shape)));
      const error = sub(again, x);
      const squares = mean(square(error));
      const { mean: mu, logvar } = latents;
      const kl = mul(mean(sub(sub(add(square(mu), exp(logvar)), 1), logvar)), 0.5);
      return { loss: add(add(mean(abs(error)), squares), mul(kl, KL_WEIGHT)), mse: mul(squares, 0.25), kl };
    },
  };
}

/** Augmented views of images drawn from some, `[batch, 32, 32, 3]` in [0, 1]. */
export function drawImages(
  pack: EmojiPack,
  from: readonly number[],
  batch: number,
  key: Key,
): Tensor {
  const picks = Array.from(integers(fold(key, "picks"), batch, from.length), (i) => from[i]!);
  return tensor([batch, SIZE, SIZE, 3], augment(pack, picks, fold(key, "views"), MILD));
}
