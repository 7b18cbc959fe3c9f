import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { crossReward, seenGap } from "../../lib/measures/cross_reward.ts";
import { changeOf, estimate, estimateByPrompt } from "../../lib/measures/estimate.ts";
import { netGain } from "../../lib/measures/net_gain.ts";
import { assertClose } from "../assert_close.ts";
import { goldenRecord } from "../golden_files.ts";
import { goldens, TOL } from "./goldens.ts";

/** Scores of images in no order, and what is known of their mean. */
interface ErrorsCase {
  readonly prompts: readonly number[];
  readonly scores: readonly number[];
  readonly mean: number;
  readonly standard_error: number;
}

const { cases: errors } = await goldenRecord<{ readonly cases: Readonly<Record<string, ErrorsCase>> }>(
  "errors",
);

const NAMES = ["own", "first", "second"];

function named(scores: readonly (readonly number[])[]) {
  return Object.fromEntries(scores.map((each, i) => [NAMES[i]!, each]));
}

Deno.test("gains and their errors are those of numpy and scipy, rewards that go together counted once", () => {
  const { base, adapted, mean, standard_error } = goldens.rewards;
  const each = base[0]!.map((_, n) => `prompt ${n}`);
  const found = crossReward(named(adapted), named(base), "own", ["first", "second"], each)!;
  const estimates = [found.in_domain, found.watched.first!, found.watched.second!, found.out_of_domain];
  estimates.forEach((each, i) => {
    assertClose([each.mean], [mean[i]!], TOL, `mean ${i}`);
    assertClose([each.standard_error!], [standard_error[i]!], TOL, `error ${i}`);
  });
});

Deno.test("rewards without a scale are left out, and nothing is compared with what was not measured", () => {
  const base = { own: [1, 2], first: [3, 5], second: [7, 7] },
    adapted = { own: [2, 3], first: [2, 4], second: [8, 8] };
  const found = crossReward(adapted, base, "own", ["first", "second"], ["a", "b"])!;
  assertEquals(Object.keys(found.watched), ["first"]);
  assertEquals(found.out_of_domain, found.watched.first);
  assertEquals(crossReward(adapted, base, "second", ["first"], ["a", "b"]), null);
  assertEquals(crossReward(adapted, base, "own", ["second"], ["a", "b"]), null);
  assertEquals(crossReward(adapted, base, "other", ["first"], ["a", "b"]), null);
  assertThrows(() => crossReward({ own: [1] }, base, "own", ["first"], ["a"]), RangeError, "1 and 2");
});

Deno.test("estimates are means with standard errors, changes over pairs", () => {
  assertEquals(estimate([1, 3]), { mean: 2, std: Math.SQRT2, standard_error: 1 });
  assertEquals(estimate([5]), { mean: 5, std: 0, standard_error: null });
  const { mean, standard_error, in_base_std } = changeOf([2, 4, 6], [1, 3, 5], ["a", "b", "c"]);
  assertEquals([mean, standard_error], [1, 0]);
  assertAlmostEquals(in_base_std!, 0.5, 1e-12);
  assertEquals(changeOf([2, 2], [1, 1], ["a", "b"]).in_base_std, null);
});

Deno.test("errors are clustered by prompt as statsmodels has them", () => {
  for (const [name, { prompts, scores, mean, standard_error }] of Object.entries(errors)) {
    const found = estimateByPrompt(scores, prompts);
    assertClose([found.mean], [mean], TOL, `${name}: mean`);
    assertClose([found.standard_error!], [standard_error], TOL, `${name}: error`);
    assertEquals(found.std, estimate(scores).std);
  }
  // Copies tell nothing new: two images of each prompt that are the same are as one, and one prompt's have no error.
  const once = [0.5, 2, -1];
  assertAlmostEquals(
    estimateByPrompt([...once, ...once], ["a", "b", "c", "a", "b", "c"]).standard_error!,
    estimate(once).standard_error!,
    1e-12,
  );
  assertEquals(estimateByPrompt(once, ["a", "a", "a"]).standard_error, null);
  assertThrows(() => estimateByPrompt(once, ["a"]), RangeError, "1 and 3");
});

Deno.test("a gap has the error of a difference", () => {
  const [seen, unseen] = [{ mean: 2, std: 1, standard_error: 0.3 }, {
    mean: 0.5,
    std: 1,
    standard_error: 0.4,
  }];
  assertEquals(seenGap(seen, unseen, 2), { mean: 0.75, standard_error: 0.25 });
  assertEquals(seenGap(seen, estimate([1]), 2), { mean: 0.5, standard_error: null });
  assertEquals(seenGap(seen, unseen, 0), null);
});

Deno.test("a net gain pays for the worst loss and for lost diversity, not for what others gained", () => {
  const cases: readonly (readonly [number, readonly number[], number, number])[] = [
    [2, [0.5, 1], 1.1, 2],
    [2, [0.5, -0.25, -0.1], 0.95, 1.5],
    [2, [0.5], 0.7, 1],
    [2, [-1], 0.5, -2],
  ];
  for (const [inDomain, outOfDomain, diversityRatio, expected] of cases) {
    assertAlmostEquals(netGain({ inDomain, outOfDomain, diversityRatio }), expected, 1e-12);
  }
});
