/**
 * A model repository's name as people type it: `owner/name`, or `owner/name@revision`.
 *
 * @module
 */

/** A repository on the Hugging Face hub. */
export interface Repository {
  /** `owner/name`. */
  readonly id: string;
  /** A branch, a tag, or a commit's whole hash. */
  readonly revision: string;
}

/** The revision that is meant where none is named. */
export const MAIN = "main";

/** Reads a repository's name; `null` if it is none. A path that begins with a dot or a slash never is one. */
export function parseRepository(text: string): Repository | null {
  const [, id, revision = MAIN] = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?$/.exec(text) ?? [];
  // A revision becomes part of a path.
  const isPlain = id !== undefined && !`${id}/${revision}`.includes("..");
  return isPlain ? { id, revision } : null;
}

/** The repository as it is typed. */
export function showRepository({ id, revision }: Repository): string {
  return revision === MAIN ? id : `${id}@${revision}`;
}

/** The command that downloads a repository. */
export function fetchCommand({ id, revision }: Repository): string {
  return `attune fetch ${id}${revision === MAIN ? "" : ` --revision ${revision}`}`;
}
