/**
 * Writes `docs/results.md` and the reports beside it from what experiments have left in a folder:
 * `deno run -A bench/results_page.ts [--runs runs]`.
 *
 * Every embedded experiment of which all arms have finished runs there has a section, in the order of their names; the sections of
 * others stay as they are, and so does what stands in the page above the first.
 * @module
 */

import { parseArgs } from "@std/cli";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { columnsAsMarkdown, resultsAsMarkdown } from "../pipelines/compare/markdown.ts";
import { reportOn } from "../pipelines/experiment.ts";
import type { Results } from "../pipelines/compare/results.ts";
import { embeddedExperiments, readExperiment } from "../pipelines/experiment/read_experiment.ts";
import { exists, makeFolder, writeAtomically } from "../pipelines/files.ts";

const { runs = "runs" } = parseArgs(Deno.args, { string: ["runs"] });
const docs = fileURLToPath(new URL("../docs", import.meta.url));
const page = join(docs, "results.md");
const reports = join(docs, "results");

/** Stands above the first section. */
const MARK = "<!-- deno run -A bench/results_page.ts writes what follows -->";

await makeFolder(reports);
const [head, old = ""] = (await Deno.readTextFile(page)).split(MARK);
const kept = old.split(/^(?=## )/m);
const sections: string[] = [];
let drawn = 0;
for (const name of await embeddedExperiments()) {
  const link = `[The whole report](results/${name}.html)`;
  const results = await resultsOf(name);
  if (results === null) {
    sections.push(...kept.filter((section) => section.includes(link)));
  } else {
    sections.push(`${resultsAsMarkdown(results, { isExplained: false })}\n${link}`);
    drawn++;
  }
}
const columns = `## What the columns are\n\n${columnsAsMarkdown()}`;
await writeAtomically(page, [`${head}${MARK}`, ...sections, columns].join("\n\n"));
await new Deno.Command("deno", { args: ["fmt", "--quiet", page] }).output();
console.log(`${sections.length} sections, ${drawn} of them from ${runs}: ${page}`);

/** Draws an experiment's report and keeps it; `null`: not all arms of it have finished runs. */
async function resultsOf(name: string): Promise<Results | null> {
  const folder = join(runs, name);
  if (!await exists(folder)) return null;
  const experiment = await readExperiment(name);
  const { results, page } = await reportOn({ experiment, only: [], from: [], jobs: 1, folder });
  if (results.results.length < results.arms.length) return null;
  await Deno.copyFile(page, join(reports, `${name}.html`));
  return results;
}
