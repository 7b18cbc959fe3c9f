import { assertAlmostEquals, assertEquals } from "@std/assert";
import { lastOf, meanGains, measureBatches, measureEvaluations } from "../../../pipelines/report/measure.ts";
import { directionOf } from "../../../pipelines/report/outcome.ts";
import type { Run } from "../../../pipelines/report/read_run.ts";
import type { Tree } from "../../../pipelines/report/tree.ts";

const EMPTY: Run = {
  folder: "",
  name: "",
  lines: [],
  config: { rewards: { train: "a", evaluate: ["b"] }, sample: { batch_size: 8, num_batches_per_epoch: 4 } },
  manifest: {},
  images: [],
  checkpoints: [],
  gaps: [],
};

Deno.test("gains are paired changes in base standard deviations", () => {
  const { rewards, images } = measureEvaluations(evaluated(
    { a: { mean: 5, std: 2 } },
    { a: { mean: 6, std: 1, change: 1, change_error: 0.1 } },
  ));
  const { gain, error } = lastOf(rewards[0]!);
  assertEquals([images, gain, error], [90, 0.5, 0.05]);
  assertEquals(directionOf(lastOf(rewards[0]!)), "rose");
});

Deno.test("without pairs the error is that of two samples", () => {
  const run = evaluated({ b: { mean: 5, std: 2 } }, { b: { mean: 4.5, std: 2 } });
  const last = lastOf(measureEvaluations(run).rewards[0]!);
  assertAlmostEquals(last.error!, Math.sqrt(2 / 90), 1e-12);
  assertEquals(directionOf(last), "within noise");
});

Deno.test("a change is more than three standard errors, either way", () => {
  const direction = (change: number) =>
    directionOf(lastOf(
      measureEvaluations(evaluated(
        { a: { mean: 0, std: 1 } },
        { a: { mean: change, std: 1, change, change_error: 0.1 } },
      )).rewards[0]!,
    ));
  assertEquals([0.31, 0.29, 0, -0.29, -0.31].map(direction), [
    "rose",
    "within noise",
    "within noise",
    "within noise",
    "fell",
  ]);
});

Deno.test("where the number of images or the unit is missing, nothing is claimed", () => {
  const lines = [line(0, { a: { mean: 0, std: 1 } }), line(5, { a: { mean: 9, std: 1 } })]
    .map(({ epoch, evaluation }) => ({ epoch, evaluation: { rewards: evaluation.rewards } }));
  assertEquals(directionOf(lastOf(measureEvaluations({ ...EMPTY, lines }).rewards[0]!)), "not known");
  const constant = evaluated({ a: { mean: 1, std: 0 } }, {
    a: { mean: 2, std: 0, change: 1, change_error: 0 },
  });
  assertEquals(directionOf(lastOf(measureEvaluations(constant).rewards[0]!)), "not known");
});

Deno.test("batches count what an epoch samples, the trained reward comes first", () => {
  const lines = [1, 2].map((epoch) => ({
    epoch,
    rewards: { b: { mean: epoch, std: 1 }, other: { mean: 0, std: 1 }, a: { mean: 0, std: 1 } },
  }));
  const { rewards, images } = measureBatches({ ...EMPTY, lines });
  assertEquals(images, 32);
  assertEquals(rewards.map(({ name, isTrained }) => [name, isTrained]), [
    ["a", true],
    ["b", false],
    ["other", false],
  ]);
});

Deno.test("a reward from a file is found by the name that the manifest gives it", () => {
  const config = { rewards: { train: "/home/red.ts", evaluate: ["b", "/home/other.ts"] } };
  const manifest = { reward_files: { redness: { path: "/home/red.ts" }, late: { path: "/home/other.ts" } } };
  const rewards = { late: { mean: 0, std: 1 }, b: { mean: 0, std: 1 }, redness: { mean: 0, std: 1 } };
  const run = { ...EMPTY, config, manifest, lines: [{ epoch: 1, rewards }] };
  assertEquals(measureBatches(run).rewards.map(({ name, isTrained }) => [name, isTrained]), [
    ["redness", true],
    ["b", false],
    ["late", false],
  ]);
});

Deno.test("of several trained rewards each has its gain, and there is one for what they come to", () => {
  const at = (mean: number) => ({ mean, std: 1 });
  const run = evaluated({ a: at(0), own: at(0), c: at(0) }, { a: at(1), own: at(-2), c: at(9) });
  const measured = (rewards: Tree) => {
    const manifest = { reward_files: { own: { path: "./own.ts" } } };
    return measureEvaluations({ ...run, manifest, config: { ...run.config, rewards } });
  };
  const gain = (rewards: Tree) => measured(rewards).trainedGains.map(({ gain }) => gain);
  const train = ["a", "./own.ts"];
  assertEquals(gain({ train: "a" }), [0, 1]);
  assertEquals(gain({ train }), [0, -0.5]);
  assertEquals(gain({ train: { a: 3, "./own.ts": 1 }, combine: "per_reward" }), [0, 0.25]);
  assertEquals(gain({ train, combine: "worst_case" }), [0, -2]);
  assertEquals(gain({ train, combine: "constraints" }), [0, 1]);
  const { rewards, combining } = measured({ train, combine: "constraints", evaluate: ["c"] });
  assertEquals(rewards.map(({ name, isTrained }) => [name, isTrained]), [["a", true], ["own", true], [
    "c",
    false,
  ]]);
  assertEquals(combining?.combine, "constraints");
  assertEquals(measured({ train: ["a"] }).combining, null);
});

Deno.test("the mean of rewards has the errors' mean, as they judge the same images", () => {
  const run = evaluated(
    { a: { mean: 0, std: 1 }, b: { mean: 0, std: 2 } },
    {
      a: { mean: 1, std: 1, change: 1, change_error: 0.2 },
      b: { mean: -1, std: 2, change: -1, change_error: 0.2 },
    },
  );
  const last = meanGains(measureEvaluations(run).rewards).at(-1)!;
  assertEquals([last.gain, last.epoch, last.isChange], [0.25, 5, false]);
  assertAlmostEquals(last.error!, 0.15, 1e-12);
});

function evaluated(base: Tree, last: Tree): Run {
  return { ...EMPTY, lines: [line(0, base), line(5, last)] };
}

function line(epoch: number, rewards: Tree) {
  return { epoch, evaluation: { images: 90, rewards } };
}
