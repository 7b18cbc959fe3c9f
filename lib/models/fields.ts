/**
 * Reading configs from JSON that others wrote: what is missing gets a default, what is wrong an error with its name.
 * @module
 */

/** A JSON object and what it configures, for messages. */
export interface Fields {
  /** The model. */
  readonly model: string;
  /** The object. */
  readonly json: Readonly<Record<string, unknown>>;
}

/**
 * Takes JSON for the config of a model.
 *
 * @throws {TypeError} If it is not an object.
 */
export function fieldsOf(model: string, json: unknown): Fields {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new TypeError(`Cannot read the config of ${model} as it is not an object: ${JSON.stringify(json)}`);
  }
  return { model, json: json as Record<string, unknown> };
}

/**
 * A whole number from 1 on.
 *
 * @param fallback Its value where the key is missing.
 * @throws {TypeError} If it is anything else, or missing without a fallback.
 */
export function count(fields: Fields, key: string, fallback?: number): number {
  return typed(fields, key, fallback, "a whole number above 0", isCount);
}

/** A finite number, read as {@linkcode count} reads its own. */
export function real(fields: Fields, key: string, fallback?: number): number {
  return typed(fields, key, fallback, "a number", (v) => typeof v === "number" && Number.isFinite(v));
}

/** A truth value, read as {@linkcode count} reads its own. */
export function flag(fields: Fields, key: string, fallback?: boolean): boolean {
  return typed(fields, key, fallback, "true or false", (v) => typeof v === "boolean");
}

/** Several whole numbers from 1 on, read as {@linkcode count} reads its own. */
export function counts(fields: Fields, key: string, fallback?: readonly number[]): readonly number[] {
  return typed(
    fields,
    key,
    fallback,
    "a list of whole numbers above 0",
    (v) => Array.isArray(v) && v.length > 0 && v.every(isCount),
  );
}

/**
 * One of several words.
 *
 * @throws {RangeError} If it is none of them.
 */
export function choice<T extends string>(fields: Fields, key: string, allowed: readonly T[], fallback: T): T {
  const value = fields.json[key] ?? fallback;
  if (!allowed.includes(value as T)) throw unsupported(fields, key, value, allowed);
  return value as T;
}

/** A list of words, each checked as {@linkcode choice} checks its own. */
export function choices<T extends string>(
  fields: Fields,
  key: string,
  allowed: readonly T[],
  fallback: readonly T[],
): readonly T[] {
  const value = fields.json[key] ?? fallback;
  if (!Array.isArray(value) || value.some((word) => !allowed.includes(word))) {
    throw unsupported(fields, key, value, allowed);
  }
  return value;
}

/**
 * Refuses what would change the model in a way it does not know.
 *
 * @param known Keys that are read elsewhere or do not matter.
 * @param only Keys with the values that are supported. Keys in neither are fine where they switch something off.
 * @throws {RangeError} Naming the first key and its value.
 */
export function refuseOthers(
  fields: Fields,
  known: readonly string[],
  only: Readonly<Record<string, readonly unknown[]>>,
): void {
  for (const [key, value] of Object.entries(fields.json)) {
    if (key.startsWith("_") || known.includes(key) || value === null) continue;
    const allowed = only[key] ?? [false];
    if (!allowed.includes(value)) throw unsupported(fields, key, value, allowed);
  }
}

/**
 * Checks that a list has an entry for each stage.
 *
 * @throws {RangeError} If it has not.
 */
export function checkLength(fields: Fields, key: string, list: readonly unknown[], stages: number): void {
  if (list.length !== stages) {
    throw new RangeError(
      `Cannot read the config of ${fields.model} as ${key} has ${list.length} entries ` +
        `where block_out_channels has ${stages}`,
    );
  }
}

/**
 * Checks that a number of groups, heads or pixels divides what it splits.
 *
 * @throws {RangeError} If it does not.
 */
export function checkDivides(fields: Fields, key: string, value: number, channels: readonly number[]): void {
  const odd = channels.find((each) => each % value !== 0);
  if (odd !== undefined) {
    throw new RangeError(
      `Cannot read the config of ${fields.model} as ${key} does not divide what it splits: ${value} and ${odd}`,
    );
  }
}

/** The error about a value that no model here supports. */
export function unsupported(
  { model }: Fields,
  key: string,
  value: unknown,
  allowed: readonly unknown[],
): RangeError {
  const list = allowed.map((each) => JSON.stringify(each)).join(", ");
  return new RangeError(
    `Cannot read the config of ${model} as ${key} is not supported: ${
      JSON.stringify(value)
    } where ${list} is`,
  );
}

function typed<T>(
  { model, json }: Fields,
  key: string,
  fallback: T | undefined,
  what: string,
  fits: (value: unknown) => boolean,
): T {
  const value = json[key] ?? fallback;
  if (value === undefined) throw new TypeError(`Cannot read the config of ${model} as ${key} is missing`);
  if (!fits(value)) {
    throw new TypeError(
      `Cannot read the config of ${model} as ${key} is not ${what}: ${JSON.stringify(value)}`,
    );
  }
  return value as T;
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && value as number > 0;
}
