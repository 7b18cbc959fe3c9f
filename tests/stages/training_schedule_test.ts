import { assert, assertEquals, assertThrows } from "@std/assert";
import { key } from "../../lib/core/random.ts";
import { checkOptions, type Options, type TrainOptions } from "../../lib/stages/options.ts";
import { choosePrompts } from "../../lib/stages/prompts.ts";
import { type OptimizerStep, trainingSchedule } from "../../lib/stages/training_schedule.ts";
import { toyOptions } from "./toy.ts";

const trained = (train: Partial<TrainOptions>): Options => ({
  ...toyOptions,
  train: { ...toyOptions.train, ...train },
});

for (const shuffle_timestep of [true, false]) {
  Deno.test(`trainingSchedule: every sample at every step once, shuffle_timestep ${shuffle_timestep}`, () => {
    const schedule = trainingSchedule(key(1), trained({ shuffle_timestep }));
    assertEquals(schedule.length, 3 * 8 / 4);
    assertEquals(new Set(placesOf(schedule, "policy")).size, 24);
    assert(
      schedule.every(({ policy }) => policy.length === 2 && policy.every(({ rows }) => rows.length === 2)),
    );
    assert(schedule.every(({ policy, critic }) => policy.join() === critic.join()));
    const first = schedule[0]!.policy.flatMap(({ steps }) => steps);
    if (!shuffle_timestep) assertEquals(first, [0, 0, 0, 0]);
  });
}

Deno.test("trainingSchedule: the samples gone through twice", () => {
  const schedule = trainingSchedule(key(2), trained({ num_inner_epochs: 2 }));
  assertEquals(placesOf(schedule, "policy").length, 2 * 3 * 8);
  assertEquals(schedule, trainingSchedule(key(2), trained({ num_inner_epochs: 2 })));
});

for (const [drop_last_steps, shuffle_timestep] of [[1, true], [2, true], [2, false]] as const) {
  Deno.test(`trainingSchedule: the last ${drop_last_steps} steps are the critic's alone, shuffle_timestep ${shuffle_timestep}`, () => {
    const schedule = trainingSchedule(key(4), trained({ drop_last_steps, shuffle_timestep }));
    assertEquals(schedule.length, (3 - drop_last_steps) * 8 / 4);
    const policy = placesOf(schedule, "policy");
    assertEquals(new Set(policy).size, (3 - drop_last_steps) * 8);
    assertEquals(policy.length, (3 - drop_last_steps) * 8);
    assert(policy.every((place) => Number(place.split("@")[1]) < 3 - drop_last_steps));
    const critic = placesOf(schedule, "critic");
    assertEquals([critic.length, new Set(critic).size], [24, 24]);
    assert(schedule.every(({ critic }) => critic.every(({ rows }) => rows.length === 2)));
  });
}

for (const [timesteps_per_update, updates] of [[1, 8], [2, 4], [null, 2]] as const) {
  Deno.test(`trainingSchedule: a window, ${timesteps_per_update ?? "all"} of its steps an update`, () => {
    const options = trained({ timestep_window: [1, 5], timesteps_per_update, drop_last_steps: 1 });
    const schedule = trainingSchedule(key(5), { ...options, sample: { ...options.sample, num_steps: 6 } });
    assertEquals(schedule.length, updates);
    const steps = placesOf(schedule, "policy").map((place) => Number(place.split("@")[1]));
    assertEquals([...new Set(steps)].toSorted(), [1, 2, 3, 4]);
    assertEquals(new Set(placesOf(schedule, "policy")).size, 4 * 8);
    const critic = placesOf(schedule, "critic");
    assertEquals([critic.length, new Set(critic).size], [6 * 8, 6 * 8]);
  });
}

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

/** What somebody learns from, as `row@step`. */
function placesOf(schedule: readonly OptimizerStep[], learner: keyof OptimizerStep): string[] {
  return schedule.flatMap((step) => step[learner])
    .flatMap(({ rows, steps }) => rows.map((row, i) => `${row}@${steps[i]}`));
}
