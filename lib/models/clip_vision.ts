/**
 * CLIP's image tower (transformers' `CLIPVisionModelWithProjection`).
 * @module
 */

import { showShape } from "../core/tensor.ts";
import { input, type Value } from "../engine/graph.ts";
import { add } from "../engine/ops/elementwise.ts";
import { concat } from "../engine/ops/concat.ts";
import { broadcast, reshape, slice } from "../engine/ops/views.ts";
import { linear } from "../nn/linear.ts";
import { layerNorm } from "../nn/norm.ts";
import { patchEmbedding } from "../nn/patch_embedding.ts";
import { declareParams, normalInit, type ParamSpec, type Scope } from "../nn/scope.ts";
import type { ClipVisionConfig } from "./clip_config.ts";
import { clipEncoder } from "./clip_encoder.ts";

/** Spread of position embeddings at the start. */
const POSITION_STD = 0.02;

/**
 * Looks at images.
 *
 * @param scope Above `vision_model` and `visual_projection`.
 * @param images `[B, image_size, image_size, num_channels]`, normalised as the checkpoint wants.
 * @returns Embeddings in the space shared with texts, `[B, projection_dim]`, not of length 1.
 * @throws {TypeError} If the images have another size.
 */
export function clipImage(scope: Scope, config: ClipVisionConfig, images: Value): Value {
  const pooled = clipVision(scope, config, images);
  const weight = normalInit(config.hidden_size ** -0.5);
  return linear(scope.at("visual_projection"), pooled, config.projection_dim, {
    bias: false,
    init: { weight, bias: weight },
  });
}

/**
 * The class token's hidden state after the last layer norm, `[B, D]`: what {@linkcode clipImage} projects.
 *
 * @throws {TypeError} If the images have another size than the config's.
 */
export function clipVision(scope: Scope, config: ClipVisionConfig, images: Value): Value {
  const tower = scope.at("vision_model");
  const tokens = imageTokens(tower.at("embeddings"), config, images);
  // The name is misspelt in every checkpoint.
  const x = clipEncoder(
    tower,
    config,
    layerNorm(tower.at("pre_layrnorm"), tokens, config.layer_norm_eps),
    false,
  );
  const classToken = reshape(slice(x, 1, 0, 1), [images.shape[0]!, config.hidden_size]);
  return layerNorm(tower.at("post_layernorm"), classToken, config.layer_norm_eps);
}

/** Lists the image tower's parameters. */
export function declareClipVision(config: ClipVisionConfig): ParamSpec[] {
  const { image_size: side, num_channels } = config;
  return declareParams((scope) => clipImage(scope, config, input("images", [1, side, side, num_channels])));
}

/** A class token and one token for each patch, with their positions: `[B, 1 + patches, D]`. */
function imageTokens(scope: Scope, config: ClipVisionConfig, images: Value): Value {
  const { image_size: side, patch_size: patch, hidden_size: width, num_channels: channels } = config;
  const [batch, ...shape] = images.shape as readonly [number, ...number[]];
  if (shape.join() !== [side, side, channels].join()) {
    throw new TypeError(
      `Cannot embed the images as they have the wrong shape: ${showShape(images.shape)} where ` +
        `[B, ${side}, ${side}, ${channels}] is needed`,
    );
  }
  const count = (side / patch) ** 2;
  const embedded = patchEmbedding(scope.at("patch_embedding"), images, { patch, width, bias: false });
  const first = scope.param("class_embedding", [width], normalInit(width ** -0.5));
  const tokens = concat([broadcast(reshape(first, [1, 1, width]), [batch, 1, width]), embedded], 1);
  return add(tokens, scope.param("position_embedding.weight", [count + 1, width], normalInit(POSITION_STD)));
}
