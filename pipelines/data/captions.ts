/**
 * Captions of the images, drawn afresh for each use: "cat", "a tabby cat".
 *
 * A caption is a function of the key and the position in the batch alone.
 * @module
 */

import { fold, type Key, uniforms } from "../../lib/core/random.ts";
import type { EmojiImage, EmojiPack } from "./pack.ts";

/** How captions vary. */
export interface CaptionOptions {
  /** Probability of the empty caption, which classifier-free guidance needs; 0 if absent. */
  readonly drop?: number;
  /** Name of each image's background, or null, to be named; none is if absent. See `backgroundNames`. */
  readonly backgrounds?: readonly (string | null)[];
}

/** Share of an animal's captions that call it by its prompt word rather than by its label. */
const ANIMAL_SHARE = 0.6;

/** Share of captions that are the bare word. */
const BARE_SHARE = 0.5;

/**
 * Draws a caption for each picked image.
 *
 * @param picks Indices into the pack, one an image of the batch.
 * @param key Caption `b` is drawn from `fold(key, b)`.
 */
export function drawCaptions(
  pack: EmojiPack,
  picks: readonly number[],
  key: Key,
  { drop = 0, backgrounds = [] }: CaptionOptions = {},
): string[] {
  return picks.map((pick, b) => {
    const [dropped, called, dressed] = uniforms(fold(key, b), 3) as Iterable<number> as [
      number,
      number,
      number,
    ];
    if (dropped < drop) return "";
    const { animal, label } = pack.images[pick]!;
    const word = animal !== null && called < ANIMAL_SHARE ? animal : label;
    return onBackground(dressed < BARE_SHARE ? word : withArticle(word), backgrounds[b] ?? null);
  });
}

/** Every caption an image can have, without a background. */
export function captionsOf({ animal, label }: EmojiImage): string[] {
  return [animal ?? label, label].flatMap((word) => [word, withArticle(word)]);
}

/** Adds the background to a caption; null adds nothing. */
export function onBackground(caption: string, background: string | null): string {
  return background === null ? caption : `${caption} on a ${background} background`;
}

/** Puts "a" or "an" before a word. */
export function withArticle(word: string): string {
  return `${/^(?!uni)[aeiou]/i.test(word) ? "an" : "a"} ${word}`;
}
