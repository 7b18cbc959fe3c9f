/**
 * The same prompts and seeds by the base model and with adapters, compared.
 *
 * @module
 */

import { type CrossReward, crossReward } from "../../lib/measures/cross_reward.ts";
import { type Change, changeOf, type Estimate, estimateByPrompt } from "../../lib/measures/estimate.ts";
import { type Fidelity, fidelity } from "../../lib/measures/fidelity.ts";
import { netGain } from "../../lib/measures/net_gain.ts";
import type { Variety } from "../../lib/measures/variety.ts";
import { rewardCatalogue } from "../../lib/rewards/catalogue.ts";
import { type OfficialScale, officialScore } from "../../lib/rewards/reward.ts";
import type { Measured } from "./measure.ts";

/** The names of the rewards of a run, as they are measured by. */
export interface Domain {
  /** What it was trained on. */
  readonly trained: readonly string[];
  /** What it only watched. */
  readonly watched: readonly string[];
}

/** What was found of two models, or of the base model alone. */
export interface Comparison {
  /** Each reward. */
  readonly rewards: Readonly<Record<string, RewardResult>>;
  /** The CLIP score of images and their prompts, by the judge; `null` where nobody looked. */
  readonly clip_score: RewardResult | null;
  /** What the judge saw in the base model's images. */
  readonly base: Seen;
  /** What it saw in those with adapters. */
  readonly adapted: Seen | null;
  /** What is left of the base's diversity; `null` where nobody looked or there are no adapters. */
  readonly diversity_ratio: Readonly<Record<RatioName, number>> | null;
  /** How far the adapted images are from the base's; `null` where nobody looked or there are no adapters. */
  readonly fidelity: Fidelity | null;
  /** What training on one reward did to the others; `null` where it is not known what was trained, or not measured. */
  readonly cross_reward: PricedGain | null;
}

/** What was found of a reward. */
export interface RewardResult {
  /** The base model's images. */
  readonly base: Estimate;
  /** Those with adapters. */
  readonly adapted: Estimate | null;
  /** How much higher these are. */
  readonly change: Change | null;
  /** The same on the scale that the reward's authors report, where it is another. */
  readonly official?: {
    readonly unit: string;
    readonly base: Estimate;
    readonly adapted: Estimate | null;
  };
}

/** Gains in the rewards, and one number for them. */
export interface PricedGain extends CrossReward {
  /** The trained reward; several are joined by " + ". */
  readonly trained: string;
  /** The gain less its price in other rewards and in diversity within prompts; `null` where that is not known. */
  readonly net_gain: number | null;
}

/** What a judge saw. */
export type Seen = Pick<Measured, "diversity" | "recognition">;

/** Measures of diversity that are 0 or 1 where all images are the same, so that shares make sense. */
type RatioName = "within" | "between" | "vendi";

/** Compares what was measured; without `adapted`, tells of the base model alone. */
export function compare(base: Measured, adapted: Measured | null, domain: Domain | null): Comparison {
  const rewards = Object.entries(base.scores).map(([reward, scores]) =>
    [
      reward,
      rewardResult(base.prompts, scores, adapted?.scores[reward], rewardCatalogue[reward]?.official),
    ] as const
  );
  const ratio = base.diversity && adapted?.diversity ? ratios(adapted.diversity, base.diversity) : null;
  return {
    rewards: Object.fromEntries(rewards),
    clip_score: base.clip_scores &&
      rewardResult(base.prompts, base.clip_scores, adapted?.clip_scores ?? undefined, undefined),
    base: seen(base),
    adapted: adapted && seen(adapted),
    diversity_ratio: ratio,
    fidelity: base.embeddings && adapted?.embeddings ? fidelity(base.embeddings, adapted.embeddings) : null,
    cross_reward: adapted && domain && pricedGain(base, adapted, domain, ratio?.within ?? NaN),
  };
}

function rewardResult(
  prompts: readonly string[],
  scores: readonly number[],
  others: readonly number[] | undefined,
  scale: OfficialScale | undefined,
): RewardResult {
  const base = estimateByPrompt(scores, prompts);
  const adapted = others === undefined ? null : estimateByPrompt(others, prompts);
  const official = scale && {
    unit: scale.unit,
    base: onScale(scale, base),
    adapted: adapted && onScale(scale, adapted),
  };
  const change = others === undefined ? null : changeOf(others, scores, prompts);
  return { base, adapted, change, ...official && { official } };
}

function onScale(scale: OfficialScale, { mean, std, standard_error }: Estimate): Estimate {
  return {
    mean: officialScore(scale, mean),
    std: scale.factor * std,
    standard_error: standard_error === null ? null : scale.factor * standard_error,
  };
}

function seen({ diversity, recognition }: Measured): Seen {
  return { diversity, recognition };
}

function ratios(adapted: Variety, base: Variety): Readonly<Record<RatioName, number>> {
  const ratio = (name: RatioName) => adapted[name] / base[name];
  return { within: ratio("within"), between: ratio("between"), vendi: ratio("vendi") };
}

function pricedGain(
  base: Measured,
  adapted: Measured,
  { trained, watched }: Domain,
  diversityRatio: number,
): PricedGain | null {
  const found = crossReward(adapted.scores, base.scores, trained, watched, base.prompts);
  if (found === null) return null;
  const outOfDomain = Object.values(found.watched).map(({ mean }) => mean);
  const net = netGain({ inDomain: found.in_domain.mean, outOfDomain, diversityRatio });
  return { trained: trained.join(" + "), ...found, net_gain: Number.isFinite(net) ? net : null };
}
