/**
 * `attune plan`: tells what training takes, in bytes and operations, without weights and without a GPU.
 *
 * @module
 */

import type { Limits } from "../lib/engine/limits.ts";
import { numberOption, readArguments } from "./arguments.ts";
import { readConfig } from "./config/mod.ts";
import { showTrainingPlan } from "./plan/show_plan.ts";
import { planTraining } from "./plan/training_plan.ts";
import { UsageError } from "./usage_error.ts";

const HELP = `Tells what training takes, before anything is loaded: no weights and no GPU are needed.

Usage: attune plan [--config FILE]… [--set key=value]… [--adapter NAME | --limit BYTES] [--memory BYTES] [--weights f16|f32]

  --config FILE    how to train; without it, the defaults. An embedded one by its name, and several, as attune train takes them
  --set key=value  set one field, as often as needed
  --adapter NAME   what the adapter allows: software, webgpu (the least that every browser has), 2gib, 4gib; default: anything
  --limit BYTES    the same in bytes: the most that a kernel may see of a buffer, and the largest buffer
  --memory BYTES   the adapter's memory: training that takes more is refused
  --weights TYPE   f16 (the default) or f32: how the files hold the weights
  --help           print this

The first table has the parts of training, with the bytes of all buffers after each and at their highest so far. The second has
the programs: bytes of what one reads, weights among them, of what lies between that and its results in memory that programs
share, of all together, and of its largest binding; its kernels and operations; how often it runs in an epoch.
`;

/** What adapters allow. */
const ADAPTERS: Readonly<Record<string, Limits>> = {
  software: { maxBufferSize: 2 ** 31 - 1, maxStorageBufferBindingSize: 2 ** 27 },
  webgpu: { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 },
  "2gib": { maxBufferSize: 2 ** 31, maxStorageBufferBindingSize: 2 ** 31 - 4 },
  "4gib": { maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 32 - 4 },
};

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 * @throws {UsageError} If an argument or the configuration is wrong.
 * @throws {RangeError} If training does not fit; the message names stage, bytes, limit and what to lower.
 */
export async function run(args: readonly string[]): Promise<number> {
  const { help, adapter, limit, memory, weights = "f16", ...source } = readArguments(args, {
    text: ["adapter", "limit", "memory", "weights"],
    lists: ["config", "set"],
  });
  if (help) {
    console.log(HELP.trimEnd());
    return 0;
  }
  if (weights !== "f16" && weights !== "f32") {
    throw new UsageError(`Cannot use --weights as it takes f16 or f32: ${weights}`);
  }
  const plan = await planTraining(await readConfig(source), {
    limits: limitsFrom(adapter, limit),
    software: adapter === "software",
    halves: weights === "f16",
    memory: memory === undefined ? Infinity : numberOption("memory", memory, [1, Infinity]),
  });
  console.log(showTrainingPlan(plan));
  return 0;
}

function limitsFrom(adapter: string | undefined, limit: string | undefined): Limits | undefined {
  if (limit !== undefined) {
    const bytes = numberOption("limit", limit, [1, Infinity]);
    return { maxBufferSize: bytes, maxStorageBufferBindingSize: bytes };
  }
  if (adapter === undefined) return undefined;
  if (Object.hasOwn(ADAPTERS, adapter)) return ADAPTERS[adapter];
  throw new UsageError(
    `Cannot use --adapter as there is no such adapter: ${adapter}; there are ${
      Object.keys(ADAPTERS).join(", ")
    }`,
  );
}
