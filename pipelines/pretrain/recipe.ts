/**
 * The recipe of the mini model: a seed, and how each of its parts learns.
 * @module
 */

import { z } from "zod";
import { parseConfig } from "../config/read.ts";
import { readText } from "../files.ts";
import { UsageError } from "../usage_error.ts";
import type { Schedule } from "./trainer.ts";

/** A recipe. */
export interface Recipe {
  /** Where all random numbers come from. */
  readonly seed: number;
  /** How each part learns, by its name. */
  readonly schedules: Readonly<Record<string, Schedule>>;
}

const schedule: z.ZodType<Schedule> = z.strictObject({
  steps: z.int().min(1),
  batch: z.int().min(1),
  learning_rate: z.number().gt(0),
  restart: z.strictObject({ step: z.int().min(1), learning_rate: z.number().gt(0) }).exactOptional(),
  weight_decay: z.number().min(0),
  ema: z.number().min(0).lt(1),
});

/**
 * Reads a recipe.
 *
 * @param parts The parts that it has to tell of.
 * @throws {UsageError} If it cannot be read, or a part is missing or wrong; the message names file and field.
 */
export async function readRecipe(path: string, parts: readonly string[]): Promise<Recipe> {
  const text = await readText(path).catch((cause) => {
    throw new UsageError((cause as Error).message, { cause });
  });
  const { seed, ...schedules } = parseConfig(text, path);
  const recipe = z.object({
    seed: z.int().min(0),
    schedules: z.object(Object.fromEntries(parts.map((name) => [name, schedule]))),
  }).safeParse({ seed, schedules });
  if (recipe.success) return recipe.data;
  const { path: field, message } = recipe.error.issues[0]!;
  const name = field.filter((key) => key !== "schedules").join(".");
  throw new UsageError(`Cannot use the recipe ${path} as its ${name} is wrong: ${message}`);
}
