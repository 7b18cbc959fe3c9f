/**
 * The image towers that rewards look through, and the critic with the one it trains on.
 *
 * @module
 */

import type { TensorType } from "../../lib/core/tensor.ts";
import type { Value } from "../../lib/engine/graph.ts";
import type { Tokenizer } from "../../lib/io/tokenizer.ts";
import { pixelTables, pixelValues } from "../../lib/models/pixel_values.ts";
import { constantInit, type Scope } from "../../lib/nn/scope.ts";
import { embedImages } from "../../lib/rewards/dual_encoder.ts";
import { clipLConfig } from "../../lib/rewards/published_configs.ts";
import type { Frozen } from "../../lib/stages/models.ts";
import { type JudgeName, judgeNames } from "./judge_configs.ts";
import type { ImageTower } from "./judges.ts";

/**
 * The tower that the critic looks through: the training reward's. Formulas have none, and stand by the one of the model's kind,
 * `clip_l` for Stable Diffusion and `clip` for the embedded model.
 *
 * @param tokenizer The model's.
 */
export function criticTower({ vocabSize }: Pick<Tokenizer, "vocabSize">, reward: string): JudgeName {
  const own = judgeOf(reward);
  return own === "clip" && vocabSize === clipLConfig.text_config.vocab_size ? "clip_l" : own;
}

/**
 * The towers that a reward looks through; formulas have none, and stand by `clip`. ImageReward has no dual encoder: `clip_l`
 * stands for it, as in the reference implementation.
 */
export function judgeOf(reward: string): JudgeName {
  if (reward === "aesthetic" || reward === "imagereward") return "clip_l";
  return judgeNames.find((name) => name === reward) ?? "clip";
}

/** An image tower as the critic looks through it. */
export function towerOf({ config, weights }: ImageTower): Frozen<Value, Value> {
  return { weights, build: (scope, images) => embedImages(scope, config, prepared(scope, config, images)) };
}

/** Images as the tower wants them, by the tables that stand among its weights. */
function prepared(scope: Scope, { pixels }: ImageTower["config"], images: Value): Value {
  if (pixels === undefined) return images;
  const [, height, width] = images.shape as readonly [number, number, number];
  const { rows, columns, levels } = pixelTables(pixels, height, width);
  const table = (name: string, { shape }: TensorType) =>
    scope.at("pixels").param(name, shape, constantInit(0));
  return pixelValues(images, {
    rows: table("rows", rows),
    columns: table("columns", columns),
    levels: table("levels", levels),
  });
}
