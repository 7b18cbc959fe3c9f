/**
 * Tells when a training has gone wrong: from what was measured so far alone, so that a resumed run is told the same.
 *
 * A reward can be raised by images that people like less (Gao et al. 2023, https://arxiv.org/abs/2210.10760): rewards that
 * are only watched fall then, or images of a prompt become alike, or the policy is far from where it came from.
 * @module
 */

import { type ScoresByReward, zScores } from "./cross_reward.ts";
import { estimate } from "./estimate.ts";
import { fallFromBest, type Place } from "./fall.ts";
import { median } from "./median.ts";

/** What the guard knows of an epoch. */
export interface GuardRecord {
  /** How many epochs are complete; 0: the base model. */
  readonly epoch: number;
  /** The mean norm of the policy's gradient before clipping; `null` where there was no update. */
  readonly gradientNorm: number | null;
  /** The mean divergence of a trajectory from the base model's, the evaluation's or else the grid's; `null` where it was not measured. */
  readonly klToBase: number | null;
  /** What was found on fixed prompts and seeds; `null` where there was no evaluation. */
  readonly evaluation: GuardEvaluation | null;
}

/** An evaluation of `N` images, always of the same prompts and seeds. */
export interface GuardEvaluation {
  /** `N` prompts. */
  readonly prompts: readonly string[];
  /** `N` scores of each reward. */
  readonly rewards: ScoresByReward;
  /** How different images of one prompt are; NaN where no prompt has two. */
  readonly diversity: number;
}

/** What goes too far; `null`: nothing does. */
export interface GuardOptions {
  /** Evaluations in a row that must see rewards fallen. */
  readonly evaluations: number;
  /** How many standard errors of the fall it must exceed. */
  readonly standard_errors: number;
  /** The fall of the watched rewards' mean from its best, in base standard deviations. */
  readonly mean_fall: number | null;
  /** The fall of one watched reward from its best, in base standard deviations. */
  readonly reward_fall: number | null;
  /** The least diversity within prompts, as a share of the base model's. */
  readonly diversity: number | null;
  /** The largest divergence from the base model. */
  readonly kl: number | null;
  /** The largest gradient norm, as a multiple of the median so far, for {@linkcode GRADIENT_EPOCHS} epochs in a row. */
  readonly gradient: number | null;
}

/** What went wrong: an option's name, or a number that is none. */
export type GuardKind = "non_finite" | "mean_fall" | "reward_fall" | "diversity" | "kl" | "gradient";

/** Something that went wrong. */
export interface Verdict {
  /** What. */
  readonly kind: GuardKind;
  /** The first epoch at which it was so: policies from before it are not concerned. */
  readonly since: number;
  /** A clause with the numbers, as it is told after a colon. */
  readonly message: string;
}

/** Epochs in a row that gradients must be too large, and that there must be before to tell what is usual. */
export const GRADIENT_EPOCHS = 3;

/**
 * Judges the last of some epochs by those before.
 *
 * Fallen are rewards whose every one of the last `evaluations` lies below the best before them: by more than the limit, and
 * by more than `standard_errors` of the difference over pairs of the same prompt and seed, clustered by prompt.
 *
 * @param records In order, the base model's first; without it nothing is compared with the base model.
 * @param watched The names of the rewards that were not trained on.
 * @returns All that went wrong; nothing where training may go on.
 */
export function guard(
  records: readonly GuardRecord[],
  watched: readonly string[],
  options: GuardOptions,
): readonly Verdict[] {
  const last = records.at(-1);
  if (last === undefined) return [];
  return [
    nonFinite(last),
    ...last.evaluation === null ? [] : judgeEvaluations(records, watched, options),
    tooFar(last, options),
    exploded(records, options),
  ].filter((verdict) => verdict !== null);
}

function nonFinite({ epoch, gradientNorm, klToBase, evaluation }: GuardRecord): Verdict | null {
  const numbers = {
    ...evaluation?.rewards,
    kl_to_base: klToBase === null ? [] : [klToBase],
    "grad_norm.policy": gradientNorm === null ? [] : [gradientNorm],
  };
  const found = Object.entries(numbers).find(([, values]) =>
    !values.every((value) => Number.isFinite(value))
  );
  return found === undefined
    ? null
    : { kind: "non_finite", since: epoch, message: `${found[0]} is not finite` };
}

