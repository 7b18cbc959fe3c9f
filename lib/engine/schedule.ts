/**
 * The order of steps: work that frees memory comes early, updates in place come last.
 *
 * A graph's own order computes the gradients of all layers before those of their weights, so that everything in between
 * would live until the end.
 * @module
 */

import { bytesOf } from "../core/tensor.ts";
import type { Value } from "./graph.ts";
import type { Homes } from "./homes.ts";
import { type Fused, outputsOf, readsOf, type Step, updatedBy } from "./steps.ts";

/** Puts steps in the order they will run in; every step stays behind those whose results it reads. */
export function schedule({ steps, outputs }: Fused, homes: Homes): Fused {
  const waits = stepsAfterUpdates(steps);
  const uses = new Map<Value, number>();
  const count = (value: Value) => uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const step of steps) new Set(readsOf(step)).forEach(count);
  for (const { value } of Object.values(outputs)) count(value);
  const bytes = (value: Value) =>
    homes.of(value).block === value && !homes.collected.has(value) ? bytesOf(value) : 0;
  const early = freeingFirst(steps.filter((step) => !waits.has(step)), uses, bytes);
  return { steps: [...early, ...steps.filter((step) => waits.has(step))], outputs };
}

/** The steps that update memory in place or follow from one that does. They come after all that may read the old values. */
export function stepsAfterUpdates(steps: readonly Step[]): ReadonlySet<Step> {
  const late = new Set<Value>();
  return new Set(steps.filter((step) => {
    const waits = updatedBy(step).length > 0 || readsOf(step).some((value) => late.has(value));
    if (waits) outputsOf(step).forEach((value) => late.add(value));
    return waits;
  }));
}

/**
 * Keeps the order, but for steps that free at least as much memory as they take: they run as soon as they can.
 *
 * @param uses How many steps and results read each value.
 * @param bytes What it takes to store a value.
 */
function freeingFirst(
  steps: readonly Step[],
  uses: ReadonlyMap<Value, number>,
  bytes: (value: Value) => number,
): Step[] {
  const producers = new Map(steps.flatMap((step) => outputsOf(step).map((value) => [value, step] as const)));
  const readers = Map.groupBy(
    steps.flatMap((step) => [...new Set(readsOf(step))].map((value) => ({ value, step }))),
    ({ value }) => value,
  );
  const unread = new Map(uses);
  const done = new Set<Step>();
  const isReady = (step: Step) =>
    readsOf(step).every((value) => !producers.has(value) || done.has(producers.get(value)!));
  const growth = (step: Step) => {
    const freed = [...new Set(readsOf(step))].filter((value) =>
      producers.has(value) && unread.get(value) === 1
    );
    const kept = outputsOf(step).filter((value) => unread.has(value));
    const total = (values: readonly Value[]) => values.reduce((sum, value) => sum + bytes(value), 0);
    return total(kept) - total(freed);
  };
  /** Runs a step and returns those that it may have made ready, or freeing. */
  const run = (step: Step): Step[] => {
    done.add(step);
    const touched = [...new Set(readsOf(step))].filter((value) => {
      unread.set(value, unread.get(value)! - 1);
      return unread.get(value) === 1;
    });
    return [...touched, ...outputsOf(step)].flatMap((value) => readers.get(value) ?? []).map(({ step }) =>
      step
    );
  };
  for (const step of steps) {
    if (done.has(step)) continue;
    const candidates = run(step);
    for (const next of candidates) {
      if (!done.has(next) && isReady(next) && growth(next) <= 0) candidates.push(...run(next));
    }
  }
  return [...done];
}
