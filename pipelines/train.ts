/**
 * `attune train`: fine-tunes a model on a reward, and keeps everything of the run in one folder.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { relative } from "node:path";
import type { Context, Progress } from "../lib/stages/context.ts";
import type { State } from "../lib/stages/records.ts";
import { configHelp } from "./config.ts";
import { fromCaller } from "./paths.ts";
import { listCheckpoints, saveCheckpoint } from "./run/checkpoint.ts";
import { epochTable } from "./run/epoch_table.ts";
import { epochs, type Viewing } from "./run/epochs.ts";
import type { Origin } from "./run/origin.ts";
import { type Adapter, openAdapter, prepareRun } from "./run/prepare_run.ts";
import { readRequest, type Request } from "./run/request.ts";
import { cutRun, type RunFolder, writeEpoch } from "./run/run_folder.ts";
import { type Screen, screenOn, systemTerminal } from "./run/screen.ts";
import { listenForInterrupt, throwIfStopped, unlessStopped, until } from "./run/until.ts";
import { UsageError } from "./usage_error.ts";

const HELP = `Fine-tunes a model on a reward: without options, the embedded model in some minutes.

Usage: attune train [--config FILE] [--set key=value]… [--out DIR]
       attune train --resume DIR [--set num_epochs=N]

  --config FILE    how to train; without it, the defaults below
  --set key=value  set one field, as often as needed: --set sample.num_steps=16
  --out DIR        the run's folder; without it, the next number below runs/
  --resume DIR     go on with a run where its last checkpoint is, or from one of its checkpoints
  --help           print this

The run's folder holds config.yaml, manifest.json, metrics.jsonl, TensorBoard's events, images, checkpoints with adapters
that other tools load, and report.html. Ctrl-C stops after writing a checkpoint.

Fields of the configuration:
`;

/** A run with all that it needs. */
export interface Run {
  /** The stages' surroundings. */
  readonly ctx: Context;
  /** What to look at beside training. */
  readonly viewing: Viewing;
  /** The state to go on from. */
  readonly start: State;
  /** Where everything goes. */
  readonly folder: RunFolder;
  /** What checkpoints belong to. */
  readonly origin: Origin;
  /** Epochs from one checkpoint to the next. */
  readonly saveEvery: number;
  /** Where progress is shown. */
  readonly screen: Screen;
  /** Tells to stop. */
  readonly stop: AbortSignal;
  /** Seconds since 1970. */
  readonly now: () => number;
}

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const { help, ...options } = parseArgs(args, {
    string: ["config", "set", "out", "resume"],
    collect: ["set"],
    boolean: ["help"],
    unknown: (arg: string) => {
      throw new UsageError(`Cannot use ${arg} as there is no such argument: see --help`);
    },
  });
  if (help) {
    console.log(HELP + configHelp());
    return 0;
  }
  const screen = screenOn(systemTerminal());
  const interrupt = listenForInterrupt(() => screen.line("Stopping; once more to stop at once."));
  try {
    return await runRequest(await readRequest(options), openAdapter, screen, interrupt.signal);
  } finally {
    interrupt.end();
  }
}

/**
 * Does what is asked for on an adapter. The folder of a run that does not come to begin is removed.
 *
 * @returns The exit code.
 */
export async function runRequest(
  request: Request,
  openAdapter: () => Promise<Adapter>,
  screen: Screen,
  stop: AbortSignal,
): Promise<number> {
  const { folder, isNew, config } = request;
  let run: Run | null = null;
  try {
    const adapter = await openAdapter();
    const { name, isSoftware } = adapter;
    screen.line(`${name}${isSoftware ? " (software: a GPU is many times faster)" : ""}`);
    run = await unlessStopped(stop, prepareRun(request, adapter, screen, stop));
  } finally {
    if (run === null && isNew) await Deno.remove(folder.path, { recursive: true });
  }
  if (run === null) {
    screen.line("Stopped before training began.");
    return 0;
  }
  if (run.start.epoch >= config.num_epochs) {
    screen.line(`All ${config.num_epochs} epochs are done: --set num_epochs=N makes the run longer.`);
  }
  try {
    const { epoch } = await train(run);
    if (epoch < config.num_epochs) await sayHowToGoOn(run, `Stopped after epoch ${epoch}`);
  } catch (error) {
    await sayHowToGoOn(run, "Failed");
    throw error;
  }
  // Loaded late, as what draws figures takes a while to load.
  const { writeReport } = await import("./report.ts");
  screen.line(`Report: ${fromHere(await writeReport(folder.path))}`);
  return 0;
}

/**
 * Trains to the end, or until it is told to stop: whatever ends it, the last complete epoch is kept.
 *
 * @returns The state after the last complete epoch.
 */
export async function train(run: Run): Promise<State> {
  const { start, folder, screen, stop } = run;
  const { num_epochs } = run.ctx.options;
  const { train, evaluate } = run.ctx.rewards;
  const table = epochTable([train, ...evaluate].map(({ name }) => name), num_epochs, screen.columns);
  let state = start;
  let saved = start.epoch;
  const save = async () => {
    if (state.epoch === saved) return;
    await saveCheckpoint(folder.checkpoints, state, run.ctx.layouts, run.origin);
    saved = state.epoch;
  };
  const move = (stage: string, epoch: number, part: number) => {
    throwIfStopped(stop);
    screen.progress((epoch + part) / num_epochs, `epoch ${epoch + 1}/${num_epochs}  ${stage}`);
  };
  const ctx: Context = {
    ...run.ctx,
    onProgress: ({ stage, done, total }) => {
      const [from, to] = PARTS[stage];
      move(stage, state.epoch, from + (to - from) * done / total);
    },
  };
  const viewing: Viewing = {
    ...run.viewing,
    onLook: (epoch) => epoch === 0 ? screen.progress(0, "base model") : move("look", epoch - 1, LOOK),
  };

  await cutRun(folder, start.epoch === 0 ? -1 : start.epoch);
  screen.line(table.head);
  try {
    for await (const epoch of until(stop, epochs(ctx, viewing, start))) {
      await writeEpoch(folder, epoch, run.now());
      state = epoch.state;
      table.rows(epoch.metrics).forEach(screen.line);
      if (state.epoch % run.saveEvery === 0 || state.epoch === num_epochs) await save();
    }
  } catch (error) {
    // What is complete is worth keeping, but the error says more than that this fails too.
    await save().catch(() => {});
    throw error;
  } finally {
    screen.clear();
  }
  await save();
  return state;
}

async function sayHowToGoOn({ folder, screen }: Run, what: string): Promise<void> {
  const kept = (await listCheckpoints(folder.checkpoints)).at(-1);
  const from = kept === undefined ? "from the start" : `from epoch ${kept}`;
  screen.line(`${what}. To go on ${from}: attune train --resume ${fromHere(folder.path)}`);
}

/** A path as it is from the folder the person is in. */
function fromHere(path: string): string {
  const short = relative(fromCaller("."), path);
  return short.startsWith("..") ? path : short || ".";
}

/** How an epoch's time is spent, about: from where to where each stage goes, and where looking at the policy begins. */
const PARTS: Readonly<Record<Progress["stage"], readonly [number, number]>> = {
  sample: [0, 0.4],
  score: [0.4, 0.42],
  update: [0.42, 0.88],
};
const LOOK = 0.88;
