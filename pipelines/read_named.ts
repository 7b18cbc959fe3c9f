/**
 * Text files that a person calls by name, where they come along, or by path, where they are their own.
 *
 * @module
 */

import { whyUnread } from "./files.ts";
import { hint } from "./nearest.ts";
import { fromCaller, isPath } from "./paths.ts";
import { UsageError } from "./usage_error.ts";

/** Files of one kind that come along. */
export interface EmbeddedFiles {
  /** What one of them is: `configuration`. */
  readonly kind: string;
  /** Where they are. */
  readonly folder: URL;
  /** How their names end, which nobody types: `.yaml`. */
  readonly ending: string;
  /** Files there that are of another kind, without the ending. */
  readonly except?: readonly string[];
}

/** The names of the files that come along. */
export async function embeddedNames(
  { folder, ending, except = [] }: EmbeddedFiles,
): Promise<readonly string[]> {
  const files = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  return files.filter((file) => file.endsWith(ending)).map((file) => file.slice(0, -ending.length))
    .filter((name) => !except.includes(name)).sort();
}

/**
 * Reads a file's text.
 *
 * @param nameOrFile The name of one that comes along, or a path, which has a dot or a slash in it.
 * @throws {UsageError} If there is none, or it is no text in UTF-8; the message names it.
 */
export async function readNamed(nameOrFile: string, files: EmbeddedFiles): Promise<string> {
  const { kind, folder, ending } = files;
  const isFile = isPath(nameOrFile);
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(
      isFile ? fromCaller(nameOrFile) : new URL(`${nameOrFile}${ending}`, folder),
    );
  } catch (cause) {
    if (isFile) {
      throw new UsageError(`Cannot read the ${kind} as ${whyUnread(cause)}: ${nameOrFile}`, { cause });
    }
    const names = await embeddedNames(files);
    const ways = hint(nameOrFile, names) || `; there are ${names.join(", ")}, and ./FILE is one of yours`;
    throw new UsageError(
      `Cannot read the ${kind} as there is none embedded of this name: ${nameOrFile}${ways}`,
      { cause },
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(
      `Cannot read the ${kind} as the file is no text in UTF-8: ${nameOrFile}; save it as that`,
      { cause },
    );
  }
}
