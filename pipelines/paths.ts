/**
 * Paths as the person means them who starts a task.
 *
 * @module
 */

import { relative, resolve } from "node:path";

/** Whether what a person wrote is a path: embedded things have names without a dot or a slash. */
export function isPath(nameOrPath: string): boolean {
  return /[./\\]/.test(nameOrPath);
}

/**
 * An absolute path for one given on the command line.
 *
 * `deno task` runs in the project's folder; what is typed is relative to the folder it was typed in, which `INIT_CWD`
 * names.
 */
export function fromCaller(path: string): string {
  return resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd(), path);
}

/** A path as the person reads it: relative to the folder they are in, where it is below that. */
export function fromHere(path: string): string {
  const short = relative(fromCaller("."), path);
  return short.startsWith("..") ? path : short || ".";
}
