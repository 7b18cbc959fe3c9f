/**
 * `attune train`: fine-tunes a model on a reward, and keeps everything of the run in one folder.
 *
 * @module
 */

import type { GuardRecord, Verdict } from "../lib/measures/guard.ts";
import { originMetadata } from "../lib/io/lora_metadata.ts";
import { samplesPerEpoch } from "../lib/stages/options.ts";
import { shownPolicy, type State } from "../lib/stages/records.ts";
import { allRewards, trainedName, trainedRewards } from "../lib/stages/run_rewards.ts";
import { readArguments } from "./arguments.ts";
import { configHelp, readConfig } from "./config/mod.ts";
import { fromHere } from "./paths.ts";
import { profileConfig } from "./profile.ts";
import { listCheckpoints, saveCheckpoint } from "./run/checkpoint.ts";
import { clearEnding, type Ending, optionsToGoOn, readEnding, tellEnding } from "./run/ending.ts";
import { epochTable } from "./run/epoch_table.ts";
import { epochs, type RunMetrics } from "./run/epochs.ts";
import { follow } from "./run/follow.ts";
import { guardRecord, readGuardRecords } from "./run/guard_records.ts";
import { endRun, isBest, judge, judgeError } from "./run/guarded.ts";
import { listenForInterrupt } from "./run/interrupt.ts";
import { lockFolder } from "./run/lock.ts";
import { loraOriginOf } from "./run/lora_origin.ts";
import { type Adapter, openAdapter, prepareRun } from "./run/prepare_run.ts";
import { readRequest, type Request } from "./run/request.ts";
import type { Run } from "./run/run.ts";
import { cutRun, type RunFolder, writeEpoch } from "./run/run_folder.ts";
import { type Screen, screenOn, systemTerminal } from "./run/screen.ts";
import { unlessStopped, until } from "./run/until.ts";

const HELP = `Fine-tunes a model on a reward: without options, the embedded model in some minutes.

Usage: attune train [--config FILE]… [--set key=value]… [--out DIR]
       attune train --resume DIR [--set num_epochs=N]
       attune train --profile [--config FILE]… [--set key=value]…

  --config FILE    how to train; without it, the defaults below. An embedded one by its name: sd14-aesthetic; where there are
                   several, later ones count: --config sd14-aesthetic --config memory-8gb
  --set key=value  set one field, as often as needed: --set sample.num_steps=16
  --out DIR        the run's folder; without it, the next number below runs/
  --resume DIR     go on with a run where its last checkpoint is, or from one of its checkpoints: later epochs are redone
  --tune           choose the kernels' tiles by timing on a software adapter too; on a GPU that is always done
  --profile        train nothing, but print what each kernel of a sampling step and an optimizer step takes
  --help           print this

The run's folder holds config.yaml, manifest.json, metrics.jsonl, TensorBoard's events, images, checkpoints with adapters
or a UNet that other tools load, and report.html. Ctrl-C stops after writing a checkpoint. The guard ends a run that goes
wrong, by default with its best checkpoint as the one that other tasks take (fields of guard below). The same configuration
on the same adapter gives the same run, stopped or not: in metrics.jsonl only seconds and gpu_peak_bytes differ.

Fields of the configuration:
`;

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const { help, profile, tune, ...options } = readArguments(args, {
    text: ["out", "resume"],
    lists: ["config", "set"],
    flags: ["profile", "tune"],
  });
  if (help) {
    console.log(HELP + configHelp());
    return 0;
  }
  if (profile) {
    console.log(await profileConfig(await readConfig(options), { tune }));
    return 0;
  }
  const screen = screenOn(systemTerminal());
  const interrupt = listenForInterrupt(() => screen.line("Stopping; once more to stop at once."));
  try {
    return await runRequest(
      await readRequest(options),
      () => openAdapter({ tune }),
      screen,
      interrupt.signal,
    );
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
  using _lock = await lockFolder(folder.path);
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
  const { num_epochs, model } = config;
  screen.line(
    run.start.epoch >= num_epochs
      ? `All ${num_epochs} epochs are done: --set num_epochs=N makes the run longer.`
      : `${model} for ${trainedName(run.ctx.rewards)}: ${samplesPerEpoch(config)} images an epoch, in ${
        fromHere(folder.path)
      }`,
  );
  try {
    const { epoch } = await train(run);
    const ending = await readEnding(folder.metrics);
    if (ending !== null) sayHowItEnded(run, ending, epoch);
    else if (epoch < num_epochs) await sayHowToGoOn(run, "Stopped");
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
 * Trains to the end, or until it is told to stop or the guard ends it: the last complete epoch is kept in any case, and
 * under guard the best.
 *
 * @returns The state after the last complete epoch.
 */
export async function train(run: Run): Promise<State> {
  const { start, folder, screen, stop } = run;
  const { num_epochs } = run.ctx.options;
  const names = allRewards(run.ctx.rewards).map(({ name }) => name);
  const trained = trainedRewards(run.ctx.rewards).length;
  const table = epochTable(names, num_epochs, screen.columns, trained);
  let state = start;
  let saved = start.epoch;
  let metrics: RunMetrics | null = null;
  let shown = shownPolicy(start);
  const save = async () => {
    if (state.epoch === saved || metrics === null) return;
    const metadata = originMetadata(loraOriginOf(run, state, metrics));
    const { unetConfig } = run;
    await saveCheckpoint(folder.checkpoints, state, shown, run.ctx.layouts, run.origin, {
      metadata,
      unetConfig,
    });
    saved = state.epoch;
  };
  const { ctx, viewing } = follow(run, () => state.epoch);

  const isDone = start.epoch >= num_epochs;
  if (!isDone) await cutRun(folder, start.epoch === 0 ? -1 : start.epoch);
  let records: readonly GuardRecord[] = await readGuardRecords(folder);
  let verdicts: readonly Verdict[] = judge(run, records);
  if (verdicts.length > 0) {
    await endRun(run, records, verdicts);
    return start;
  }
  await clearEnding(folder.metrics);
  if (!isDone) screen.line(table.head);
  try {
    for await (const epoch of until(stop, epochs(ctx, viewing, start))) {
      await writeEpoch(folder, epoch, run.now());
      ({ state, shown, metrics } = epoch);
      table.rows(epoch.metrics).forEach(screen.line);
      records = [...records, guardRecord(epoch)];
      verdicts = judge(run, records);
      if (verdicts.length > 0) break;
      const isDue = state.epoch % run.saveEvery === 0 || state.epoch === num_epochs;
      if (isDue || isBest(run, records)) await save();
    }
  } catch (error) {
    // What is complete is worth keeping, but the error says more than that this fails too.
    await save().catch(() => {});
    verdicts = judgeError(run, error, state);
  } finally {
    screen.clear();
  }
  // A run that is killed between the two goes on from the checkpoint before, and is judged again.
  await endRun(run, records, verdicts);
  await save();
  return state;
}

function sayHowItEnded({ folder, screen }: Run, ending: Ending, epoch: number): void {
  tellEnding(ending, epoch).forEach(screen.line);
  screen.line(`To go on all the same: ${resumption(folder)} ${optionsToGoOn(ending)}`);
}

async function sayHowToGoOn({ folder, screen }: Run, what: string): Promise<void> {
  const kept = (await listCheckpoints(folder.checkpoints)).at(-1);
  const from = kept === undefined ? "from the start" : `from epoch ${kept}`;
  screen.line(`${what}. To go on ${from}: ${resumption(folder)}`);
}

function resumption({ path }: RunFolder): string {
  return `attune train --resume ${fromHere(path)}`;
}
