/**
 * Where two trees of plain values differ.
 *
 * @module
 */

import { isRecord } from "../config/tree.ts";

/**
 * The first place at which two trees differ.
 *
 * @returns Its dotted name and both values as JSON (`nothing` where there is none), or `null` if the trees are the same.
 */
export function firstDifference(a: unknown, b: unknown): readonly [string, string, string] | null {
  return difference(a, b, "");
}

function difference(a: unknown, b: unknown, name: string): readonly [string, string, string] | null {
  if (!isRecord(a) || !isRecord(b)) {
    const [left, right] = [show(a), show(b)];
    return left === right ? null : [name, left, right];
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = difference(a[key], b[key], name === "" ? key : `${name}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
