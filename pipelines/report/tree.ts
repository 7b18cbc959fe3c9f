/**
 * Values of JSON or YAML whose shape nobody vouches for, as a run may be of another version or cut short.
 *
 * @module
 */

import { isRecord } from "../config/tree.ts";

/** An object read from a file. */
export type Tree = Readonly<Record<string, unknown>>;

/** The value that a path of keys leads to, or `undefined`. */
export function at(tree: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (node, key) => isRecord(node) && Object.hasOwn(node, key) ? node[key] : undefined,
    tree,
  );
}

/** The finite number that a path leads to, or `undefined`. */
export function numberAt(tree: unknown, ...keys: readonly string[]): number | undefined {
  const value = at(tree, ...keys);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** The text that a path leads to, or `undefined`. */
export function textAt(tree: unknown, ...keys: readonly string[]): string | undefined {
  const value = at(tree, ...keys);
  return typeof value === "string" ? value : undefined;
}

/** The keys of the object that a path leads to; none where there is none. */
export function keysAt(tree: unknown, ...keys: readonly string[]): readonly string[] {
  const value = at(tree, ...keys);
  return isRecord(value) ? Object.keys(value) : [];
}

/** The texts of the list that a path leads to; none where there is none. */
export function textsAt(tree: unknown, ...keys: readonly string[]): readonly string[] {
  const value = at(tree, ...keys);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** All values that are no objects, with their dotted names; objects in a list are numbered. */
export function leaves(tree: Tree, prefix = ""): readonly (readonly [string, unknown])[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    isRecord(value) || (Array.isArray(value) && value.some(isRecord))
      ? leaves({ ...value }, `${prefix}${key}.`)
      : [[`${prefix}${key}`, value] as const]
  );
}
