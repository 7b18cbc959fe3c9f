/**
 * ImageReward (Xu et al. 2023, https://arxiv.org/abs/2304.05977): BLIP reads the prompt while it looks at the image.
 * @module
 */

import { pickRows } from "../core/rows.ts";
import type { FloatTensor, WordTensor } from "../core/tensor.ts";
import { input, type Value } from "../engine/graph.ts";
import { reshape, slice } from "../engine/ops/views.ts";
import { bert } from "../models/bert.ts";
import {
  type BertConfig,
  type BlipVisionConfig,
  parseBertConfig,
  parseBlipVisionConfig,
} from "../models/blip_config.ts";
import { blipVision } from "../models/blip_vision.ts";
import { counts, fieldsOf } from "../models/fields.ts";
import { clipPixels } from "../models/pixel_values.ts";
import { declareParams, type ParamSpec, type Scope } from "../nn/scope.ts";
import { batchedModel, type ModelContext, scopeIn } from "./batched.ts";
import { imageTypes } from "./embedder.ts";
import { HEAD_WIDTHS, linearHead } from "./linear_head.ts";
import { preparation, preparer } from "./prepare_images.ts";
import { checkScores, type Reward, type RewardInfo } from "./reward.ts";

/** What there is to know of the towers and the head. */
export interface ImageRewardConfig {
  /** The image tower. */
  readonly vision_config: BlipVisionConfig;
  /** The text tower, which looks at the image tower's tokens. */
  readonly text_config: BertConfig;
  /** The widths of the head's layers. */
  readonly head: readonly number[];
}

/**
 * Reads a config; the defaults are the published model's.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong.
 */
export function parseImageRewardConfig(json: unknown): ImageRewardConfig {
  const fields = fieldsOf("ImageReward", json);
  return {
    vision_config: parseBlipVisionConfig(fields.json.vision_config ?? {}),
    text_config: parseBertConfig(fields.json.text_config ?? {}),
    head: counts(fields, "head", HEAD_WIDTHS),
  };
}

/** What is known of the reward without its weights. */
export const imageRewardInfo: RewardInfo = {
  name: "imagereward",
  needs: ["prompts", "weights"],
  scale: { unit: "logits", range: [-2.5, 2.5] },
  isDifferentiable: true,
  // The mean and deviation that the authors' package standardises by.
  official: {
    unit: "ImageReward",
    factor: 1 / 1.0333394966054072,
    offset: -0.16717362830052426 / 1.0333394966054072,
  },
  doc:
    "How well people would like the image for the prompt, by a network that looks at one while reading the other.",
};

/** What the model sees. */
export interface ImageRewardInputs {
  /** `[B, image_size, image_size, 3]`, normalised. */
  readonly pixels: Value;
  /** Token ids u32 `[B, S]`. */
  readonly ids: Value;
  /** `[B, S]`: 1 for a token, 0 for padding. */
  readonly mask: Value;
}

/** Prompts as the text tower reads them. */
export interface MaskedTokens {
  /** Token ids u32 `[B, S]`, padded with 0. */
  readonly ids: WordTensor;
  /** `[B, S]`: 1 for a token, 0 for padding. */
  readonly mask: FloatTensor;
}

/** What the reward runs on and with. */
export interface ImageRewardContext extends ModelContext {
  /** Turns prompts into tokens `[N, S]`, the first of which stands for the whole; S is always the same. */
  readonly tokenize: (prompts: readonly string[]) => MaskedTokens;
}

/**
 * Scores images, each with its prompt, from the text's first token.
 *
 * Differs from the authors' package, as the reference implementation does: the score is not standardised.
 *
 * @param scope Above `blip` and `mlp`.
 * @returns `[B]`.
 */
export function imageRewardScores(
  scope: Scope,
  config: ImageRewardConfig,
  { pixels, ids, mask }: ImageRewardInputs,
): Value {
  const context = blipVision(scope.at("blip.visual_encoder"), config.vision_config, pixels);
  const hidden = bert(scope.at("blip.text_encoder"), config.text_config, { ids, mask, context });
  const first = reshape(slice(hidden, 1, 0, 1), [-1, config.text_config.hidden_size]);
  return linearHead(scope.at("mlp"), first, config.head);
}

/** Lists the parameters that scoring reads; the published file has two projections more. */
export function declareImageReward(config: ImageRewardConfig): ParamSpec[] {
  const { image_size: side } = config.vision_config;
  return declareParams((scope) =>
    imageRewardScores(scope, config, {
      pixels: input("pixels", [1, side, side, 3]),
      ids: input("ids", [1, 1], "u32"),
      mask: input("mask", [1, 1]),
    })
  );
}

/** Makes the reward. */
export async function imageReward(
  context: ImageRewardContext,
  config: ImageRewardConfig = parseImageRewardConfig({}),
): Promise<Reward> {
  const { batchSize, tokenize } = context;
  const textLength = tokenize([""]).ids.shape[1]!;
  const side = config.vision_config.image_size;
  const run = await batchedModel(
    (scope, { images, ids, mask }) => imageRewardScores(scope, config, { pixels: images, ids, mask }),
    {
      ...imageTypes({ image_size: side }, batchSize),
      ids: { shape: [batchSize, textLength], dtype: "u32" },
      mask: { shape: [batchSize, textLength], dtype: "f32" },
    },
    context,
  );
  // The reference implementation prepares them as CLIP's processor does, as it does for its other rewards.
  const preparing = { pixels: { ...clipPixels, size: side } };
  const prepare = preparer(preparing, context);
  const { tables, build } = preparation(preparing);
  return {
    ...imageRewardInfo,
    graph: {
      weights: context.weights,
      inputs: (prompts, shape) => ({ ...tables(shape), ...tokenize(prompts) }),
      build: (scope, images, inputs) => {
        const { ids, mask } = inputs as Readonly<Record<"ids" | "mask", Value>>;
        const pixels = build(images, inputs);
        return imageRewardScores(scopeIn(context, scope), config, { pixels, ids, mask });
      },
    },
    score: async (images, prompts) => {
      const pixels = await prepare(images, prompts);
      const scores = await run(prompts.length, (rows) => {
        const { ids, mask } = tokenize(rows.map((row) => prompts[row]!));
        return { images: pickRows(pixels, rows), ids, mask };
      });
      return checkScores(imageRewardInfo.name, scores.data);
    },
  };
}
