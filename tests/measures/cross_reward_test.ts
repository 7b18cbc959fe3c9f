import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { crossReward, seenGap } from "../../lib/measures/cross_reward.ts";
import { changeOf, estimate } from "../../lib/measures/estimate.ts";
import { netGain } from "../../lib/measures/net_gain.ts";
import { assertClose } from "../assert_close.ts";
import { goldens, TOL } from "./goldens.ts";

const NAMES = ["own", "first", "second"];

function named(scores: readonly (readonly number[])[]) {
  return Object.fromEntries(scores.map((each, i) => [NAMES[i]!, each]));
}

Deno.test("gains and their errors are those of numpy and scipy, rewards that go together counted once", () => {
  const { base, adapted, mean, standard_error } = goldens.rewards;
  const found = crossReward(named(adapted), named(base), "own", ["first", "second"])!;
  const estimates = [found.in_domain, found.watched.first!, found.watched.second!, found.out_of_domain];
  estimates.forEach((each, i) => {
    assertClose([each.mean], [mean[i]!], TOL, `mean ${i}`);
    assertClose([each.standard_error!], [standard_error[i]!], TOL, `error ${i}`);
  });
});

Deno.test("rewards without a scale are left out, and nothing is compared with what was not measured", () => {
  const base = { own: [1, 2], first: [3, 5], second: [7, 7] },
    adapted = { own: [2, 3], first: [2, 4], second: [8, 8] };
  const found = crossReward(adapted, base, "own", ["first", "second"])!;
  assertEquals(Object.keys(found.watched), ["first"]);
  assertEquals(found.out_of_domain, found.watched.first);
  assertEquals(crossReward(adapted, base, "second", ["first"]), null);
  assertEquals(crossReward(adapted, base, "own", ["second"]), null);
  assertEquals(crossReward(adapted, base, "other", ["first"]), null);
  assertThrows(() => crossReward({ own: [1] }, base, "own", ["first"]), RangeError, "1 and 2");
});

Deno.test("estimates are means with standard errors, changes over pairs", () => {
  assertEquals(estimate([1, 3]), { mean: 2, std: Math.SQRT2, standard_error: 1 });
  assertEquals(estimate([5]), { mean: 5, std: 0, standard_error: null });
  const { mean, standard_error, in_base_std } = changeOf([2, 4, 6], [1, 3, 5]);
  assertEquals([mean, standard_error], [1, 0]);
  assertAlmostEquals(in_base_std!, 0.5, 1e-12);
  assertEquals(changeOf([2, 2], [1, 1]).in_base_std, null);
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
