/**
 * A comparison as a section of a Markdown page.
 *
 * @module
 */

import { QUANTITIES, TABLES } from "./quantities.ts";
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
      ...isExplained && table.columns.some(({ doc }) => doc !== null) ? [meanings(table.columns)] : [],
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

/** Says what the columns of all tables are, each once. */
export function columnsAsMarkdown(): string {
  return [...Map.groupBy(QUANTITIES, ({ table }) => table)]
    .map(([table, columns]) => `**${TABLES[table]}**: ${meanings(columns)}`)
    .join("\n\n") + "\n";
}

function meanings(columns: Table["columns"]): string {
  return `${columns.map(({ label, doc }) => `*${label}* ${doc}`).join("; ")}.`;
}
