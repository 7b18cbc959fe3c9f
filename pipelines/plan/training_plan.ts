/**
 * What training takes: a run's models, programs and first epoch on a runtime that counts.
 *
 * @module
 */

import type { Limits } from "../../lib/engine/limits.ts";
import { type CountedProgram, countingRuntime } from "../../lib/gpu/counting_runtime.ts";
import type { Context } from "../../lib/stages/context.ts";
import { initialState } from "../../lib/stages/state.ts";
import type { Config } from "../config/mod.ts";
import { standInSource } from "../load/model_source.ts";
import { loadTraining, loadViewer, prepareTraining } from "../open_training.ts";
import { readPrompts } from "../prompts.ts";
import { plannedModel } from "./planned_model.ts";

/** What is planned for. */
export interface PlanOptions {
  /** What the adapter allows; by default anything. */
  readonly limits?: Limits | undefined;
  /** Whether the adapter is software, that is, the CPU; default no. */
  readonly software?: boolean | undefined;
  /** Whether files hold weights in half precision; default yes. */
  readonly halves?: boolean | undefined;
  /** Bytes of the adapter's memory; default any. */
  readonly memory?: number | undefined;
  /** What to train on; by default the configuration's prompts. */
  readonly prompts?: readonly string[] | undefined;
}

/** What makes a part of training take less. */
const REMEDIES = {
  load: "set mixed_precision=f16_weights, or use a smaller model",
  "read prompts": "set mixed_precision=f16_weights, or use a smaller model",
  sample: "lower sample.batch_size",
  score: "lower sample.batch_size, or watch fewer rewards",
  update:
    "lower train.batch_size, set train.gradient_checkpointing=true, or train adapters where lora is null",
  reset: "lower critic.hidden",
};

/** Bytes at the end of a part of training. */
export interface PlannedPart {
  /** What was done. */
  readonly name: string;
  /** Bytes of all buffers at the end of it. */
  readonly bytes: number;
  /** Bytes at their highest so far. */
  readonly peakBytes: number;
}

/** What training takes. */
export interface TrainingPlan {
  /** What a person should know of the model's configurations; `null`: they are its own. */
  readonly note: string | null;
  /** What is done, in its order: loading, compiling, and the stages of an epoch. */
  readonly parts: readonly PlannedPart[];
  /** The programs, with how often each runs in an epoch. */
  readonly programs: readonly (CountedProgram & { readonly runsAnEpoch: number })[];
}

/**
 * Plans a run, without weights and without a GPU.
 *
 * @throws {RangeError} If the adapter does not allow it; the message names stage, bytes, limit and what to lower.
 */
export async function planTraining(config: Config, options: PlanOptions = {}): Promise<TrainingPlan> {
  const { limits, software = false, halves = true, memory = Infinity } = options;
  const runtime = countingRuntime(limits, software);
  const parts: PlannedPart[] = [];
  const done = (name: keyof typeof REMEDIES) => {
    const peakBytes = runtime.peakBytes();
    if (peakBytes > memory) {
      throw new RangeError(
        `Cannot train as there are ${memory} bytes of memory and to ${name} takes ${peakBytes}: ${
          REMEDIES[name]
        }`,
      );
    }
    parts.push({ name, bytes: runtime.bytes(), peakBytes });
  };
  const { folder, note } = await plannedModel(config.model);
  const pipeline = await loadTraining(runtime, folder, config, standInSource(runtime, halves));
  done("load");
  const ctx = await prepareTraining(pipeline, config, options.prompts ?? await readPrompts(config.prompts));
  await loadViewer(pipeline, folder, config);
  done("read prompts");
  const before = new Map(runtime.programs().map((program) => [program, program.runs()]));
  await runEpoch(ctx, done);
  const programs = runtime.programs().map((program) => ({
    ...program,
    runsAnEpoch: program.runs() - (before.get(program) ?? 0),
  }));
  return { note, parts, programs };
}

/**
 * Refuses a configuration that an adapter does not allow, before anything of the model is loaded.
 *
 * @param folder The model's.
 * @param software Whether the adapter is software, that is, the CPU.
 * @throws {RangeError} Naming stage, bytes, limit and what to lower.
 */
export async function checkFits(
  folder: string,
  config: Config,
  limits: Limits,
  software: boolean,
): Promise<void> {
  const runtime = countingRuntime(limits, software);
  const pipeline = await loadTraining(runtime, folder, config, standInSource(runtime, true));
  await prepareTraining(pipeline, config, [""]);
}

/**
 * Runs the stages of a first epoch, one after the other.
 *
 * @param done Told of each.
 */
export async function runEpoch(ctx: Context, done: (stage: keyof typeof REMEDIES) => void): Promise<void> {
  const { sample, score, critique, update, reset } = ctx.method.stages;
  const state = initialState(ctx);
  const sampled = await sample(state, ctx);
  done("sample");
  const scored = await score(sampled, ctx);
  done("score");
  const updated = await update(state, critique(state, scored, ctx), ctx);
  done("update");
  await reset(updated, ctx);
  done("reset");
}