function judgeEvaluations(
  records: readonly GuardRecord[],
  watched: readonly string[],
  options: GuardOptions,
): readonly (Verdict | null)[] {
  const evaluated = records.flatMap(({ epoch, evaluation }) =>
    evaluation === null ? [] : [{ epoch, ...evaluation }]
  );
  const base = evaluated[0]!;
  if (base.epoch !== 0) return [];
  const paths = watched.flatMap((name) => {
    const path = evaluated.flatMap(({ epoch, rewards }): Place[] => {
      const z = zScores(rewards[name] ?? [], base.rewards[name] ?? []);
      return z === null ? [] : [{ epoch, z }];
    });
    return path.length === evaluated.length ? [{ name, path }] : [];
  });
  const mean = paths.length === 0 ? [] : evaluated.map(({ epoch }, i) => ({
    epoch,
    z: base.prompts.map((_, n) => estimate(paths.map(({ path }) => path[i]!.z[n]!)).mean),
  }));
  return [
    fallen("mean_fall", "the mean of the watched rewards", mean, base.prompts, options),
    ...paths.map(({ name, path }) => fallen("reward_fall", name, path, base.prompts, options)),
    collapsed(evaluated.at(-1)!, base.diversity, options),
  ];
}

function fallen(
  kind: "mean_fall" | "reward_fall",
  name: string,
  path: readonly Place[],
  prompts: readonly string[],
  options: GuardOptions,
): Verdict | null {
  const limit = options[kind];
  const fall = limit === null ? null : fallFromBest(path, prompts, { ...options, limit });
  if (fall === null) return null;
  const from = fall.epoch === 0
    ? "the base model"
    : `its best (${fall.best < 0 ? "" : "+"}${fall.best.toFixed(2)} after epoch ${fall.epoch})`;
  const falls = fall.falls.map(({ mean, standard_error }) =>
    `${mean.toFixed(2)} ± ${standard_error!.toFixed(2)}`
  );
  const message =
    `${name} lay below ${from} at ${falls.length} evaluations in a row, by ${falls.join(", ")} base ` +
    `standard deviations (limit ${limit})`;
  return { kind, since: path.at(-options.evaluations)!.epoch, message };
}

function collapsed(
  { epoch, diversity }: { readonly epoch: number; readonly diversity: number },
  base: number,
  { diversity: least }: GuardOptions,
): Verdict | null {
  const share = diversity / base;
  if (least === null || !(share < least)) return null;
  const found = `${share.toFixed(2)} times the base model's, ${show(diversity)} of ${show(base)}`;
  return {
    kind: "diversity",
    since: epoch,
    message: `diversity within prompts is ${found} (limit ${least})`,
  };
}

function tooFar({ epoch, klToBase }: GuardRecord, { kl }: GuardOptions): Verdict | null {
  if (kl === null || klToBase === null || !(klToBase > kl)) return null;
  const message = `the divergence from the base model is ${show(klToBase)} (budget ${kl})`;
  return { kind: "kl", since: epoch, message };
}

function exploded(records: readonly GuardRecord[], { gradient }: GuardOptions): Verdict | null {
  const norms = records.flatMap(({ epoch, gradientNorm: norm }) => norm === null ? [] : [{ epoch, norm }]);
  if (gradient === null || norms.length < 2 * GRADIENT_EPOCHS) return null;
  const recent = norms.slice(-GRADIENT_EPOCHS);
  const usual = median(norms.slice(0, -GRADIENT_EPOCHS).map(({ norm }) => norm));
  if (!recent.every(({ norm }) => norm > gradient * usual)) return null;
  const shown = recent.map(({ norm }) => show(norm)).join(", ");
  const found = `${shown} in the last epochs and ${show(usual)} in most before`;
  return {
    kind: "gradient",
    since: recent[0]!.epoch,
    message: `the policy's gradient norm was ${found} (limit ${gradient} times that)`,
  };
}

function show(x: number): string {
  return String(Number(x.toPrecision(3)));
}
