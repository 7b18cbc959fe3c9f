/**
 * Names of image files, from what the images show.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Wish } from "./sampler.ts";

/** Letters of a prompt that its name keeps at most. */
const LONGEST = 60;

/**
 * A file name for each wish: `a_red_cat-7.png`. Prompts whose names would be cut, or the same, have a hash in theirs.
 *
 * @param wishes Each prompt and seed once.
 * @returns As many names, all different, also where upper and lower case are the same.
 */
export function imageNames(wishes: readonly Wish[]): readonly string[] {
  const prompts = [...new Set(wishes.map(({ prompt }) => prompt))];
  const plain = prompts.map(plainName);
  const names = new Map(prompts.map((prompt, i) => {
    const name = plain[i]!;
    const isClear = name !== "" && name.length <= LONGEST && plain.indexOf(name) === plain.lastIndexOf(name);
    // Nor does a name begin as an option does where the prompt has no letter.
    return [prompt, isClear ? name : `${name.slice(0, LONGEST) || "prompt"}-${hash(prompt)}`];
  }));
  return wishes.map(({ prompt, seed }) => `${names.get(prompt)}-${seed}.png`);
}

function plainName(prompt: string): string {
  return prompt.toLowerCase().normalize("NFC").replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_|_$/g, "");
}

function hash(prompt: string): string {
  return createHash("sha256").update(prompt).digest("hex").slice(0, 8);
}
