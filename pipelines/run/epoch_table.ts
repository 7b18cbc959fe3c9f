/**
 * The lines that tell of epochs: a table, one row an epoch and one more for each evaluation.
 *
 * @module
 */

import type { RunMetrics } from "./epochs.ts";

/** A table of epochs. */
export interface EpochTable {
  /** The names of the columns. */
  readonly head: string;
  /** The rows of an epoch. */
  readonly rows: (metrics: RunMetrics) => readonly string[];
}

/** A column: its name, and its value in the rows of sampling and of evaluation. */
interface Column {
  readonly name: string;
  readonly sampled: (metrics: RunMetrics) => number | undefined;
  readonly evaluated: (metrics: RunMetrics) => number | undefined;
}

/**
 * Makes the table.
 *
 * @param rewards The training rewards, then those that are watched.
 * @param epochs How many there will be.
 * @param width Characters that fit on a line; watched rewards that do not fit are left out, the last ones first.
 * @param trained How many of the rewards are trained on; behind several stands what they come to.
 */
export function epochTable(
  rewards: readonly string[],
  epochs: number,
  width: number,
  trained = 1,
): EpochTable {
  const label = `epoch ${epochs}/${epochs}`.length;
  const columns = [...rewards.map(rewardColumn), ...COLUMNS];
  if (trained > 1) columns.splice(trained, 0, COMBINED);
  while (label + widthOf(columns) > width && columns.length > COLUMNS.length + 1) {
    columns.splice(columns.length - COLUMNS.length - 1, 1);
  }
  const row = (name: string, cells: readonly string[]) =>
    name.padEnd(label) + columns.map((column, i) => `  ${cells[i]!.padStart(cellWidth(column))}`).join("");
  return {
    head: row("", columns.map(({ name }) => name)),
    rows: (metrics) => {
      const { epoch, evaluation } = metrics;
      const position = `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
      const sampled = row(position, columns.map((column) => showNumber(column.sampled(metrics))));
      const name = epoch === 0 ? "base model" : "evaluated";
      const evaluated = row(name, columns.map((column) => showNumber(column.evaluated(metrics))));
      return [...epoch > 0 ? [sampled] : [], ...evaluation ? [evaluated] : []];
    },
  };
}

function rewardColumn(name: string): Column {
  return {
    name,
    sampled: ({ rewards }) => rewards?.[name]?.mean,
    evaluated: ({ evaluation }) => evaluation?.rewards[name]?.mean,
  };
}

const COMBINED: Column = {
  name: "combined",
  sampled: ({ combined }) => combined?.mean,
  evaluated: () => undefined,
};

const COLUMNS: readonly Column[] = [
  {
    name: "diversity",
    sampled: ({ diversity }) => diversity?.within,
    evaluated: ({ evaluation }) => evaluation?.diversity.within,
  },
  {
    name: "kl_to_base",
    sampled: ({ kl_to_base }) => kl_to_base,
    evaluated: ({ evaluation }) => evaluation?.kl_to_base,
  },
  {
    name: "explained",
    sampled: ({ critic_explained_variance }) => critic_explained_variance,
    evaluated: () => undefined,
  },
  { name: "clipped", sampled: ({ clip_fraction }) => clip_fraction, evaluated: () => undefined },
  {
    name: "seconds",
    sampled: ({ seconds }) => Object.values(seconds).reduce((sum, each) => sum + each, 0),
    evaluated: ({ epoch, seconds }) => epoch === 0 ? seconds.evaluate : undefined,
  },
];

function widthOf(columns: readonly Column[]): number {
  return columns.reduce((sum, column) => sum + 2 + cellWidth(column), 0);
}

function cellWidth({ name }: Column): number {
  return Math.max(name.length, 6);
}

/** Some three digits; nothing where there is no number. */
function showNumber(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "";
  return value.toFixed(Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2).replace(
    /^-(0\.00)$/,
    "$1",
  );
}
