import { assertEquals } from "@std/assert";
import { rewardsTable } from "../../../pipelines/report/tables.ts";

/** Scores of the published rewards before and after, as they are trained on and as their authors report them. */
const CASES: readonly {
  readonly name: string;
  readonly scores: readonly (readonly [mean: number, std: number])[];
  readonly raw: readonly string[];
  readonly official: string | null;
}[] = [
  {
    name: "pickscore",
    scores: [[0.2134, 0.0041], [0.221, 0.0038]],
    raw: ["0.2134 ± 0.0041", "0.2210 ± 0.0038"],
    official: "As PickScore: 21.34 ± 0.41, now 22.10 ± 0.38.",
  },
  {
    name: "hpsv2",
    scores: [[0.272, 0.012], [0.281, 0.013]],
    raw: ["0.272 ± 0.012", "0.281 ± 0.013"],
    official: "As HPS v2: 27.2 ± 1.2, now 28.1 ± 1.3.",
  },
  {
    // Twice the deviation that the authors' package divides by, around its mean; then two of them above.
    name: "imagereward",
    scores: [[0.16717362830052426, 2.0666789932108144], [2.2338526215113387, 2.0666789932108144]],
    raw: ["0.2 ± 2.1", "2.2 ± 2.1"],
    official: "As ImageReward: 0.0 ± 2.0, now 2.0 ± 2.0.",
  },
  { name: "aesthetic", scores: [[5.2, 0.4], [6, 0.5]], raw: ["5.20 ± 0.40", "6.00 ± 0.50"], official: null },
  {
    name: "pickscore",
    scores: [[0.2134, 0.0041]],
    raw: ["0.2134 ± 0.0041", "–"],
    official: "As PickScore: 21.34 ± 0.41.",
  },
];

Deno.test("published rewards are told as they are trained on, and as their authors report them", () => {
  for (const { name, scores, raw, official } of CASES) {
    const points = scores.map(([mean, std], i) => {
      return { epoch: i, mean, std, gain: i, error: 0.1, isChange: i > 0 };
    });
    const rewards = [{ name, isTrained: true, index: 0, points }];
    const table = rewardsTable({
      source: "evaluations",
      images: 4,
      rewards,
      trainedGains: [],
      combining: null,
    });
    const cells = [...table.text.matchAll(/<td[^>]*>([^<]*)<\/td>/g)].map(([, text]) => text!);
    assertEquals(cells.slice(2, 4), [...raw], name);
    assertEquals(cells.at(-1)!.match(/ As .*/)?.[0].trim() ?? null, official, name);
  }
});
