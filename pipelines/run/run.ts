/**
 * What a run is while it runs.
 *
 * @module
 */

import type { Config } from "../config/mod.ts";
import type { Context } from "../../lib/stages/context.ts";
import type { State } from "../../lib/stages/records.ts";
import type { Viewing } from "./epochs.ts";
import type { Origin } from "./origin.ts";
import type { RunFolder } from "./run_folder.ts";
import type { Screen } from "./screen.ts";

/** A run with all that it needs. */
export interface Run {
  /** The stages' surroundings. */
  readonly ctx: Context;
  /** What to look at beside training. */
  readonly viewing: Viewing;
  /** The state to go on from. */
  readonly start: State;
  /** Where everything goes. */
  readonly folder: RunFolder;
  /** The model's name or folder. */
  readonly base: string;
  /** The text of the UNet's configuration where all of its weights are trained; `null`: adapters are. */
  readonly unetConfig: string | null;
  /** What checkpoints belong to. */
  readonly origin: Origin;
  /** Epochs from one checkpoint to the next. */
  readonly saveEvery: number;
  /** What ends it before its time. */
  readonly guard: Config["guard"];
  /** Where progress is shown. */
  readonly screen: Screen;
  /** Tells to stop. */
  readonly stop: AbortSignal;
  /** Seconds since 1970. */
  readonly now: () => number;
}
