import { assert, assertEquals, assertThrows } from "@std/assert";
import { key } from "../../lib/core/random.ts";
import { checkOptions, type Options, type TrainOptions } from "../../lib/stages/options.ts";
import { choosePrompts } from "../../lib/stages/prompts.ts";
import { trainingSchedule } from "../../lib/stages/training_schedule.ts";
import { toyOptions } from "./toy.ts";

const trained = (train: Partial<TrainOptions>): Options => ({
  ...toyOptions,
  train: { ...toyOptions.train, ...train },
});

for (const shuffle_timestep of [true, false]) {
  Deno.test(`trainingSchedule: every sample at every step once, shuffle_timestep ${shuffle_timestep}`, () => {
    const schedule = trainingSchedule(key(1), trained({ shuffle_timestep }));
    assertEquals(schedule.length, 3 * 8 / 4);
    const seen = schedule.flat().flatMap(({ rows, steps }) => rows.map((row, i) => `${row}@${steps[i]}`));
    assertEquals(new Set(seen).size, 24);
    assert(schedule.every((step) => step.length === 2 && step.every(({ rows }) => rows.length === 2)));
    const first = schedule[0]!.flatMap(({ steps }) => steps);
    if (!shuffle_timestep) assertEquals(first, [0, 0, 0, 0]);
  });
}

Deno.test("trainingSchedule: the samples gone through twice", () => {
  const schedule = trainingSchedule(key(2), trained({ num_inner_epochs: 2 }));
  assertEquals(schedule.flat().flatMap(({ steps }) => steps).length, 2 * 3 * 8);
  assertEquals(schedule, trainingSchedule(key(2), trained({ num_inner_epochs: 2 })));
});

Deno.test("checkOptions: optimizer steps must be filled, and a step be left", () => {
  assertThrows(() => checkOptions(trained({ batch_size: 3 })), RangeError, "train.batch_size 3");
  assertThrows(() => checkOptions(trained({ drop_last_steps: 3 })), RangeError, "no step is left");
});

Deno.test("choosePrompts: balanced prompts take turns over epochs", () => {
  const rows = [0, 1, 2].flatMap((epoch) => choosePrompts(key(3), epoch, 4, 6, true));
  assertEquals(rows.slice(0, 6).toSorted(), [0, 1, 2, 3, 4, 5]);
  assertEquals(rows.slice(6).toSorted(), [0, 1, 2, 3, 4, 5]);
  const drawn = choosePrompts(key(3), 0, 64, 6, false);
  assert(drawn.every((row) => row >= 0 && row < 6) && new Set(drawn).size === 6);
});
