/**
 * The logs of optimizer steps, read back together and checked: a number that is not finite stops training.
 * @module
 */

import { moments } from "../core/moments.ts";
import type { DeviceArray, Runtime } from "../engine/runtime.ts";
import type { Logged, UpdateLog } from "./records.ts";
import { CRITIC_LOGGED } from "./training_graphs.ts";

/** Thrown where training meets a number that is not finite. What was given to it is unchanged. */
export class NonFiniteError extends Error {
  /** `"NonFiniteError"`. */
  override readonly name = "NonFiniteError";
}

/** What an optimizer step left to be read. */
export interface QueuedLogs {
  /** Of every micro-batch of the policy, in the order of its lesson. */
  readonly policyLogs: readonly DeviceArray[];
  /** Of every micro-batch of the critic, in the order of `CRITIC_LOGGED`. */
  readonly criticLogs: readonly DeviceArray[];
  /** Of every micro-batch of the policy, `[B]`; none where its loss has no ratio. */
  readonly ratios: readonly DeviceArray[];
  /** `[1]`, the norm of the policy's gradient, or `[2]` with the critic's. */
  readonly norms: DeviceArray;
  /** The step index that all of the policy's samples are at; `null` where they differ. */
  readonly stepIndex: number | null;
  /** How many micro-batches the policy has; `null` where they share samples. */
  readonly microBatches: number | null;
}

/**
 * Reads the logs of some optimizer steps.
 *
 * @param first The number of the first of them in the epoch.
 * @param logged What the policy's lesson logs.
 * @throws {NonFiniteError} Naming the first number that is not finite, and the optimizer step.
 */
export async function readLogs(
  runtime: Runtime,
  queue: readonly QueuedLogs[],
  first: number,
  logged: readonly (keyof Logged)[],
): Promise<UpdateLog[]> {
  const arrays = queue.flatMap(({ policyLogs, criticLogs, ratios, norms }) => [
    ...policyLogs,
    ...criticLogs,
    ...ratios,
    norms,
  ]);
  const host = (await runtime.get(arrays)).map(({ data }) => Array.from(data as ArrayLike<number>));
  runtime.free(arrays);
  return queue.map((queued, i) => {
    const policyLogs = host.splice(0, queued.policyLogs.length);
    const criticLogs = host.splice(0, queued.criticLogs.length);
    const ratios = host.splice(0, queued.ratios.length).flat();
    const [norms] = host.splice(0, 1) as [number[]];
    const when = `in optimizer step ${first + i} of the epoch`;
    const means = { ...meansOf(logged, policyLogs, when), ...meansOf(CRITIC_LOGGED, criticLogs, when) };
    checkFinite("ratio", ratios, when);
    checkFinite("grad_norm", norms!, when);
    const [policy, critic] = norms!;
    return {
      ...means,
      grad_norm: { policy: policy!, ...critic !== undefined && { critic } },
      micro_batches: queued.microBatches,
      step_index: queued.stepIndex,
      ratios,
    };
  });
}

/** The mean of each logged number over micro-batches; nothing if there were none. */
function meansOf(
  names: readonly (keyof Logged)[],
  logs: readonly (readonly number[])[],
  when: string,
): Partial<Logged> {
  if (logs.length === 0) return {};
  return Object.fromEntries(names.map((name, column) => {
    const values = logs.map((log) => log[column]!);
    checkFinite(name, values, when);
    return [name, moments(values).mean];
  }));
}

/**
 * Checks that numbers are finite. On the host, as a GPU may turn what is not into a number where it compares.
 *
 * @param name What they are called in the error.
 * @param when When they were met.
 * @throws {NonFiniteError} Naming them and the first that is not.
 */
export function checkFinite(name: string, values: ArrayLike<number>, when: string): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) {
      throw new NonFiniteError(
        `Cannot go on training as ${name} is not finite ${when}: ${values[i]} at element ${i}; ` +
          "lower train.learning_rate or train.clip_range",
      );
    }
  }
}
