/**
 * A run as a curve: at each evaluation what it had cost, and what it had brought.
 *
 * @module
 */

import { firstAt } from "../../lib/measures/path.ts";
import { meanGains, measureEvaluations, type RewardHistory } from "../report/measure.ts";
import { epochOf, type Run } from "../report/read_run.ts";
import { at, numberAt, type Tree } from "../report/tree.ts";
import { evaluationsOf } from "./unet_evaluations.ts";

/** A run at an evaluation. What a run does not tell is `null`. */
export interface Step {
  /** Epochs trained. */
  readonly epoch: number;
  /** Images that the training reward judged in order to train. */
  readonly reward_queries: number | null;
  /** Evaluations of the UNet in order to train, see {@linkcode evaluationsOf}. */
  readonly unet_evaluations: number | null;
  /** Seconds of training. */
  readonly seconds: number;
  /** The root of the divergence from the base model, on a line between the epochs that measure it. */
  readonly sqrt_kl: number | null;
  /** Mean gain of the rewards that count as in domain, in base standard deviations. */
  readonly in_domain: number;
  /** Mean gain of those that count as out of domain. */
  readonly out_of_domain: number;
  /** The diversity within prompts over the base model's. */
  readonly diversity: number | null;
}

/** Which rewards of a run count as what. */
export interface RunDomain {
  /** In domain. */
  readonly own: readonly string[];
  /** Out of domain. */
  readonly others: readonly string[];
}

/** The rewards that a run's evaluations measured and that differ between the base model's images. */
export function evaluatedRewards(run: Run): readonly RewardHistory[] {
  return measureEvaluations(run).rewards
    .filter(({ points }) => points.every(({ gain }) => Number.isFinite(gain)));
}

/** The curve of a run, in the order of its epochs; empty where its evaluations lack a reward. */
export function curveOf(run: Run, { own, others }: RunDomain): readonly Step[] {
  const rewards = evaluatedRewards(run);
  const gainsOf = (names: readonly string[]) => {
    const found = rewards.filter(({ name }) => names.includes(name));
    return found.length === names.length ? meanGains(found) : [];
  };
  const price = new Map(gainsOf(others).map(({ epoch, gain }) => [epoch, gain]));
  const lines = new Map(run.lines.map((line) => [epochOf(line), line]));
  const roots = run.lines.flatMap((line) => {
    // That of the images that are scored, where it is known.
    const kl = numberAt(line, "evaluation", "kl_to_base") ?? numberAt(line, "kl_to_base");
    return kl === undefined ? [] : [[epochOf(line), Math.sqrt(Math.max(kl, 0))] as const];
  });
  const within = (line: Tree) => numberAt(line, "evaluation", "diversity", "within") ?? NaN;
  const first = gainsOf(own)[0];
  const cost = evaluationsOf(run.config);
  return gainsOf(own).flatMap(({ epoch, gain }) => {
    const line = lines.get(epoch)!, other = price.get(epoch);
    if (other === undefined) return [];
    return [{
      epoch,
      reward_queries: numberAt(line, "reward_queries") ?? null,
      unet_evaluations: cost(line),
      seconds: secondsUpTo(run, epoch),
      sqrt_kl: firstAt(roots, epoch),
      in_domain: gain,
      out_of_domain: other,
      diversity: known(within(line) / within(lines.get(first!.epoch)!)),
    }];
  });
}

/** Looking at the policy is no part of training it. */
function secondsUpTo({ lines }: Run, epoch: number): number {
  return lines.filter((line) => epochOf(line) <= epoch).reduce((sum, line) => {
    const { evaluate: _, ...stages } = (at(line, "seconds") ?? {}) as Readonly<Record<string, number>>;
    return Object.values(stages).reduce((total, each) => total + each, sum);
  }, 0);
}

/** A number, or `null` where it is none. */
export function known(x: number | null | undefined): number | null {
  return typeof x === "number" && Number.isFinite(x) ? x : null;
}
