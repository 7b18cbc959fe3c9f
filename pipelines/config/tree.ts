/**
 * A configuration as it was written: a tree of plain values.
 *
 * @module
 */

import { listFields } from "./fields.ts";

/** A configuration as it was written: a tree of plain values. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** A configuration with the fields of another over its own; sections are merged, values replaced, lists and mappings among them. */
export function overlaid(raw: RawConfig, over: RawConfig): RawConfig {
  const fields = new Set(listFields("fixed").map(({ name }) => name));
  return merged(raw, over, (name) => !fields.has(name));
}

/** The tree of values by dotted names. */
export function treeOf(values: Readonly<Record<string, unknown>>): RawConfig {
  return Object.entries(values).reduce<RawConfig>(
    (tree, [name, value]) =>
      merged(
        tree,
        name.split(".").reduceRight<RawConfig>((node, key) => ({ [key]: node }), value as RawConfig),
        () => true,
      ),
    {},
  );
}

/** The tree without the values of which `isLeftOut` says so, by their dotted names. */
export function without(
  tree: RawConfig,
  isLeftOut: (name: string, value: unknown) => boolean,
  prefix = "",
): RawConfig {
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([key, value]) => !isLeftOut(`${prefix}${key}`, value))
      .map(([key, value]) => [key, isRecord(value) ? without(value, isLeftOut, `${prefix}${key}.`) : value]),
  );
}

/** Whether a value is a mapping. */
export function isRecord(value: unknown): value is RawConfig {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function merged(
  node: RawConfig,
  over: RawConfig,
  isSection: (name: string) => boolean,
  prefix = "",
): RawConfig {
  const entries = Object.entries(over).map(([key, value]) => {
    const own = node[key];
    const name = `${prefix}${key}`;
    const isMerged = isRecord(own) && isRecord(value) && isSection(name);
    return [key, isMerged ? merged(own, value, isSection, `${name}.`) : value];
  });
  return { ...node, ...Object.fromEntries(entries) };
}
