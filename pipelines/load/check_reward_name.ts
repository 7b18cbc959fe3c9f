/**
 * The names that a configuration may call rewards by.
 *
 * @module
 */

import { rewardCatalogue } from "../../lib/rewards/catalogue.ts";
import { hint } from "../nearest.ts";
import { isPath } from "../paths.ts";
import { UsageError } from "../usage_error.ts";

/**
 * Checks that there is such a reward; a file is looked at when it is loaded.
 *
 * @throws {UsageError} If not, with the name that may be meant.
 */
export function checkRewardName(name: string): void {
  if (isPath(name) || Object.hasOwn(rewardCatalogue, name)) return;
  const names = Object.keys(rewardCatalogue);
  const ways = hint(name, names) || `; there are ${names.join(", ")}`;
  throw new UsageError(`Cannot use rewards as there is no such reward: ${name}${ways}`);
}
