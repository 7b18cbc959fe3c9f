/**
 * The command line: `attune TASK [options]`, or `deno task TASK [options]`.
 *
 * @module
 */

import { dispatch, type Task } from "./dispatch.ts";

/** Every task, by its name. */
export const tasks: Readonly<Record<string, Task>> = {
  train: { doc: "Fine-tunes a model on a reward", load: () => import("./train.ts") },
  evaluate: { doc: "Scores a model or a checkpoint with every reward", load: () => import("./evaluate.ts") },
  experiment: {
    doc: "Trains what an experiment compares, and reports",
    load: () => import("./experiment.ts"),
  },
  compare: { doc: "Draws the report of several runs", load: () => import("./compare.ts") },
  generate: { doc: "Draws images for prompts", load: () => import("./generate.ts") },
  export: { doc: "Writes adapters in another tool's layout", load: () => import("./export.ts") },
  merge: { doc: "Merges adapters into a model", load: () => import("./merge.ts") },
  fetch: { doc: "Downloads a model from the Hugging Face hub", load: () => import("./fetch.ts") },
  report: { doc: "Draws the report of a run", load: () => import("./report.ts") },
  plan: { doc: "Tells what training takes, without weights or a GPU", load: () => import("./plan.ts") },
  config: { doc: "Prints a configuration, each field with its doc", load: () => import("./config.ts") },
  pretrain: { doc: "Makes the embedded model from its data", load: () => import("./pretrain.ts") },
  "data:build": { doc: "Makes the embedded data set from its sources", load: () => import("./data.ts") },
  kernel: { doc: "Prints the shader of a kernel", load: () => import("./kernel.ts") },
  bench: { doc: "Measures the kernels on this machine", load: () => import("./bench.ts") },
};

if (import.meta.main) {
  Deno.exit(await dispatch(Deno.args, tasks, { out: console.log, err: console.error }));
}
