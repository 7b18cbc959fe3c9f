/**
 * Writes `docs/results.md` and the reports beside it from what experiments have left in a folder:
 * `deno run -A bench/results_page.ts [--runs runs]`.
 *
 * Every embedded experiment of which a cell is finished has a section, in the order of their names. What stands in the page above
 * the first section is kept.
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
const comparisons: Results[] = [];
const sections: string[] = [];
for (const name of await embeddedExperiments()) {
  const folder = join(runs, name);
  if (!await exists(folder)) continue;
  const experiment = await readExperiment(name);
  const { results, page: report } = await reportOn({ experiment, only: [], from: [], jobs: 1, folder });
  if (results.results.length === 0) continue;
  await Deno.copyFile(report, join(reports, `${name}.html`));
  comparisons.push(results);
  const section = resultsAsMarkdown(results, { isExplained: false });
  sections.push(`${section}\n[The whole report](results/${name}.html)`);
}
const [head] = (await Deno.readTextFile(page)).split(MARK);
const columns = `## What the columns are\n\n${columnsAsMarkdown(comparisons)}`;
await writeAtomically(page, [`${head}${MARK}`, ...sections, columns].join("\n\n"));
await new Deno.Command("deno", { args: ["fmt", "--quiet", page] }).output();
console.log(`${sections.length} sections: ${page}`);
