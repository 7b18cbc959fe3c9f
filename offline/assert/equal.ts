/**
 * Deep equality as the assertions understand it.
 *
 * @module
 */

/** Says whether two values are deeply equal; NaN equals NaN, 0 equals -0, and a missing key differs from `undefined`. */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

/** `seen` holds the pairs under comparison, so that cycles end. */
function compare(a: unknown, b: unknown, seen: Map<unknown, unknown>): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if ((a.constructor ?? Object) !== (b.constructor ?? Object)) return false;
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof RegExp || a instanceof URL) return String(a) === String(b);
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (a instanceof Set && b instanceof Set) return samePairs([...a].map(pair), [...b].map(pair), seen);
  if (a instanceof Map && b instanceof Map) return samePairs([...a], [...b], seen);
  const keys = Reflect.ownKeys(a).filter((key) => Object.prototype.propertyIsEnumerable.call(a, key));
  const others = Reflect.ownKeys(b).filter((key) => Object.prototype.propertyIsEnumerable.call(b, key));
  if (keys.length !== others.length) return false;
  if (a instanceof Error && b instanceof Error && a.message !== b.message) return false;
  return keys.every((key) =>
    Object.hasOwn(b, key) && compare(Reflect.get(a, key), Reflect.get(b, key), seen)
  );
}

/** Every entry of one list has an equal in the other, whatever the order. */
function samePairs(
  some: readonly (readonly [unknown, unknown])[],
  others: readonly (readonly [unknown, unknown])[],
  seen: Map<unknown, unknown>,
): boolean {
  return some.length === others.length &&
    some.every(([key, value]) =>
      others.some(([otherKey, otherValue]) =>
        compare(key, otherKey, seen) && compare(value, otherValue, seen)
      )
    );
}

function pair(value: unknown): readonly [unknown, unknown] {
  return [value, value];
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
