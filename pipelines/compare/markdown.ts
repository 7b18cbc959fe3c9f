/**
 * A comparison as a section of a Markdown page.
 *
 * @module
 */

import type { Results } from "./results.ts";
import { type Table, tableAsMarkdown, tablesOf } from "./table.ts";
import { basisSentence, claimsOf, leftOutSentences, outcomeSentence } from "./words.ts";

/** How a section is written. */
export interface SectionOptions {
  /** Whether each table is followed by what its columns are; default yes. */
  readonly isExplained?: boolean;
}

/** Writes the section; each row of the first table has the command that makes it. */
export function resultsAsMarkdown(results: Results, { isExplained = true }: SectionOptions = {}): string {
  const { title, question, command } = results;
  const claims = claimsOf(results);
  const hasCommands = results.results.every(({ command }) => command !== null);
  const tables = tablesOf(results).map((table, i) =>
    [
      `### ${table.title}`,
      tableAsMarkdown(table, hasCommands && i === 0),
      ...isExplained ? explained(table.columns) : [],
    ].join("\n\n")
  );
  return [
    `## ${title}`,
    ...question === null ? [] : [question],
    `\`${command}\``,
    outcomeSentence(results),
    ...claims.length === 0 ? [] : [claims.map((claim) => `- ${claim}`).join("\n")],
    ...results.results.length === 0 ? [] : [basisSentence(results)],
    ...tables,
    ...leftOutSentences(results),
  ].join("\n\n") + "\n";
}

/** Says what the columns of the tables of some comparisons are, each once. */
export function columnsAsMarkdown(comparisons: readonly Results[]): string {
  const tables = [...Map.groupBy(comparisons.flatMap(tablesOf), ({ title }) => title)];
  return tables.flatMap(([title, same]) => {
    const columns = new Map(same.flatMap(({ columns }) => columns).map((column) => [column.label, column]));
    return explained([...columns.values()]).map((words) => `**${title}**: ${words}`);
  }).join("\n\n") + "\n";
}

function explained(columns: Table["columns"]): readonly string[] {
  return columns.every(({ doc }) => doc === null)
    ? []
    : [`${columns.map(({ label, doc }) => `*${label}* ${doc}`).join("; ")}.`];
}
