import { assert, assertEquals } from "@std/assert";
import { epochTable } from "../../../pipelines/run/epoch_table.ts";
import type { RunMetrics } from "../../../pipelines/run/epochs.ts";

const moments = (mean: number) => ({ mean, std: 1 });
const change = (mean: number) => ({ mean, std: 1, change: null, change_error: null });
const base: RunMetrics = {
  epoch: 0,
  reward_queries: 0,
  kl_to_base: 0,
  evaluation: {
    images: 4,
    rewards: { colour: change(86.125), gold: change(-0.001) },
    diversity: { within: 0.2, between: NaN, vendi: 1, near_duplicates: 0, truncated_entropy: null },
    kl_to_base: 0,
  },
  seconds: { evaluate: 12.25 },
};
const trained: RunMetrics = {
  ...base,
  epoch: 3,
  rewards: { colour: moments(101.25), gold: moments(1234.5) },
  critic_explained_variance: 0.5,
  clip_fraction: 0.25,
  kl_to_base: 3,
  diversity: { within: 0.125, between: 0.5 },
  seconds: { sample: 1, update: 2, evaluate: 3 },
};

Deno.test("epochTable: a row an epoch, and one an evaluation", () => {
  const { head, rows } = epochTable(["colour", "gold"], 10, Infinity);
  assertEquals([head, ...rows(base), ...rows(trained)], [
    "             colour    gold  diversity  kl_to_base  explained  clipped  seconds",
    "base model    86.13    0.00       0.20        0.00                        12.25",
    "epoch  3/10   101.3    1235       0.13        3.00       0.50     0.25     6.00",
    "evaluated     86.13    0.00       0.20        0.00                             ",
  ]);
  const { evaluation: _, ...unseen } = trained;
  assertEquals(rows(unseen).length, 1);
  assertEquals(rows({ epoch: 0, reward_queries: 0, seconds: {} }), []);
});

Deno.test("epochTable: watched rewards give way on narrow screens, the training reward does not", () => {
  const names = ["training", "first", "second"];
  const heads = [120, 88, 80, 10].map((width) => epochTable(names, 10, width).head.trim().split(/\s+/));
  assertEquals(heads.map((head) => head.filter((name) => names.includes(name))), [
    ["training", "first", "second"],
    ["training", "first"],
    ["training"],
    ["training"],
  ]);
  assert(heads.every((head) => head.includes("seconds")));
});
