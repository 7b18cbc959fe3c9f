/**
 * What a field of the configuration is made of: its type, default, unit and one line of doc.
 *
 * @module
 */

import { z } from "zod";

/** Which reading of the method a run follows: the repaired one, or the reference implementation's to the letter. */
export type Compat = "fixed" | "official";

/** What is said of a field beside its type and default. */
export interface FieldNotes {
  /** What the field does, one line. */
  readonly doc: string;
  /** What its number counts or measures. */
  readonly unit?: string;
  /** For a switch: its value in each reading, which an absent or null field follows. */
  readonly readings?: Readonly<Record<Compat, unknown>>;
  /** What the reference implementation calls it, where that differs. */
  readonly reference?: string;
}

/** A value that a field of type `T` may start with. */
export type Initial<T extends z.ZodType> = z.core.util.NoUndefined<z.output<T>>;

/** A field with its default. */
export function field<T extends z.ZodType>(
  type: T,
  initial: Initial<T>,
  notes: FieldNotes,
): z.ZodDefault<T> {
  return type.default(initial).meta({ ...notes });
}

/**
 * A switch between the two readings of the method; the default is the reading's.
 *
 * @param quirk Its number in the list of the reference implementation's quirks.
 */
export function readingSwitch<T extends z.ZodType>(
  type: T,
  compat: Compat,
  readings: Readonly<Record<Compat, Initial<T>>>,
  quirk: number,
  doc: string,
): z.ZodPreprocess<z.ZodDefault<T>> {
  const followed = type.default(readings[compat]);
  return z.preprocess((value) => value === null ? undefined : value, followed)
    .meta({ doc: `${doc} (quirk ${quirk})`, readings });
}

/** Fields that belong together; a section that is absent has the defaults of its fields. */
export function section<S extends z.ZodRawShape>(fields: S): z.ZodPrefault<z.ZodObject<S, z.core.$strict>> {
  return z.strictObject(fields).prefault({} as z.input<z.ZodObject<S, z.core.$strict>>);
}

/** A whole number from `from`. */
export function count(from: number): z.ZodInt {
  return z.int().min(from);
}

/** A number above 0. */
export function positive(): z.ZodNumber {
  return z.number().gt(0);
}

/** A number from 0. */
export function notNegative(): z.ZodNumber {
  return z.number().min(0);
}

/** A number in [0, 1). */
export function decay(): z.ZodNumber {
  return z.number().min(0).lt(1);
}
