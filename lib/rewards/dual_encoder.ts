/**
 * An image tower and a text tower with one space: what rewards that know prompts are made of.
 *
 * The image tower is CLIP's transformer or a tower of convolutions. Parameters have the names of transformers'
 * `CLIPModel`; those of convolutions are below `conv_tower`.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { min, mul, sub } from "../engine/ops/elementwise.ts";
import { sum } from "../engine/ops/reductions.ts";
import { expand, reshape } from "../engine/ops/views.ts";
import { logitScale } from "../models/clip.ts";
import {
  type ClipTextConfig,
  type ClipVisionConfig,
  parseClipTextConfig,
  parseClipVisionConfig,
} from "../models/clip_config.ts";
import { clipText, pooledText, textProjection } from "../models/clip_text.ts";
import { clipImage } from "../models/clip_vision.ts";
import { convTower, type ConvTowerConfig, parseConvTowerConfig } from "../models/conv_tower.ts";
import type { PixelConfig } from "../models/pixel_values.ts";
import { normalize } from "../nn/norm.ts";
import type { Scope } from "../nn/scope.ts";
import { contrastiveLoss } from "./contrastive_loss.ts";

/** What there is to know of an image tower; only convolutions have `block_out_channels`. */
export type ImageTowerConfig = (ClipVisionConfig | ConvTowerConfig) & {
  /** How images are prepared before it sees them; without it, it sees `2 x - 1`. */
  readonly pixels?: PixelConfig;
};

/** What there is to know of both towers. */
export interface DualEncoderConfig {
  /** The text tower. */
  readonly text_config: ClipTextConfig;
  /** The image tower. */
  readonly vision_config: ImageTowerConfig;
}

/** Texts, as a text tower reads them. */
export interface TextInputs {
  /** Token ids u32 `[N, S]`. */
  readonly ids: Value;
  /** Where each text ends, u32 `[N]`, from `textEnds`. */
  readonly ends: Value;
}

/** Images, each with a text. */
export interface PairInputs extends TextInputs {
  /** `[N, H, W, 3]`, as {@linkcode embedImages} takes them. */
  readonly images: Value;
}

/** What the cosine is multiplied by never exceeds this, as in the first CLIP's training. */
const LARGEST_SCALE = 100;

/**
 * Reads a config: `text_config`, `vision_config` and, where it is outside of these, `projection_dim`.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong or not supported.
 */
export function parseDualEncoderConfig(json: unknown): DualEncoderConfig {
  const { text_config, vision_config, projection_dim } = Object(json) as Record<string, unknown>;
  const shared = projection_dim === undefined ? {} : { projection_dim };
  const config = {
    text_config: parseClipTextConfig({ ...Object(text_config), ...shared }),
    vision_config: parseImageTowerConfig({ ...Object(vision_config), ...shared }),
  };
  const [text, vision] = [config.text_config.projection_dim, config.vision_config.projection_dim];
  if (text !== vision) {
    throw new RangeError(`Cannot compare texts with images as projection_dim differs: ${text} and ${vision}`);
  }
  return config;
}

/**
 * Embeds images.
 *
 * @param images `[N, H, W, 3]` of the tower's size: RGB in `[0, 1]`, or `pixelValues` where the config has `pixels`.
 * @returns `[N, projection_dim]`, of length 1.
 */
export function embedImages(scope: Scope, config: ImageTowerConfig, images: Value): Value {
  const pixels = config.pixels ? images : sub(mul(images, 2), 1);
  return normalize(
    "block_out_channels" in config
      ? convTower(scope.at("conv_tower"), config, pixels)
      : clipImage(scope, config, pixels),
  );
}

/**
 * Embeds texts.
 *
 * @returns `[N, projection_dim]`, of length 1.
 */
export function embedTexts(scope: Scope, config: ClipTextConfig, { ids, ends }: TextInputs): Value {
  return normalize(textProjection(scope, config, pooledText(clipText(scope, config, ids), ends)));
}

/** How well each image fits its text: {@linkcode cosines} times the learnt scale. */
export function fit(scope: Scope, config: DualEncoderConfig, inputs: PairInputs): Value {
  return mul(cosines(scope, config, inputs), cosineScale(scope));
}

/**
 * The cosine of each image and its text.
 *
 * @param inputs As many texts as images, or one text for every `K` images in a row.
 * @returns `[N, K]` for `N` texts, in -1..1.
 * @throws {TypeError} If the number of images is no multiple of that of the texts.
 */
export function cosines(scope: Scope, config: DualEncoderConfig, inputs: PairInputs): Value {
  const texts = embedTexts(scope, config.text_config, inputs);
  const images = embedImages(scope, config.vision_config, inputs.images);
  const [count, width] = texts.shape as readonly [number, number];
  return sum(mul(reshape(images, [count, -1, width]), expand(texts, 1)), [2]);
}

/**
 * The contrastive loss of a batch of images with their captions.
 *
 * @param inputs `N` images and texts, and `concepts` `[N]`, a number for what each shows, the same for what should match.
 * @returns `[]`.
 */
export function dualEncoderLoss(
  scope: Scope,
  config: DualEncoderConfig,
  inputs: PairInputs & { readonly concepts: Value },
): Value {
  return contrastiveLoss({
    images: embedImages(scope, config.vision_config, inputs.images),
    texts: embedTexts(scope, config.text_config, inputs),
    scale: cosineScale(scope),
    concepts: inputs.concepts,
  });
}

function cosineScale(scope: Scope): Value {
  return min(logitScale(scope), LARGEST_SCALE);
}

/**
 * Reads the config of an image tower of either kind.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong or not supported.
 */
function parseImageTowerConfig(json: unknown): ImageTowerConfig {
  return "block_out_channels" in Object(json) ? parseConvTowerConfig(json) : parseClipVisionConfig(json);
}
