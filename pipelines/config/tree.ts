/**
 * A configuration as it was written: a tree of plain values.
 *
 * @module
 */

/** A configuration as it was written: a tree of plain values. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** A configuration with the fields of another over its own; sections are merged, lists and values replaced. */
export function overlaid(raw: RawConfig, over: RawConfig): RawConfig {
  const merged = Object.entries(over).map(([key, value]) => {
    const own = raw[key];
    return [key, isRecord(own) && isRecord(value) ? overlaid(own, value) : value];
  });
  return { ...raw, ...Object.fromEntries(merged) };
}

/** The tree of values by dotted names. */
export function treeOf(values: Readonly<Record<string, unknown>>): RawConfig {
  return Object.entries(values).reduce<RawConfig>(
    (tree, [name, value]) =>
      overlaid(
        tree,
        name.split(".").reduceRight<RawConfig>((node, key) => ({ [key]: node }), value as RawConfig),
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
