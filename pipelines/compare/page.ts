/**
 * A comparison as one page.
 *
 * @module
 */

import { details, documentOf } from "../report/document.ts";
import { showFigure } from "../report/figure.ts";
import type { Picture } from "../report/images.ts";
import { type Markup, markup } from "../report/markup.ts";
import { counted, showSeconds } from "../report/words.ts";
import { bandFigures, COSTS } from "./band_figures.ts";
import { paretoFigures } from "./pareto_figures.ts";
import type { Results } from "./results.ts";
import { showTable, tableAsLatex, tableAsMarkdown, tablesOf } from "./table.ts";
import { basisSentence, claimsOf, leftOutSentences, outcomeSentence } from "./words.ts";

/** A grid of images and whose it is. */
export interface Grid extends Picture {
  /** The arm and the epoch, or the base model. */
  readonly label: string;
}

/** Lays the whole page out. */
export function comparisonPage(results: Results, grids: readonly Grid[]): string {
  const { title, question, left_out } = results;
  const tables = tablesOf(results), claims = claimsOf(results);
  return documentOf(
    title,
    markup`<header>
<h1>${title}${question === null ? "" : `: ${question}`}</h1>
<p class="outcome">${outcomeSentence(results)}</p>
${
      claims.length === 0
        ? ""
        : markup`<ul class="claims">${claims.map((claim) => markup`<li>${claim}</li>`)}</ul>`
    }
${results.results.length === 0 ? "" : markup`<p class="basis">${basisSentence(results)}</p>`}
${facts(results)}
${
      left_out.length === 0
        ? ""
        : markup`<ul class="notes">${
          leftOutSentences(results).map((sentence) => markup`<li>${sentence}</li>`)
        }</ul>`
    }
</header>
<main>
<section>
<h2>Gain and price</h2>
<div class="figures pair">
${paretoFigures(results).map(showFigure)}
</div>
</section>
<section>
<h2>Tables</h2>
${tables.map(showTable)}
${
      details(
        "The tables as Markdown",
        markup`<pre><code>${
          tables.map((table) => `${table.title}\n\n${tableAsMarkdown(table)}`).join("\n\n")
        }</code></pre>`,
      )
    }
${
      details(
        "The tables as LaTeX",
        markup`<pre><code>${
          tables.map((table) => `% ${table.title}\n${tableAsLatex(table)}`).join("\n\n")
        }</code></pre>`,
      )
    }
</section>
${COSTS.map((cost, i) => costSection(results, cost, i === 0))}
<section>
<h2>Images</h2>
${showGrids(grids)}
</section>
<section>
<h2>What was compared</h2>
${settings(results)}
${details(counted(results.results.flatMap(({ runs }) => runs).length, "run"), runsTable(results))}
<p>To do it again:</p>
<pre><code>./${results.command}</code></pre>
</section>
</main>
`,
  );
}

function facts({ results }: Results): Markup {
  const runs = results.flatMap(({ runs }) => runs);
  const seconds = runs.reduce((sum, { curve }) => sum + curve.at(-1)!.seconds, 0);
  return markup`<ul class="facts"><li><b>${results.length}</b> ${results.length === 1 ? "arm" : "arms"}</li>
<li><b>${runs.length}</b> ${runs.length === 1 ? "run" : "runs"}</li><li><b>${
    showSeconds(seconds)
  }</b> of training</li></ul>`;
}

function costSection(results: Results, cost: typeof COSTS[number], isFirst: boolean): Markup {
  return markup`<section>
<h2>${cost.title}</h2>
${
    !isFirst
      ? ""
      : markup`<p class="basis">Lines are means over seeds, bands one standard error either way; gains are in base
standard deviations on the images of the evaluations during training. A line ends where one of its seeds does.</p>`
  }
<div class="figures">
${bandFigures(results, cost).map(showFigure)}
</div>
</section>
`;
}

function showGrids(grids: readonly Grid[]): Markup {
  if (grids.length === 0) return markup`<p class="missing">There are no images.</p>`;
  return markup`<p class="basis">The same prompts, a column each, and the same seeds, a row each, by each arm’s first seed: of its grids,
the one that was drawn nearest to the model that the tables are of.</p>
<div class="grids">
${
    grids.map(({ label, source, width, height }) =>
      markup`<figure><figcaption><h3>${label}</h3></figcaption>
<img src="${source}" width="${width}" height="${height}" alt="${label}: a grid of images."></figure>
`
    )
  }</div>`;
}

/** The fields in which arms differ. */
function settings({ results }: Results): Markup {
  const fields = Object.keys(results[0]?.set ?? {});
  if (fields.length === 0) {
    return markup`<p>The configurations of all runs are the same but for their seeds.</p>`;
  }
  return markup`<div class="scroll" role="region" aria-label="Settings in which arms differ" tabindex="0"><table>
<thead><tr><th scope="col">arm</th>${
    fields.map((field) => markup`<th scope="col"><code>${field}</code></th>`)
  }</tr></thead>
<tbody>
${
    results.map(({ arm, set }) =>
      markup`<tr><th scope="row">${arm}</th>${
        fields.map((field) => markup`<td>${showSetting(set[field])}</td>`)
      }</tr>
`
    )
  }</tbody></table></div>
`;
}

function runsTable({ results }: Results): Markup {
  const rows = results.flatMap(({ arm, runs }) =>
    runs.map(({ name, seed, epochs, curve }) =>
      markup`<tr><th scope="row">${name}</th><td>${arm}</td><td class="number">${
        seed ?? "–"
      }</td><td class="number">${epochs}</td>
<td class="number">${showSeconds(curve.at(-1)!.seconds)}</td></tr>
`
    )
  );
  return markup`<div class="scroll" role="region" aria-label="Runs" tabindex="0"><table>
<thead><tr><th scope="col">run</th><th scope="col">arm</th><th scope="col" class="number">seed</th><th scope="col" class="number">epochs</th>
<th scope="col" class="number">training</th></tr></thead>
<tbody>
${rows}</tbody></table></div>
`;
}

function showSetting(value: unknown): string {
  if (value === undefined) return "–";
  if (value === null) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}
