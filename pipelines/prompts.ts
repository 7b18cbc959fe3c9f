/**
 * Lists of prompts, embedded or the person's own.
 *
 * @module
 */

import type { Tokenizer } from "../lib/io/tokenizer.ts";
import { type EmbeddedFiles, readNamed } from "./read_named.ts";
import { UsageError } from "./usage_error.ts";

const LISTS: EmbeddedFiles = {
  kind: "list of prompts",
  folder: new URL("prompts/", import.meta.url),
  ending: ".txt",
};

/**
 * Reads a list of prompts.
 *
 * @param nameOrFile The name of an embedded list (`simple_animals`), or a text file (UTF-8) with a prompt a line; a file has a
 * dot or a slash in its name.
 * @returns The prompts in their order, without white space at their ends: prompt `i` is line `i + 1`.
 * @throws {UsageError} If there is no such list or file, it is no text, it is empty, or a line is blank.
 */
export async function readPrompts(nameOrFile: string): Promise<readonly string[]> {
  const lines = linesOf(await readNamed(nameOrFile, LISTS));
  if (lines.every((line) => line === "")) {
    throw new UsageError(`Cannot use prompts as the list is empty: ${nameOrFile}`);
  }
  const blank = lines.indexOf("");
  if (blank !== -1) {
    throw new UsageError(
      `Cannot use prompts as a line is blank: line ${blank + 1} of ${nameOrFile}; remove it`,
    );
  }
  return lines;
}

/**
 * What a person should know of a list of prompts who did not ask: which stand in it twice, and which are read in part only. A
 * line each, at most two.
 *
 * @param prompts From {@linkcode readPrompts}.
 * @param tokenizer The model's.
 */
export function promptNotes(
  prompts: readonly string[],
  tokenizer: Pick<Tokenizer, "tokenize" | "maxLength">,
): readonly string[] {
  const firsts = new Map<string, number>();
  const repeats = prompts.flatMap((prompt, i) => {
    if (!firsts.has(prompt)) firsts.set(prompt, i);
    const first = firsts.get(prompt)!;
    return first === i ? [] : [`line ${i + 1} is line ${first + 1} again`];
  });
  return [
    ...repeats.length === 0 ? [] : [`Prompts that stand in their list twice count twice: ${few(repeats)}.`],
    ...longPromptNotes(prompts, tokenizer, "line"),
  ];
}

/**
 * What a person should know of prompts that the model reads in part only: a line if there are any.
 *
 * @param tokenizer The model's.
 * @param each What a prompt is called, before its number.
 */
export function longPromptNotes(
  prompts: readonly string[],
  { tokenize, maxLength }: Pick<Tokenizer, "tokenize" | "maxLength">,
  each = "prompt",
): readonly string[] {
  // Start and end are tokens too.
  const most = maxLength - 2;
  const long = prompts.flatMap((prompt, i) => {
    const { length } = tokenize(prompt);
    return length > most ? [`${each} ${i + 1} has ${length} tokens`] : [];
  });
  return long.length === 0
    ? []
    : [`Of longer prompts the model reads the first ${most} tokens: ${few(long)}.`];
}

/** The first of some notes, and how many more there are. */
function few(notes: readonly string[]): string {
  const most = 3;
  return notes.slice(0, most).join(", ") + (notes.length > most ? `, and ${notes.length - most} more` : "");
}

/** The lines of a text; what ends the last one begins no other. */
function linesOf(text: string): string[] {
  return text.replace(/\r?\n$/, "").split(/\r?\n/).map((line) => line.trim());
}
