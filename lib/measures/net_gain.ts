/**
 * One number for what a training brought.
 * @module
 */

/** What a training brought and what it cost. */
export interface GainAndCost {
  /** The gain in the trained reward, in base standard deviations. */
  readonly inDomain: number;
  /** The gains in the watched rewards, in base standard deviations; the worst one counts. */
  readonly outOfDomain: readonly number[];
  /** The diversity within prompts over the base model's. */
  readonly diversityRatio: number;
}

/**
 * The net gain `z_in - 2 max(0, -min z_out) - 5 max(0, 0.9 - d)`: a gain, less twice what the worst watched reward lost,
 * less half a standard deviation for each tenth of the diversity `d` lost beyond the first.
 *
 * The weights 2, 5 and 0.9 are this project's convention: compare net gains with each other only.
 */
export function netGain({ inDomain, outOfDomain, diversityRatio }: GainAndCost): number {
  const loss = Math.max(0, -Math.min(...outOfDomain));
  return inDomain - 2 * loss - 5 * Math.max(0, 0.9 - diversityRatio);
}
