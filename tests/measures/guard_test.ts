import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { key, normals } from "../../lib/core/random.ts";
import { bestEpoch } from "../../lib/measures/best_epoch.ts";
import { guard, type GuardOptions, type GuardRecord } from "../../lib/measures/guard.ts";

/** Pairs of 20 prompts and 2 seeds. */
const PROMPTS = Array.from({ length: 40 }, (_, n) => `prompt ${Math.floor(n / 2)}`);
const NAMES = ["own", "first", "second"];
const WATCHED = ["first", "second"];
const OPTIONS: GuardOptions = {
  evaluations: 3,
  standard_errors: 1,
  mean_fall: 0.1,
  reward_fall: 0.5,
  diversity: 0.7,
  kl: null,
  gradient: 10,
};

/** Values at epochs 0, 1, 2, …: of a reward's mean gain, in base standard deviations, and of the rest. */
interface Curves {
  readonly own?: readonly number[];
  readonly first?: readonly number[];
  readonly second?: readonly number[];
  readonly diversity?: readonly number[];
  readonly kl?: readonly number[];
  readonly gradient?: readonly number[];
  /** Of each image's change; those of one prompt share it. */
  readonly noise?: number;
  /** Epochs from one evaluation to the next. */
  readonly every?: number;
  /** Of the noise. */
  readonly seed?: number;
}

/** A run that never was. */
function made(
  { own = [], first = [], second = [], noise = 0.02, every = 1, seed = 0, ...rest }: Curves,
): GuardRecord[] {
  const gains: Readonly<Record<string, readonly number[]>> = { own, first, second };
  const { diversity = [], kl = [], gradient = [] } = rest;
  const count = Math.max(...[...Object.values(gains), diversity, kl, gradient].map(({ length }) => length));
  const rows = NAMES.map((_, i) => [...normals(key(i), PROMPTS.length)]);
  const spread = rows.map((row) => {
    const mean = row.reduce((sum, x) => sum + x, 0) / row.length;
    return Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (row.length - 1));
  });
  return Array.from({ length: count }, (_, epoch) => ({
    epoch,
    gradientNorm: epoch === 0 ? null : gradient[epoch] ?? 0.02,
    klToBase: kl[epoch] ?? null,
    evaluation: epoch % every !== 0 ? null : {
      prompts: PROMPTS,
      rewards: Object.fromEntries(NAMES.map((name, i) => {
        const moved = normals(key(1000 * seed + 10 * epoch + i), 20);
        const gain = gains[name]![epoch] ?? 0;
        return [
          name,
          rows[i]!.map((x, n) =>
            x + (epoch === 0 ? 0 : spread[i]! * (gain + noise * moved[Math.floor(n / 2)]!))
          ),
        ];
      })),
      diversity: diversity[epoch] ?? 0.2,
    },
  }));
}

/** The first epoch at which the guard speaks, with what it names. */
function firstVerdict(records: readonly GuardRecord[], options: GuardOptions) {
  for (let count = 1; count <= records.length; count++) {
    const verdicts = guard(records.slice(0, count), WATCHED, options);
    if (verdicts.length > 0) {
      return {
        epoch: records[count - 1]!.epoch,
        kinds: verdicts.map(({ kind }) => kind),
        since: Math.min(...verdicts.map(({ since }) => since)),
      };
    }
  }
  return null;
}

const rise = [0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1];

