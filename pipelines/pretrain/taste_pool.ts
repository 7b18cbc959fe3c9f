/**
 * The images that rewards learn their taste from: what the base model draws, and augmented drawings of the prompt animals.
 * @module
 */

import { fold, integers, key, uniforms } from "../../lib/core/random.ts";
import { pickRows } from "../../lib/core/rows.ts";
import { type F32, type FloatTensor, tensor } from "../../lib/core/tensor.ts";
import {
  goldScores,
  type GoldStatistics,
  goldStatistics,
  type GoldTerms,
  imageTerms,
} from "../../lib/rewards/gold.ts";
import { augment, STRONG } from "../data/augment.ts";
import { type EmojiPack, select, SIZE } from "../data/pack.ts";

/** Images, what each is taken for, and how good it is in the eyes of the gold. */
export interface TastePool {
  /** `[M, 32, 32, 3]`, RGB in `[0, 1]`. */
  readonly images: FloatTensor;
  /** `M` prompts; some images are under a prompt that they do not show. */
  readonly prompts: readonly string[];
  /** `[M]`, the gold without regard to the prompt. */
  readonly looks: F32;
  /** `[M]`, the whole gold. */
  readonly worth: F32;
  /** The gold's zero and unit: over the base model's images alone. */
  readonly statistics: GoldStatistics;
  /** How many of the images, the first, are the base model's. */
  readonly drawn: number;
}

/** Views of each drawing of a prompt animal. */
const VIEWS = 6;
/** Share of images that are put under another animal's prompt. */
const MISLED = 0.2;

/**
 * Makes the pool.
 *
 * @param drawn Images of the base model `[N, 32, 32, 3]` and the prompts they were drawn for.
 * @param fits How well images fit prompts, in the eyes of the gold's towers.
 */
export async function tastePool(
  pack: EmojiPack,
  drawn: { readonly images: FloatTensor; readonly prompts: readonly string[] },
  fits: (images: FloatTensor, prompts: readonly string[]) => Promise<FloatTensor>,
): Promise<TastePool> {
  const picks = select(pack, (image) => image.animal !== null).flatMap((i) => Array<number>(VIEWS).fill(i));
  const count = drawn.prompts.length + picks.length;
  const pixels = new Float32Array(count * SIZE * SIZE * 3);
  pixels.set(drawn.images.data as Float32Array<ArrayBuffer>);
  pixels.set(augment(pack, picks, key(11), STRONG), drawn.images.data.length);
  const images = tensor([count, SIZE, SIZE, 3], pixels);
  const honest = [...drawn.prompts, ...picks.map((i) => pack.images[i]!.animal!)];
  const prompts = mislead(honest);
  const looks = imageTerms(images);
  const base = drawn.prompts.map((_, n) => n);
  const honestFit = (await fits(pickRows(images, base), drawn.prompts)).data;
  const statistics = goldStatistics({ ...firstOf(looks, base.length), alignment: honestFit });
  const alignment = (await fits(images, prompts)).data;
  return {
    images,
    prompts,
    looks: goldScores(looks, statistics),
    worth: goldScores({ ...looks, alignment }, statistics),
    statistics,
    drawn: base.length,
  };
}

/** Puts some images under another's prompt. */
function mislead(prompts: readonly string[]): string[] {
  const draws = uniforms(fold(key(11), "misled"), prompts.length);
  const others = integers(fold(key(11), "others"), prompts.length, prompts.length);
  return prompts.map((prompt, n) => draws[n]! < MISLED ? prompts[others[n]!]! : prompt);
}

function firstOf(terms: GoldTerms, count: number): GoldTerms {
  const head = (values: F32) => values.slice(0, count);
  return {
    colourfulness: head(terms.colourfulness),
    sharpness: head(terms.sharpness),
    symmetry: head(terms.symmetry),
    border_ink: head(terms.border_ink),
  };
}
