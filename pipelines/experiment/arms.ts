/**
 * The arms of an experiment: those that it names, or the combinations of a matrix.
 *
 * @module
 */

import { UsageError } from "../usage_error.ts";
import type { ExperimentFile, FieldValues } from "./schema.ts";

/** What one arm has over the configuration that all share. */
export interface Arm {
  /** Its name. */
  readonly name: string;
  /** Configurations over the common ones. */
  readonly configs: readonly string[];
  /** Fields over those. */
  readonly set: FieldValues;
}

/**
 * Lists the arms in the order of the file; of a matrix, the last field turns fastest.
 *
 * @throws {UsageError} If there are none, or two of one name.
 */
export function armsOf({ arms, matrix }: Pick<ExperimentFile, "arms" | "matrix">): readonly Arm[] {
  if ((arms === undefined) === (matrix === undefined)) {
    throw new UsageError(
      `Cannot run the experiment as it takes either arms or a matrix: there ${
        arms ? "are both" : "is neither"
      }`,
    );
  }
  const listed = arms === undefined
    ? combinations(matrix!)
    : Object.entries(arms).map(([name, arm]) => ({ name, configs: [], set: {}, ...arm }));
  if (listed.length === 0) {
    throw new UsageError("Cannot run the experiment as arms is empty: name at least one");
  }
  const twice = listed.find(({ name }, i) => listed.findIndex((arm) => arm.name === name) !== i);
  if (twice !== undefined) {
    throw new UsageError(`Cannot run the experiment as two arms have one name: ${twice.name}`);
  }
  return listed;
}

/** Every choice of a value for each field. */
function combinations(matrix: Readonly<Record<string, readonly unknown[]>>): readonly Arm[] {
  const fields = Object.keys(matrix);
  const choices = fields.reduce<readonly (readonly unknown[])[]>(
    (rows, field) => rows.flatMap((row) => matrix[field]!.map((value) => [...row, value])),
    [[]],
  );
  return choices.map((values) => ({
    name: values.map((value, i) => `${shortName(fields[i]!, fields)}=${showValue(value)}`).join(","),
    configs: [],
    set: Object.fromEntries(values.map((value, i) => [fields[i]!, value])),
  }));
}

/** The last part of a field's name, or all of it where another field ends alike. */
export function shortName(field: string, fields: readonly string[]): string {
  const last = (name: string) => name.split(".").at(-1)!;
  return fields.filter((other) => last(other) === last(field)).length === 1 ? last(field) : field;
}

/** A value as part of a folder's name. */
export function showValue(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replace(/^\[(.*)\]$/, "$1").replaceAll(",", "x").replace(/[^\w.+-]+/g, "-") || "none";
}
