/**
 * Rewards that people bring: a function of images and prompts, checked so that its mistakes are found where they are made.
 * @module
 */

import type { FloatTensor } from "../core/tensor.ts";
import { checkImages, checkScores, type Reward, type Scale } from "./reward.ts";

/**
 * Scores images, each on its own.
 *
 * @param images `[B, H, W, 3]`, RGB in `[0, 1]`, not to be written to.
 * @param prompts `B` prompts.
 * @returns `B` finite numbers; higher is better.
 */
export type CustomScore = (
  images: FloatTensor,
  prompts: readonly string[],
) => ArrayLike<number> | Promise<ArrayLike<number>>;

/** A reward of one's own, as a file exports it: `export default { … } satisfies CustomReward`. */
export interface CustomReward {
  /** Its name in metrics: small letters, digits and underscores; by default the file's. */
  readonly name?: string;
  /** What its scores mean; by default points, of which 0 to 1 are usual. */
  readonly scale?: Scale;
  /** One sentence on what it measures. */
  readonly doc?: string;
  /** Scores images. */
  readonly score: CustomScore;
}

/**
 * Makes a reward of what a file exports: a {@linkcode CustomReward}, or its `score` alone.
 *
 * @param name The reward's, if it has none of its own.
 * @param file Where it comes from, for errors.
 * @returns A reward whose errors name the file.
 * @throws {TypeError} If the export is neither, or a field is not what it should be.
 */
export function customReward(exported: unknown, name: string, file: string): Reward {
  const custom = typeof exported === "function" ? { score: exported as CustomScore } : exported;
  checkCustom(custom, file);
  const info = {
    name: custom.name ?? name,
    needs: ["prompts"],
    scale: custom.scale ?? { unit: "points", range: [0, 1] },
    doc: custom.doc ?? `Scores from ${file}.`,
  } as const;
  if (!/^[a-z][a-z0-9_]*$/.test(info.name)) {
    throw new TypeError(
      `Cannot use ${file} as its name is not of small letters, digits and underscores: ${info.name}; ` +
        "export a record with another name",
    );
  }
  return {
    ...info,
    score: async (images, prompts) => {
      const count = checkImages(images, prompts);
      return checkScores(file, scoresOf(await scored(custom, images, prompts, file), count, file));
    },
  };
}

function checkCustom(custom: unknown, file: string): asserts custom is CustomReward {
  const { name, scale, doc, score } = Object(custom) as Readonly<Record<string, unknown>>;
  if (typeof score !== "function") {
    throw new TypeError(
      `Cannot use ${file} as it exports no reward by default: ${
        custom === undefined ? "nothing" : typeof custom
      }; ` +
        "write export default (images, prompts) => …, or a record with such a score",
    );
  }
  const isText = (value: unknown) => value === undefined || typeof value === "string";
  if (isText(name) && isText(doc) && (scale === undefined || isScale(scale))) return;
  throw new TypeError(
    `Cannot use ${file} as a field is not what it should be: ${JSON.stringify({ name, scale, doc })}; ` +
      'for instance { name: "redness", scale: { unit: "share", range: [0, 1] }, doc: "How red it is." }',
  );
}

function isScale(value: unknown): boolean {
  const { unit, range } = Object(value) as Readonly<Record<string, unknown>>;
  return typeof unit === "string" && Array.isArray(range) && range.length === 2 &&
    range.every(Number.isFinite);
}

async function scored(
  { score }: CustomReward,
  images: FloatTensor,
  prompts: readonly string[],
  file: string,
): Promise<unknown> {
  try {
    return await score(images, prompts);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot score images as ${file} fails: ${why}`, { cause });
  }
}

function scoresOf(found: unknown, count: number, file: string): Float32Array<ArrayBuffer> {
  const isList = Array.isArray(found) || ArrayBuffer.isView(found) && "length" in found;
  const scores = isList ? [...found as unknown as Iterable<unknown>] : null;
  if (scores?.length !== count || !scores.every((score) => typeof score === "number")) {
    const what = scores === null ? typeof found : `${scores.length} values`;
    throw new TypeError(
      `Cannot use the scores of ${file} as they are not one number for each of ${count} images: ${what}`,
    );
  }
  return Float32Array.from(scores as number[]);
}
