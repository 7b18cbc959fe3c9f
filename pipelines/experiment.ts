/**
 * `attune experiment`: trains every cell of an experiment, and draws one report of all.
 *
 * @module
 */

import { join } from "node:path";
import { numberOption, readArguments } from "./arguments.ts";
import { resultsAsMarkdown } from "./compare/markdown.ts";
import type { LeftOut } from "./compare/read_runs.ts";
import type { Results } from "./compare/results.ts";
import { outcomeSentence } from "./compare/words.ts";
import { writeComparison } from "./compare/write_comparison.ts";
import { type CellState, stateOfCell } from "./experiment/cell_state.ts";
import { checkExperiment } from "./experiment/check_experiment.ts";
import { type CellPrograms, taskPrograms } from "./experiment/programs.ts";
import { type Experiment, readExperiment } from "./experiment/read_experiment.ts";
import { runCells } from "./experiment/run_cells.ts";
import { exists, makeFolder } from "./files.ts";
import { fromCaller, fromHere } from "./paths.ts";
import { listenForInterrupt } from "./run/interrupt.ts";
import { lockFolder } from "./run/lock.ts";
import { RUNS } from "./run/run_folder.ts";
import { type Screen, screenOn, systemTerminal } from "./run/screen.ts";
import { UsageError } from "./usage_error.ts";

const HELP = `Trains every cell of an experiment, an arm with a seed each, and draws one report of all.

Usage: attune experiment FILE [options]

  FILE         a YAML file, or the name of an embedded one: neuron_states; see pipelines/experiments
  --only ARM   this arm alone, as often as you like
  --from DIR   take runs of the same configuration from this folder and those in it, rather than to train them again;
               as often as you like
  --jobs N     cells trained at the same time                       (1)
  --out DIR    where everything goes                                (runs/NAME)
  --report     train nothing, draw the report of what is finished
  --markdown   the same, and print a section for a page in Markdown
  --help       print this

A cell is an ordinary run, in runs/NAME/ARM/seed-N, trained by attune train and looked at by attune evaluate. What is finished is
left, what was interrupted goes on from its checkpoint: call the same command again. Ctrl-C stops after writing checkpoints.
A cell that fails is told, and the others go on; the exit code is 1 unless all are finished and compared. In results.json only seconds
depend on the machine and on interruptions.`;

/** What an experiment is asked for. */
export interface ExperimentRequest {
  /** The experiment. */
  readonly experiment: Experiment;
  /** Arms to train; all where there are none. */
  readonly only: readonly string[];
  /** Folders that may hold runs which were trained like a cell, and are taken for it. */
  readonly from: readonly string[];
  /** Cells at the same time. */
  readonly jobs: number;
  /** Where everything goes. */
  readonly folder: string;
}

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 * @throws {UsageError} If an argument, the file or a cell is wrong.
 */
export async function run(args: readonly string[]): Promise<number> {
  const { help, words: [file], report, markdown, only, from, jobs = "1", out } = readArguments(args, {
    text: ["jobs", "out"],
    lists: ["only", "from"],
    flags: ["report", "markdown"],
    words: 1,
  });
  if (help) {
    console.log(HELP);
    return 0;
  }
  if (file === undefined) throw new UsageError("Cannot run an experiment as none is named: see --help");
  const experiment = await readExperiment(file);
  const request: ExperimentRequest = {
    experiment,
    only: only.map((arm) => armNamed(arm, experiment)),
    from: from.map(fromCaller),
    jobs: numberOption("jobs", jobs, [1, 64], { whole: true }),
    folder: out === undefined ? join(RUNS, experiment.name) : fromCaller(out),
  };
  if (report || markdown) {
    const { results, page } = await reportOn(request);
    console.log(markdown ? resultsAsMarkdown(results).trimEnd() : `Report: ${fromHere(page)}`);
    return results.results.length === 0 ? 1 : 0;
  }
  const screen = screenOn(systemTerminal());
  const interrupt = listenForInterrupt(() => screen.line("Stopping; once more to stop at once."));
  try {
    await checkExperiment(experiment, (arm, i) => {
      screen.progress(i / experiment.arms.length, `checking ${arm}`);
    });
    screen.clear();
    return await runExperiment(request, taskPrograms, screen, interrupt.signal);
  } finally {
    interrupt.end();
  }
}

/**
 * Runs what is left to do, and draws the report.
 *
 * @returns The exit code: 0 if all that was asked for is finished.
 * @throws {UsageError} If another process runs it, or a folder is of a run with another configuration.
 */
export async function runExperiment(
  request: ExperimentRequest,
  programs: CellPrograms,
  screen: Pick<Screen, "line">,
  stop: AbortSignal,
): Promise<number> {
  const { experiment, only, from, jobs, folder } = request;
  for (const path of from) {
    if (!await exists(path)) throw new UsageError(`Cannot use --from as there is no such folder: ${path}`);
  }
  await makeFolder(folder);
  using _lock = await lockFolder(folder);
  // A folder of something else is found before the first run, not when its turn comes.
  await statesOf(request);
  const cells = experiment.cells.filter(({ arm }) => only.length === 0 || only.includes(arm));
  const { evaluation } = experiment;
  await runCells(cells, { folder, evaluation, programs, from, jobs, screen, stop });
  const { results, page } = await reportOn(request);
  screen.line(outcomeSentence(results));
  screen.line(`Report: ${fromHere(page)}`);
  if (stop.aborted) screen.line("Stopped. The same command goes on.");
  return cells.some(({ name }) => results.left_out.some((each) => each.name === name)) ? 1 : 0;
}

/** Draws the report of all cells that are finished. */
export async function reportOn(
  request: ExperimentRequest,
): Promise<{ readonly results: Results; readonly page: string }> {
  const { experiment, folder } = request;
  const { title, question, reference, arms, cells, domain, file } = experiment;
  const states = await statesOf(request);
  const finished = cells.filter((_, i) => states[i] === "finished");
  const leftOut = cells.flatMap(({ name }, i): readonly LeftOut[] =>
    states[i] === "finished" ? [] : [{ name, why: WHY[states[i]!] }]
  );
  const command = `attune experiment ${file}`;
  return await writeComparison({
    ...domain,
    heading: { title, question, command, reference, arms },
    entries: finished.map(({ name, arm }) => ({ name, arm, folder: join(folder, name) })),
    leftOut,
    commandOf: (arm) => `${command} --only ${arm}`,
    mixesModels: true,
    folder,
  });
}

/** How far each cell has come; one after the other, so that it is the first wrong one that is told. */
async function statesOf({ experiment, folder }: ExperimentRequest): Promise<readonly CellState[]> {
  const states: CellState[] = [];
  for (const cell of experiment.cells) {
    states.push(await stateOfCell(cell, join(folder, cell.name), experiment.evaluation));
  }
  return states;
}

const WHY = {
  new: "it has not begun",
  begun: "its training is not finished",
  trained: "it is not evaluated",
  finished: "",
};

function armNamed(name: string, { arms }: Experiment): string {
  if (arms.includes(name)) return name;
  throw new UsageError(`Cannot use --only as there is no such arm: ${name}; there are ${arms.join(", ")}`);
}
