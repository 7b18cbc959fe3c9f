/**
 * What runs are compared by: each quantity with its name, what it means, and where it is found.
 *
 * @module
 */

import { seenGap } from "../../lib/measures/cross_reward.ts";
import { curveScalars } from "../../lib/measures/curve_scalars.ts";
import { median } from "../../lib/measures/median.ts";
import { netGain } from "../../lib/measures/net_gain.ts";
import type { Evaluation, ListResult } from "../evaluate/evaluation.ts";
import { presentedOf } from "../report/guard_marks.ts";
import type { Run } from "../report/read_run.ts";
import { numberAt } from "../report/tree.ts";
import { evaluatedRewards, known, type RunDomain, type Step } from "./curve.ts";

/** What is known of a finished run. */
export interface Source {
  /** The run. */
  readonly run: Run;
  /** Its curve; at least two steps. */
  readonly curve: readonly Step[];
  /** Which rewards count as what. */
  readonly domain: RunDomain;
  /** What `attune evaluate` found on a list of prompts of which all were seen in training; `null`: it did not look at all runs. */
  readonly seen: ListResult | null;
  /** The same of one of which none was; `null`: there is none. */
  readonly unseen: ListResult | null;
}

/** Something that runs are compared by. */
export interface Quantity {
  /** Its name in files. */
  readonly key: string;
  /** Its name in tables. */
  readonly label: string;
  /** What it means, a sentence without its end. */
  readonly doc: string;
  /** The table that it stands in. */
  readonly table: TableName;
  /** Whether it is about the rewards that count as in domain, so that it says something only of runs with the same ones. */
  readonly isOfOwn?: boolean;
  /** Its value in a run; `null` where the run does not tell. */
  readonly of: (source: Source) => number | null;
}

/** The tables of a comparison, in order. */
export const TABLES = {
  outcome: "Gain and price at the end",
  unseen: "Prompts that were not trained on",
  rewards: "The gain in each reward at the end, in base standard deviations",
  path: "The way there",
  images: "The images against the base model’s",
  training: "The critic",
} as const;

/** The name of a table. */
export type TableName = keyof typeof TABLES;

/** All quantities, in the order of the tables. */
export const QUANTITIES: readonly Quantity[] = [
  {
    key: "in_domain",
    label: "in domain",
    doc: "the gain in the rewards that count as in domain, in base standard deviations",
    table: "outcome",
    isOfOwn: true,
    of: atEnd((seen, { own }) => gainOn(seen, own), ({ in_domain }) => in_domain),
  },
  {
    key: "out_of_domain",
    label: "out of domain",
    doc: "the mean gain in the rewards that count as out of domain, in base standard deviations",
    table: "outcome",
    of: atEnd((seen, { others }) => gainOn(seen, others), ({ out_of_domain }) => out_of_domain),
  },
  {
    key: "diversity",
    label: "diversity",
    doc: "the mean distance between images of one prompt, over the base model’s",
    table: "outcome",
    of: atEnd((seen) => known(seen.diversity_ratio?.within), ({ diversity }) => diversity),
  },
  {
    key: "net_gain",
    label: "net gain",
    doc:
      "in domain less 2 for each that the worst other reward lost, less 5 for each of the diversity lost beyond a tenth",
    table: "outcome",
    isOfOwn: true,
    of: netGainOf,
  },
  {
    key: "sqrt_kl",
    label: "√KL",
    doc: "the root of the divergence, in nats, of its trajectories from the base model’s, a mean over them",
    table: "outcome",
    of: (source) => endOf(source).sqrt_kl,
  },
  {
    key: "unseen_in_domain",
    label: "in domain",
    doc: "the gain on prompts that were not trained on",
    table: "unseen",
    isOfOwn: true,
    of: ({ unseen, domain }) => gainOn(unseen, domain.own),
  },
  {
    key: "unseen_out_of_domain",
    label: "out of domain",
    doc: "the mean gain in the other rewards there",
    table: "unseen",
    of: ({ unseen, domain }) => gainOn(unseen, domain.others),
  },
  {
    key: "unseen_diversity",
    label: "diversity",
    doc: "the diversity there, over the base model’s",
    table: "unseen",
    of: ({ unseen }) => known(unseen?.diversity_ratio?.within),
  },
  {
    key: "seen_gap",
    label: "gap",
    doc:
      "how much more was gained in domain on prompts that were trained on, in base standard deviations there",
    table: "unseen",
    isOfOwn: true,
    of: gapOf,
  },
  ...[0.5, 1, 2].map((level): Quantity => ({
    key: `matched_${level}`,
    label: `out of domain at ${level}`,
    doc: `the gain out of domain where that in domain first reaches ${level}, during training`,
    table: "path",
    isOfOwn: true,
    of: ({ curve }) => curveScalars(curve.map(pointOf), [level]).matched[0] ?? null,
  })),
  {
    key: "onset",
    label: "onset",
    doc: "the gain in domain where the smoothed gain out of domain is highest",
    table: "path",
    isOfOwn: true,
    of: ({ curve }) => curveScalars(curve.map(pointOf)).onset,
  },
  {
    key: "drop",
    label: "drop",
    doc: "how far the smoothed gain out of domain has fallen from its highest by the end",
    table: "path",
    of: ({ curve }) => curveScalars(curve.map(pointOf)).drop,
  },
  {
    key: "area",
    label: "area",
    doc: "the gain out of domain, integrated over that in domain",
    table: "path",
    isOfOwn: true,
    of: ({ curve }) => curveScalars(curve.map(pointOf)).area,
  },
  ...(["cmmd", "kid", "precision", "recall"] as const).map((name): Quantity => ({
    key: name,
    label: { cmmd: "CMMD", kid: "KID", precision: "precision", recall: "recall" }[name],
    doc: {
      cmmd: "how far the images are from the base model’s, at least 0",
      kid: "the same without bias, around 0 for one distribution",
      precision: "the share of the images that lie among the base model’s",
      recall: "the share of the base model’s images that lie among them",
    }[name],
    table: "images",
    of: ({ seen }) => known(seen?.fidelity?.[name]),
  })),
  {
    key: "recognition",
    label: "recognised",
    doc: "the share of images in which the judge finds their own prompt, less the base model’s",
    table: "images",
    of: ({ seen }) =>
      known(
        (seen?.adapted?.recognition?.accuracy ?? NaN) - (seen?.base.recognition?.accuracy ?? NaN),
      ),
  },
  {
    key: "explained",
    label: "explained",
    doc: "the part of the reward’s variance that the critic foresees, the median over epochs",
    table: "training",
    isOfOwn: true,
    of: ({ run }) => medianOf(run, "critic_explained_variance"),
  },
  {
    key: "dormant",
    label: "dormant",
    doc: "the share of the critic’s neurons that answer to nothing, the median over epochs",
    table: "training",
    of: ({ run }) => medianOf(run, "dormant_fraction", "total"),
  },
];

