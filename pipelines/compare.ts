/**
 * `attune compare`: runs side by side, at equal cost and with their noise, on one page.
 *
 * @module
 */

import { quoted, readArguments } from "./arguments.ts";
import { groupRuns } from "./compare/group_runs.ts";
import { resultsAsMarkdown } from "./compare/markdown.ts";
import { leftOutSentences, outcomeSentence } from "./compare/words.ts";
import { writeComparison } from "./compare/write_comparison.ts";
import { fromCaller, fromHere } from "./paths.ts";
import { UsageError } from "./usage_error.ts";

const HELP =
  `Compares runs: curves at equal reward queries, divergence, compute and time, gain against price, tables, and images.

Usage: attune compare [LABEL=]RUN… [options]

  RUN                   a run's folder; runs whose configurations differ in nothing but the seed are one arm
  LABEL=RUN             the arm that it belongs to, whatever its configuration
  --reference ARM       the arm that the others are held against    (that of the first run)
  --in-domain LIST      rewards that count as in domain, with commas between them   (each run's trained one)
  --out-of-domain LIST  those that count as out of domain (those that all runs watched and that are in domain of none)
  --title TEXT          what the page is called                     (Comparison)
  --out DIR             where report.html and results.json go       (runs/comparison)
  --markdown            print a section for a page in Markdown, too
  --help                print this

A run of another version, of another model, or evaluated on other prompts than the first is left out, and named. Where attune
evaluate RUN looked at all runs as they are now, on the same prompts with those of training among them, the tables are of its
images, unseen prompts among them; otherwise of the last evaluation during training.`;

/** Runs that are compared at most. */
const MOST = 1000;

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code: 0 if any run could be compared.
 * @throws {UsageError} If an argument is wrong.
 */
export async function run(args: readonly string[]): Promise<number> {
  const { help, words, markdown, ...options } = readArguments(args, {
    text: ["reference", "in-domain", "out-of-domain", "title", "out"],
    flags: ["markdown"],
    words: MOST,
  });
  if (help) {
    console.log(HELP);
    return 0;
  }
  if (words.length === 0) throw new UsageError("Cannot compare as no run is named: see --help");
  const entries = await groupRuns(words);
  const arms = [...new Set(entries.map(({ arm }) => arm))];
  const reference = options.reference ?? arms[0]!;
  if (!arms.includes(reference)) {
    throw new UsageError(
      `Cannot use --reference as there is no such arm: ${reference}; there are ${arms.join(", ")}`,
    );
  }
  const { results, page } = await writeComparison({
    heading: {
      title: options.title ?? "Comparison",
      question: null,
      command: `attune compare ${args.map(quoted).join(" ")}`,
      reference,
      arms,
    },
    entries,
    inDomain: listed(options["in-domain"]),
    outOfDomain: listed(options["out-of-domain"]),
    mixesModels: false,
    folder: fromCaller(options.out ?? "runs/comparison"),
  });
  if (markdown) console.log(resultsAsMarkdown(results).trimEnd());
  else console.log(outcomeSentence(results));
  for (const sentence of leftOutSentences(results)) console.error(sentence);
  if (!markdown) console.log(`Report: ${fromHere(page)}`);
  return results.results.length === 0 ? 1 : 0;
}

function listed(text: string | undefined): readonly string[] | null {
  return text === undefined ? null : text.split(",").map((name) => name.trim());
}
