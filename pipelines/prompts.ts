/**
 * Lists of prompts, embedded or the person's own.
 *
 * @module
 */

import { whyUnread } from "./files.ts";
import { nearest } from "./nearest.ts";
import { fromCaller, isPath } from "./paths.ts";
import { UsageError } from "./usage_error.ts";

const FOLDER = new URL("prompts/", import.meta.url);

/**
 * Reads a list of prompts.
 *
 * @param nameOrFile The name of an embedded list (`simple_animals`), or a text file with a prompt a line; a file has a dot or a
 * slash in its name.
 * @returns The prompts in their order; empty lines are left out.
 * @throws {UsageError} If there is no such list or file, or it holds no prompt.
 */
export async function readPrompts(nameOrFile: string): Promise<readonly string[]> {
  const prompts = linesOf(await readText(nameOrFile, isPath(nameOrFile)));
  if (prompts.length === 0) throw new UsageError(`Cannot use prompts as the list is empty: ${nameOrFile}`);
  return prompts;
}

async function readText(nameOrFile: string, isFile: boolean): Promise<string> {
  try {
    return await Deno.readTextFile(isFile ? fromCaller(nameOrFile) : new URL(`${nameOrFile}.txt`, FOLDER));
  } catch (error) {
    if (isFile) {
      throw new UsageError(`Cannot use prompts as ${whyUnread(error)}: ${nameOrFile}`, { cause: error });
    }
    const files = await Array.fromAsync(Deno.readDir(FOLDER));
    const names = files.map(({ name }) => name.replace(/\.txt$/, "")).sort();
    const meant = nearest(nameOrFile, names);
    throw new UsageError(
      `Cannot use prompts as there is no such list: ${nameOrFile}; ` +
        (meant === undefined ? `there are ${names.join(", ")}` : `did you mean ${meant}?`),
      { cause: error },
    );
  }
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "");
}
