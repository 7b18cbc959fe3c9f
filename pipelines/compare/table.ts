/**
 * The tables of a comparison, and how they are pasted: into a page, as Markdown, and as LaTeX.
 *
 * @module
 */

import { type Markup, markup } from "../report/markup.ts";
import { showNumber, showSpread } from "../report/words.ts";
import { type TableName, TABLES } from "./quantities.ts";
import type { ArmResult, Results, Value } from "./results.ts";

/** A table. */
export interface Table {
  /** What it is about. */
  readonly title: string;
  /** The columns after the arms': their names and what they mean, where that is not in the title. */
  readonly columns: readonly { readonly label: string; readonly doc: string | null }[];
  /** A row an arm. */
  readonly rows: readonly Row[];
}

/** A row. */
export interface Row {
  /** The arm. */
  readonly arm: string;
  /** The command that makes its runs, if there is one. */
  readonly command: string | null;
  /** How many runs it has. */
  readonly count: number;
  /** A number a column; `null` where there is none. */
  readonly values: readonly (Value | null)[];
}

/** The mark of what differs from the reference by more than noise. */
export const MARK = "*";

/** The tables that have a column, in order. */
export function tablesOf({ quantities, results }: Results): readonly Table[] {
  return (Object.keys(TABLES) as TableName[]).flatMap((name) => {
    const columns = quantities.filter(({ table }) => table === name);
    if (columns.length === 0) return [];
    const row = ({ arm, command, runs, values }: ArmResult): Row => ({
      arm,
      command,
      count: runs.length,
      values: columns.map(({ key }) => values[key] ?? null),
    });
    return [{
      title: TABLES[name],
      columns: columns.map(({ label, doc }) => ({ label, doc: name === "rewards" ? null : doc })),
      rows: results.map(row),
    }];
  });
}

/** The table in a page. */
export function showTable({ title, columns, rows }: Table): Markup {
  return markup`<h3>${title}</h3>
<div class="scroll" role="region" aria-label="${title}" tabindex="0"><table>
<thead><tr><th scope="col">arm</th><th scope="col" class="number">runs</th>${
    columns.map(({ label }) => markup`<th scope="col" class="number">${label}</th>`)
  }</tr></thead>
<tbody>
${
    rows.map(({ arm, count, values }) =>
      markup`<tr><th scope="row">${arm}</th><td class="number">${count}</td>${
        values.map((value) => markup`<td class="number">${cellOf(value)}</td>`)
      }</tr>
`
    )
  }</tbody></table></div>
${
    columns.some(({ doc }) => doc !== null) &&
    markup`<p class="basis">${
      columns.map(({ label, doc }, i) => markup`${i === 0 ? "" : "; "}<b>${label}</b> ${doc}`)
    }.</p>
`
  }`;
}

/**
 * The table as Markdown.
 *
 * @param hasCommands Whether a last column has the command of every row; default no.
 */
export function tableAsMarkdown({ columns, rows }: Table, hasCommands = false): string {
  const line = (cells: readonly string[], last: string) =>
    `| ${[...cells, ...hasCommands ? [last] : []].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    line(["arm", "runs", ...columns.map(({ label }) => label)], "command"),
    line(["---", "--:", ...columns.map(() => "--:")], "---"),
    ...rows.map(({ arm, command, count, values }) =>
      line([arm, String(count), ...values.map(cellOf)], `\`${command ?? "–"}\``)
    ),
  ].join("\n");
}

/** The table as LaTeX, with the rules of booktabs. */
export function tableAsLatex({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `  ${cells.join(" & ")} \\\\`;
  return [
    `\\begin{tabular}{l${"r".repeat(columns.length + 1)}}`,
    "  \\toprule",
    line(["arm", "runs", ...columns.map(({ label }) => escapeLatex(label))]),
    "  \\midrule",
    ...rows.map(({ arm, count, values }) =>
      line([escapeLatex(arm), String(count), ...values.map((value) => inMathMode(cellOf(value)))])
    ),
    "  \\bottomrule",
    "\\end{tabular}",
  ].join("\n");
}

/** A mean with its standard error, and the mark where it is more than noise. */
export function cellOf(value: Value | null): string {
  if (value === null) return "–";
  const { mean, standard_error, against } = value;
  const text = standard_error === null
    ? showNumber(mean)
    // What sums leave is no error.
    : showSpread(mean, standard_error > 1e-12 * Math.abs(mean) ? standard_error : 0);
  return against?.isApart ? `${text} ${MARK}` : text;
}

function inMathMode(cell: string): string {
  if (cell === "–") return "--";
  const [text, mark] = cell.split(` ${MARK}`);
  const math = text!.replaceAll("−", "-").replace("±", "\\pm").replace(/e(-?\d+)/g, "\\cdot 10^{$1}")
    .replaceAll("\u202f", "\\,");
  return mark === undefined ? `$${math}$` : `$${math}^{*}$`;
}

function escapeLatex(text: string): string {
  return text.replace(/√KL/g, "$\\sqrt{\\mathrm{KL}}$").replace(/[_%&#]/g, (character) => `\\${character}`);
}
