/**
 * A plan of training as tables, for people to read.
 *
 * @module
 */

import type { TrainingPlan } from "./training_plan.ts";

/** Prints what each part of training and each program takes. */
export function showTrainingPlan({ note, parts, programs }: TrainingPlan): string {
  const flopsAnEpoch = programs.reduce((sum, { flops, runsAnEpoch }) => sum + flops * runsAnEpoch, 0);
  return [
    ...note === null ? [] : [note],
    table(
      ["part", "MB held", "MB at most"],
      parts.map(({ name, bytes, peakBytes }) => [name, megabytes(bytes), megabytes(peakBytes)]),
    ),
    table(
      [
        "program",
        "MB read",
        "MB between",
        "MB alone",
        "MB bound",
        "kernels",
        "GFLOP",
        "runs",
        "TFLOP an epoch",
      ],
      programs.map((program) => [
        program.stage,
        megabytes(program.inputBytes),
        megabytes(program.slotBytes),
        megabytes(program.inputBytes + program.slotBytes + program.resultBytes),
        megabytes(program.largestBinding),
        String(program.dispatches),
        (program.flops / 1e9).toFixed(2),
        String(program.runsAnEpoch),
        (program.flops * program.runsAnEpoch / 1e12).toFixed(3),
      ]),
    ),
    `${megabytes(parts.at(-1)!.peakBytes)} MB at most, ${(flopsAnEpoch / 1e12).toFixed(3)} TFLOP an epoch`,
  ].join("\n\n");
}

/** Columns below their names: words to the left, numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  return [head, ...rows].map((row) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)).join(
      "  ",
    )
      .trimEnd()
  ).join("\n");
}

/** Millions of bytes. */
function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
