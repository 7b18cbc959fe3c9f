/**
 * CLIP as a whole (transformers' `CLIPModel`): how well texts fit images.
 * @module
 */

import { input, type Value } from "../engine/graph.ts";
import { exp, mul } from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { normalize } from "../nn/norm.ts";
import { constantInit, declareParams, type ParamSpec, type Scope } from "../nn/scope.ts";
import type { ClipConfig } from "./clip_config.ts";
import { clipText, pooledText, textProjection } from "./clip_text.ts";
import { clipImage } from "./clip_vision.ts";

/** The logarithm of 1/0.07, where the temperature of contrastive training starts. */
const LOGIT_SCALE = 2.6592;

/** What CLIP looks at. */
export interface ClipInputs {
  /** Token ids u32 `[T, S]`. */
  readonly ids: Value;
  /** Where each text ends, u32 `[T]`, from `textEnds`. */
  readonly ends: Value;
  /** Images `[B, image_size, image_size, num_channels]`, normalised as the checkpoint wants. */
  readonly images: Value;
}

/** What CLIP finds. */
export interface ClipResult {
  /** Embeddings of the texts `[T, projection_dim]`, of length 1. */
  readonly texts: Value;
  /** Embeddings of the images `[B, projection_dim]`, of length 1. */
  readonly images: Value;
  /** Cosines times the learnt scale `[B, T]`. */
  readonly logits: Value;
}

/** Embeds texts and images and compares each image with each text. */
export function clip(scope: Scope, config: ClipConfig, { ids, ends, images }: ClipInputs): ClipResult {
  const pooled = pooledText(clipText(scope, config.text_config, ids), ends);
  const texts = normalize(textProjection(scope, config.text_config, pooled));
  const pictures = normalize(clipImage(scope, config.vision_config, images));
  const logits = mul(matmul(pictures, texts, { transposeB: true }), logitScale(scope));
  return { texts, images: pictures, logits };
}

/** What cosines are multiplied by, `[]`: the exponential of the parameter `logit_scale`. */
export function logitScale(scope: Scope): Value {
  return exp(scope.param("logit_scale", [], constantInit(LOGIT_SCALE)));
}

/** Lists CLIP's parameters. */
export function declareClip(config: ClipConfig): ParamSpec[] {
  const { image_size: side, num_channels } = config.vision_config;
  return declareParams((scope) =>
    clip(scope, config, {
      ids: input("ids", [1, 1], "u32"),
      ends: input("ends", [1], "u32"),
      images: input("images", [1, side, side, num_channels]),
    })
  );
}
