/**
 * A comparison as a section of a Markdown page.
 *
 * @module
 */

import type { Results } from "./results.ts";
import { tableAsMarkdown, tablesOf } from "./table.ts";
import { basisSentence, claimsOf, leftOutSentences, outcomeSentence } from "./words.ts";

/** Writes the section; each row of the first table has the command that makes it. */
export function resultsAsMarkdown(results: Results): string {
  const { title, question, command } = results;
  const claims = claimsOf(results);
  const hasCommands = results.results.every(({ command }) => command !== null);
  const tables = tablesOf(results).map((table, i) =>
    [
      `### ${table.title}`,
      tableAsMarkdown(table, hasCommands && i === 0),
      ...table.columns.every(({ doc }) => doc === null)
        ? []
        : [`${table.columns.map(({ label, doc }) => `**${label}** ${doc}`).join("; ")}.`],
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