/** The gains in single rewards, as quantities of their own. */
export function rewardQuantities(names: readonly string[]): readonly Quantity[] {
  return names.map((name) => ({
    key: `reward_${name}`,
    label: name,
    doc: `the gain in ${name}, in base standard deviations`,
    table: "rewards",
    of: (source) => source.seen === null ? gainAtEnd(source, name) : gainOn(source.seen, [name]),
  }));
}

/** What `attune evaluate` found on prompts of training or, where it did not look, what training's own evaluation did. */
function atEnd(
  found: (seen: ListResult, domain: RunDomain) => number | null,
  trained: (end: Step) => number | null,
): Quantity["of"] {
  return (source) => source.seen === null ? trained(endOf(source)) : found(source.seen, source.domain);
}

/** The mean gain in some rewards on a list of prompts; `null` where one was not measured. */
function gainOn(list: ListResult | null, names: readonly string[]): number | null {
  return meanOf(names, (name) => list?.rewards[name]?.change?.in_base_std);
}

function netGainOf({ seen, domain }: Source): number | null {
  const inDomain = gainOn(seen, domain.own);
  const outOfDomain = domain.others.map((name) => gainOn(seen, [name]) ?? NaN);
  const diversityRatio = seen?.diversity_ratio?.within ?? NaN;
  return inDomain === null ? null : known(netGain({ inDomain, outOfDomain, diversityRatio }));
}

function gapOf({ seen, unseen, domain }: Source): number | null {
  return meanOf(domain.own, (name) => {
    const [here, there] = [seen?.rewards[name], unseen?.rewards[name]];
    return here?.change && there?.change
      ? seenGap(here.change, there.change, here.base.std)?.mean
      : undefined;
  });
}

/** The mean over some rewards; `null` where one is unknown. */
function meanOf(names: readonly string[], of: (name: string) => number | null | undefined): number | null {
  return known(names.reduce((sum, name) => sum + (of(name) ?? NaN), 0) / names.length);
}

/** The run at the evaluation of the checkpoint that stands for it: its last, or its best where the guard rolled it back. */
function endOf({ run, curve }: Source): Step {
  const epoch = presentedOf(run)?.epoch;
  return curve.find((step) => step.epoch === epoch) ?? curve.at(-1)!;
}

/** The gain in a reward at that evaluation. */
function gainAtEnd(source: Source, name: string): number | null {
  const { epoch } = endOf(source);
  const reward = evaluatedRewards(source.run).find((reward) => reward.name === name);
  return known(reward?.points.find((point) => point.epoch === epoch)?.gain);
}

function pointOf({ in_domain: inDomain, out_of_domain: outOfDomain }: Step) {
  return { inDomain, outOfDomain };
}

function medianOf({ lines }: Run, ...path: readonly string[]): number | null {
  return known(median(lines.flatMap((line) => numberAt(line, ...path) ?? [])));
}

/** The list of an evaluation of which every prompt, or none, was trained on. */
export function listOf(evaluation: Evaluation | null, isSeen: boolean): ListResult | null {
  return evaluation?.lists.find(({ prompts, seen_in_training }) =>
    seen_in_training === (isSeen ? prompts.length : 0)
  ) ?? null;
}