const CASES: readonly (readonly [
  string,
  Curves,
  { readonly epoch: number; readonly kinds: readonly string[]; readonly since: number } | null,
  Partial<GuardOptions>?,
])[] = [
  ["all is well", { own: rise, first: rise, second: rise }, null],
  ["rewards rise and fall", { first: [0, 0.5, 0.4, 0.25, 0.2, 0.1] }, {
    epoch: 5,
    kinds: ["mean_fall"],
    since: 3,
  }],
  ["they fall from the base model", { first: [0, -0.5, -0.5, -0.5] }, {
    epoch: 3,
    kinds: ["mean_fall"],
    since: 1,
  }],
  ["one evaluation in between is as good", { first: [0, -0.5, -0.5, 0.1, -0.5, -0.5] }, null],
  ["a fall of less than the limit", { first: [0, 0.5, 0.35, 0.35, 0.35, 0.35] }, null],
  ["a fall within noise", { first: [0, 0.5, 0.25, 0.25, 0.25], noise: 4 }, null, { standard_errors: 4 }],
  ["the trained reward alone falls", { own: [0, -1, -2, -3, -4] }, null],
  [
    "one watched reward falls, and another pays for it in the mean",
    { first: [0, -0.3, -0.6, -0.7, -0.8, -0.9], second: rise },
    { epoch: 4, kinds: ["reward_fall"], since: 2 },
  ],
  [
    "evaluations are rarer than epochs",
    { first: [0, 0, 0, 0, -1, 0, -1, 0, -1], every: 2 },
    { epoch: 8, kinds: ["mean_fall", "reward_fall"], since: 4 },
  ],
  ["one evaluation is enough", { first: [0, -0.3] }, { epoch: 1, kinds: ["mean_fall"], since: 1 }, {
    evaluations: 1,
  }],
  ["diversity goes", { diversity: [0.2, 0.18, 0.15, 0.13] }, { epoch: 3, kinds: ["diversity"], since: 3 }],
  ["diversity is not known", { diversity: [NaN, NaN, NaN] }, null],
  ["the divergence may be any", { kl: [0, 1e3, 1e6] }, null],
  ["the divergence has a budget", { kl: [0, 5, 11] }, { epoch: 2, kinds: ["kl"], since: 2 }, { kl: 10 }],
  [
    "gradients explode",
    { gradient: [0, 0.02, 0.03, 0.02, 0.5, 0.9, 4] },
    { epoch: 6, kinds: ["gradient"], since: 4 },
  ],
  ["gradients are large once", { gradient: [0, 0.02, 0.03, 0.02, 90, 0.9, 0.02, 90, 0.02] }, null],
  ["gradients are large from the start", { gradient: [0, 5, 9, 7, 6, 8, 9] }, null],
  ["a number is none", { kl: [0, NaN] }, { epoch: 1, kinds: ["non_finite"], since: 1 }],
  ["a score is none", { first: [0, NaN] }, { epoch: 1, kinds: ["non_finite"], since: 1 }],
  [
    "nothing is watched",
    { first: [0, -1, -2, -3], diversity: [1, 0, 0, 0], gradient: [1, 1, 1, 1, 1e9, 1e9, 1e9] },
    null,
    { mean_fall: null, reward_fall: null, diversity: null, gradient: null },
  ],
];

Deno.test("the guard says what goes wrong, and nothing before", async (t) => {
  for (const [name, curves, expected, options] of CASES) {
    await t.step(name, () => assertEquals(firstVerdict(made(curves), { ...OPTIONS, ...options }), expected));
  }
});

Deno.test("noise of the default run's size around the same level for long is no fall", () => {
  // A difference of two evaluations has an error of 0.033; the default run's have 0.02 to 0.03. Twice as much is not safe: the
  // best of many is the luckiest, and lies that far above the others.
  for (let seed = 0; seed < 20; seed++) {
    const level = Array<number>(40).fill(0.05);
    const records = made({ first: level, second: level, noise: 0.15, seed });
    assertEquals(firstVerdict(records, OPTIONS), null, `seed ${seed}`);
  }
});

Deno.test("a verdict says its numbers", () => {
  const [mean, first] = guard(made({ first: [0, 1, 0.2, 0, -0.1], noise: 0.001 }), WATCHED, OPTIONS);
  assertStringIncludes(
    mean!.message,
    "the mean of the watched rewards lay below its best (+0.50 after epoch 1) at 3 evaluations in a row, " +
      "by 0.40 ± 0.00, 0.50 ± 0.00, 0.55 ± 0.00 base standard deviations (limit 0.1)",
  );
  assert(first!.message.startsWith("first lay below its best (+1.00 after epoch 1)"), first!.message);
});

Deno.test("without the base model, or of one prompt's images, no fall is told", () => {
  const records = made({ first: [0, 1, -1, -2, -3] });
  assertEquals(guard(records.slice(1), WATCHED, OPTIONS), []);
  const same = records.map((record) => ({
    ...record,
    evaluation: { ...record.evaluation!, prompts: PROMPTS.map(() => "one") },
  }));
  assertEquals(guard(same, WATCHED, OPTIONS), []);
});

Deno.test("the best epoch has the highest net gain of those that are kept", () => {
  const records = made({
    own: [0, 1, 2, 3, 3],
    first: [0, 0.1, 0, -0.2, -1],
    diversity: [0.2, 0.2, 0.2, 0.2, 0.1],
    noise: 0,
  });
  const best = (kept: readonly number[], of = records) => bestEpoch(of, ["own"], WATCHED, kept);
  const cases: readonly (readonly [readonly number[], number, number])[] = [
    [[1, 2, 3, 4], 3, 3 - 2 * 0.2],
    [[1, 2, 4], 2, 2],
    [[4], 4, 3 - 2 - 5 * 0.4],
  ];
  for (const [kept, epoch, gain] of cases) {
    const found = best(kept)!;
    assertEquals(found.epoch, epoch);
    assert(Math.abs(found.net_gain - gain) < 1e-6, `${found.net_gain} is not ${gain}`);
  }
  assertEquals([best([]), best([7]), best([2], records.slice(1))], [null, null, null]);
});
