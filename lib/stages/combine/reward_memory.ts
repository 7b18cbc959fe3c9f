/**
 * What a run remembers of several training rewards.
 * @module
 */

import type { PromptStatistics } from "../prompt_statistics.ts";
import type { PerConstraint } from "./lagrangian.ts";
import type { RunningMoments } from "./running_moments.ts";

/** What a run remembers of its training rewards where there are several; by their names. */
export interface RewardMemory {
  /** Moments of all scores so far. */
  readonly moments: Readonly<Record<string, RunningMoments>>;
  /** The latest scores of each prompt. */
  readonly promptStatistics: Readonly<Record<string, PromptStatistics>>;
  /** The means that constrained rewards have to keep. */
  readonly levels: PerConstraint;
  /** What a standard deviation below the level costs, in those of the first reward. */
  readonly multipliers: PerConstraint;
}

/** The memory of a run that has seen no scores, or has one training reward. */
export const emptyMemory: RewardMemory = { moments: {}, promptStatistics: {}, levels: {}, multipliers: {} };
