/**
 * A comparison as a section of a Markdown page.
 *
 * @module
 */

import type { Results } from "./results.ts";
import { tableAsMarkdown, tablesOf } from "./table.ts";
import { basisSentence, outcomeSentence } from "./words.ts";

/** Writes the section; each row of the first table has the command that makes it. */
export function resultsAsMarkdown(results: Results): string {
  const { title, question, command, left_out } = results;
  const hasCommands = results.results.every(({ command }) => command !== null);
  const tables = tablesOf(results).map((table, i) => [
    `### ${table.title}`,
    tableAsMarkdown(table, hasCommands && i === 0),
    ...table.docs.length === 0 ? [] : [table.docs.join(" ")],
  ].join("\n\n"));
  return [
    `## ${title}`,
    ...question === null ? [] : [question],
    `\`${command}\``,
    outcomeSentence(results),
    ...results.results.length === 0 ? [] : [basisSentence(results)],
    ...tables,
    ...left_out.length === 0
      ? []
      : [`Left out:\n\n${left_out.map(({ name, why }) => `- ${name}, as ${why}`).join("\n")}`],
  ].join("\n\n") + "\n";
}
