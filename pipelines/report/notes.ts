/**
 * What to know of a run beside its curves: its size, what it ran on, and what to beware of.
 *
 * @module
 */

import { isRecord } from "../config/tree.ts";
import { tellEnding } from "../run/ending.ts";
import { endingOf } from "./guard_marks.ts";
import type { Pictures } from "./images.ts";
import { type Markup, markup } from "./markup.ts";
import { lastOf, measureRun } from "./measure.ts";
import { isDone } from "./next_steps.ts";
import { epochOf, type Run } from "./read_run.ts";
import { at, leaves, numberAt, textAt } from "./tree.ts";
import { counted, showBytes, showNumber, showSeconds } from "./words.ts";

/** How long, how much, how large. */
export function facts({ lines, config }: Run): Markup {
  const last = lines.at(-1);
  if (last === undefined) return markup``;
  const planned = numberAt(config, "num_epochs");
  const queries = numberAt(last, "reward_queries");
  const seconds = lines.flatMap((line) => leaves({ seconds: at(line, "seconds") }).map(([, value]) => value))
    .reduce<number>((sum, value) => typeof value === "number" ? sum + value : sum, 0);
  const bytes = Math.max(...lines.map((line) => numberAt(line, "gpu_peak_bytes") ?? 0));
  const facts = [
    markup`<b>${epochOf(last)}</b>${planned === undefined ? "" : ` of ${planned}`} ${
      (planned ?? epochOf(last)) === 1 ? "epoch" : "epochs"
    }`,
    queries === undefined ? null : markup`<b>${showNumber(queries)}</b> images judged in training`,
    seconds === 0 ? null : markup`<b>${showSeconds(seconds)}</b> in all`,
    bytes === 0 ? null : markup`<b>${showBytes(bytes)}</b> on the GPU at most`,
  ];
  return markup`<ul class="facts">${facts.map((fact) => fact && markup`<li>${fact}</li>`)}</ul>`;
}

/** What a person should know before trusting the rest. */
export function notes(run: Run, { damaged }: Pictures): Markup {
  const { lines, config, gaps } = run;
  const last = lines.at(-1);
  const planned = numberAt(config, "num_epochs");
  const measured = measureRun(run).rewards;
  const evaluated = Math.max(0, ...measured.map((reward) => lastOf(reward).epoch));
  const since = last === undefined || measured.length === 0 ? 0 : epochOf(last) - evaluated;
  const ending = endingOf(run);
  const texts = [
    ...ending === null ? [] : tellEnding(ending, epochOf(last!)),
    isDone(run) || ending !== null
      ? ""
      : `This run is not finished: ${last === undefined ? 0 : epochOf(last)} of ${planned} epochs.`,
    since > 0
      ? `Rewards were last measured after epoch ${evaluated}; ${counted(since, "epoch")} came since.`
      : "",
    isSoftware(run)
      ? "It ran on a software adapter, that is, on the CPU: its times say nothing about a GPU."
      : "",
    ratioNote(run),
    ...gaps,
    ...damaged.map((path) => `${path} is no image that can be read.`),
  ].filter((text) => text !== "");
  return texts.length === 0
    ? markup``
    : markup`<ul class="notes">${texts.map((text) => markup`<li>${text}</li>`)}</ul>`;
}

/** What it ran on. */
export function adapterLine(run: Run): Markup {
  const { manifest } = run;
  const adapter = textAt(manifest, "adapter");
  if (adapter === undefined) return markup``;
  const version = textAt(manifest, "versions", "attune");
  return markup`<p>${version === undefined ? "Ran" : `Attune ${version} ran`} on ${adapter}${
    isSoftware(run)
      ? markup`, a <strong>software adapter</strong>: the CPU does what a GPU would, to the same rules but slowly`
      : ""
  }.</p>`;
}

function ratioNote({ lines }: Run): string {
  const errors = lines.map((line) => ({
    epoch: epochOf(line),
    error: numberAt(line, "ratio_before_update_max_error") ?? 0,
  }));
  const worst = errors.reduce((worst, each) => each.error > worst.error ? each : worst, {
    epoch: 0,
    error: 0,
  });
  return worst.error === 0
    ? ""
    : `In epoch ${worst.epoch} the ratio before the first update was off by ${
      showNumber(worst.error)
    } where it must be exactly 1: sampling and training did not compute the same.`;
}

/** Whether any sitting of the run was on a software adapter. */
function isSoftware({ manifest }: Run): boolean {
  const resumed = at(manifest, "resumed");
  return [manifest, ...Array.isArray(resumed) ? resumed : []]
    .some((sitting) => isRecord(sitting) && sitting.software_adapter === true);
}
