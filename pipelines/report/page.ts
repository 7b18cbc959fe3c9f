/**
 * The report as one page.
 *
 * @module
 */

import { combinationFigures } from "./combination_figures.ts";
import { criticFigures } from "./critic_figures.ts";
import { details, documentOf } from "./document.ts";
import { showFigure } from "./figure.ts";
import { guardMarks } from "./guard_marks.ts";
import type { Picture, Pictures } from "./images.ts";
import { lawFigure } from "./law_figure.ts";
import { type Markup, markup } from "./markup.ts";
import { measureBatches, measureRun, trainedRewards } from "./measure.ts";
import { nextSteps } from "./next_steps.ts";
import { adapterLine, facts, notes } from "./notes.ts";
import { outcomeOf } from "./outcome.ts";
import { driftFigures, updateFigures } from "./policy_figures.ts";
import type { Run } from "./read_run.ts";
import { batchFigure, evaluationFigure, priceFigure } from "./reward_figures.ts";
import { secondsFigure } from "./seconds_figure.ts";
import { historyTable, manifestTable, rewardsTable, settingsTable } from "./tables.ts";
import { seenFigure } from "./seen_figure.ts";
import { leaves, textAt, textsAt } from "./tree.ts";
import { counted } from "./words.ts";

/** Lays out the whole page. */
export function reportPage(run: Run, pictures: Pictures): string {
  const measured = measureRun(run), batches = measureBatches(run);
  const outcome = outcomeOf(measured);
  const title = titleOf(run);
  const settings = settingsTable(run.config);
  const isEvaluated = measured.source === "evaluations";
  return documentOf(
    title,
    markup`<header>
<h1>${title}</h1>
<p class="outcome">${outcome.sentence}</p>
<p class="basis">${outcome.basis}</p>
${facts(run)}
${notes(run, pictures)}
</header>
<main>
<section>
<h2>Images</h2>
${showPictures(run, pictures.pictures)}
</section>
<section>
<h2>Rewards</h2>
${measured.rewards.length === 0 ? "" : rewardsTable(measured)}
<div class="figures">
${isEvaluated || measured.rewards.length === 0 ? showFigure(evaluationFigure(measured, guardMarks(run))) : ""}
${
      [priceFigure(measured), ...seenFigure(run), ...driftFigures(run), ...lawFigure(run, measured)].map(
        showFigure,
      )
    }
</div>
${
      isEvaluated
        ? details("Rewards at each evaluation", historyTable(measured, "Rewards at each evaluation"))
        : ""
    }
${
      batches.rewards.length === 0
        ? ""
        : details("Rewards of each training batch", historyTable(batches, "Rewards of each training batch"))
    }
</section>
<section>
<h2>How training went</h2>
<div class="figures">
${
      [
        batchFigure(batches),
        ...combinationFigures(run),
        ...criticFigures(run),
        ...updateFigures(run),
        secondsFigure(run),
      ].map(showFigure)
    }
</div>
</section>
<section>
<h2>What it was made with</h2>
${adapterLine(run)}
${
      settings.count === 0 ? markup`<p>The settings are not known.</p>` : details(
        `${counted(settings.count, "setting")}, ${
          settings.changed === 0 ? "all" : settings.count - settings.changed
        } as by default`,
        settings.table,
      )
    }
${
      leaves(run.manifest).length === 0
        ? markup`<p>Versions and adapter are not known.</p>`
        : details("Versions, adapter, model and prompts", manifestTable(run.manifest))
    }
</section>
<section>
<h2>How to go on</h2>
${nextSteps(run)}
</section>
</main>
`,
  );
}

function titleOf(run: Run): string {
  const { name, config, manifest } = run;
  const model = textAt(config, "model") ?? textAt(manifest, "model", "name");
  const reward = trainedRewards(run).join(" + ");
  const method = textAt(config, "method");
  return [
    `Run ${name}`,
    model === undefined ? "" : `: ${model}`,
    reward === "" ? "" : ` trained on ${reward}`,
    method === undefined ? "" : ` by ${method}`,
  ].join("");
}

function showPictures({ manifest }: Run, pictures: readonly Picture[]): Markup {
  if (pictures.length === 0) return markup`<p class="missing">There are no images.</p>`;
  const prompts = textsAt(manifest, "prompts", "images");
  const columns = prompts.length === 0
    ? ""
    : ` Columns are the prompts ${prompts.join(", ")}; rows are seeds.`;
  return markup`<p class="basis">Always the same prompts, a column each, and the same seeds, a row each.</p>
<div class="grids">
${
    pictures.map(({ epoch, width, height, source }) => {
      const title = epoch === 0 ? "Base model" : `After ${counted(epoch, "epoch")}`;
      return markup`<figure><figcaption><h3>${title}</h3></figcaption>
<img src="${source}" width="${width}" height="${height}" alt="${title}: a grid of images.${columns}"></figure>
`;
    })
  }</div>`;
}
