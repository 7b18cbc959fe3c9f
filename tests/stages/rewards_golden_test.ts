import { assertEquals, assertThrows } from "@std/assert";
import type { F32 } from "../../lib/core/tensor.ts";
import { discountedReturns, temporalRewards } from "../../lib/stages/critique.ts";
import { normaliseRewards, type PromptStatistics } from "../../lib/stages/prompt_statistics.ts";
import { tensor } from "../../lib/core/tensor.ts";
import { assertClose } from "../assert_close.ts";
import { goldenRecord, goldenTensors } from "../golden_files.ts";

interface Golden {
  readonly prompts: readonly (readonly string[])[];
  readonly trackers: readonly {
    readonly buffer_size: number;
    readonly min_count: number;
    readonly buffers: Readonly<Record<string, readonly number[]>>;
  }[];
  readonly gamma: Readonly<Record<string, number>>;
}

const tensors = await goldenTensors("rewards");
const golden = await goldenRecord<Golden>("rewards");

golden.trackers.forEach(({ buffers, ...options }, j) => {
  Deno.test(`normaliseRewards: six batches with a buffer of ${options.buffer_size}`, () => {
    let statistics: PromptStatistics = {};
    golden.prompts.forEach((prompts, i) => {
      const given = tensors[`tracker.rewards.${i}`]!.data;
      const found = normaliseRewards(statistics, given, prompts, options);
      statistics = found.statistics;
      assertClose(found.rewards, tensors[`tracker.normalised.${j}.${i}`]!.data, 2e-6, `batch ${i}`);
    });
    assertEquals(Object.keys(statistics).toSorted(), Object.keys(buffers).toSorted());
    for (const [prompt, rewards] of Object.entries(buffers)) {
      assertClose(statistics[prompt]!, rewards, 1e-6, prompt);
    }
  });
});

for (const [name, gamma] of Object.entries(golden.gamma)) {
  Deno.test(`discountedReturns and temporalRewards: ${name}`, () => {
    const penalties = name === "plain" ? null : tensors["returns.penalties"]!;
    const returns = discountedReturns(tensors["returns.rewards"]!.data, 5, penalties, gamma);
    assertClose(returns.data, tensors[`returns.${name}.returns`]!.data, 1e-6, "returns");
    const found = temporalRewards(returns, tensors["returns.residuals"]!);
    assertClose(found.data, tensors[`returns.${name}.temporal_rewards`]!.data, 2e-6, "temporal rewards");
  });
}

Deno.test("normaliseRewards: without statistics, those of the batch", () => {
  const { rewards, statistics } = normaliseRewards(
    {},
    tensor([4], [1, 3, 1, 3]).data,
    ["a", "a", "b", "b"],
    null,
  );
  assertClose(rewards, [-1, 1, -1, 1], 2e-6, "rewards");
  assertEquals(statistics, {});
});

Deno.test("normaliseRewards: leaves the statistics it is given alone", () => {
  const before: PromptStatistics = { a: [1] };
  const options = { buffer_size: 2, min_count: 1 };
  const { statistics } = normaliseRewards(before, tensor([2], [2, 3]).data, ["a", "a"], options);
  assertEquals(before, { a: [1] });
  assertEquals(statistics, { a: [2, 3] });
  const none: F32 = new Float32Array(0);
  assertThrows(() => normaliseRewards({}, none, [], options), RangeError, "there are none");
});
