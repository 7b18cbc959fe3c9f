/**
 * `metrics.jsonl`: one line of JSON an epoch. The line of epoch 0 tells of the model before training.
 *
 * Two runs with the same seed have the same lines but for the fields in {@linkcode MACHINE_FIELDS}.
 *
 * @module
 */

import { type Path, readText, writeAtomically } from "../files.ts";

/** Fields that depend on the machine and its load; everything else follows from configuration and weights. */
export const MACHINE_FIELDS: readonly string[] = ["seconds", "gpu_peak_bytes"];

/** Numbers by name, at any depth; what is not known is `null`. */
export interface Metrics {
  readonly [name: string]: number | null | Metrics | readonly (number | null)[];
}

/** The numbers after one epoch. */
export interface MetricsLine {
  /** How many epochs are complete. */
  readonly epoch: number;
}

/** One line, with its end; numbers that are not finite are `null`. */
export function lineOf(metrics: MetricsLine): string {
  return `${JSON.stringify(metrics)}\n`;
}

/**
 * Appends a line.
 *
 * @throws {Error} If it cannot be written.
 */
export async function appendMetrics(path: string, metrics: MetricsLine): Promise<void> {
  await Deno.writeTextFile(path, lineOf(metrics), { append: true });
}

/** Takes out the lines of later epochs, and a last one that is not whole. */
export async function cutMetrics(path: Path, lastEpoch: number): Promise<void> {
  const lines = (await readText(path)).split("\n").filter((line) => epochOf(line) <= lastEpoch);
  await writeAtomically(path, lines.map((line) => `${line}\n`).join(""));
}

/** Adds fields to the last line. */
export async function markLast(path: Path, fields: Readonly<Record<string, unknown>>): Promise<void> {
  const lines = (await readText(path)).trimEnd().split("\n");
  const last = JSON.stringify({ ...JSON.parse(lines.at(-1)!), ...fields });
  await writeAtomically(path, [...lines.slice(0, -1), last].map((line) => `${line}\n`).join(""));
}

/** The line as far as it is the same on every machine, for comparing runs. */
export function withoutMachine(line: string): string {
  const fields = Object.entries(JSON.parse(line)).filter(([name]) => !MACHINE_FIELDS.includes(name));
  return JSON.stringify(Object.fromEntries(fields));
}

/** The numbers of a line by names with slashes, as TensorBoard groups them; what is not known is left out. */
export function flatMetrics(metrics: object, prefix = ""): Record<string, number> {
  return Object.assign(
    {},
    ...Object.entries(metrics).map(([name, value]) => {
      if (typeof value === "number") return Number.isFinite(value) ? { [`${prefix}${name}`]: value } : {};
      return value === null ? {} : flatMetrics(value, `${prefix}${name}/`);
    }),
  );
}

/** The epoch of a line; past every other if it is not whole. */
function epochOf(line: string): number {
  try {
    return JSON.parse(line).epoch;
  } catch {
    return Infinity;
  }
}
