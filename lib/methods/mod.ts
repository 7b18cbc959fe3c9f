/**
 * The methods by the names that configurations have for them.
 *
 * A method of your own is a record like these: it takes the stages of another and swaps some.
 * @module
 */

import type { Method } from "../stages/method.ts";
import { alignprop } from "./alignprop.ts";
import { ddpo, ddpoSf } from "./ddpo.ts";
import { dpok } from "./dpok.ts";
import { draft, draftLv } from "./draft.ts";
import { grpo } from "./grpo.ts";
import { refl } from "./refl.ts";
import { rwr } from "./rwr.ts";
import { tdpo } from "./tdpo.ts";
import { tdpoR } from "./tdpo_r.ts";

export { alignprop, ddpo, ddpoSf, dpok, draft, draftLv, grpo, refl, rwr, tdpo, tdpoR };

/** All methods; the first is the default. */
export const methods: readonly Method[] = [
  ...[tdpoR, tdpo, ddpo, ddpoSf, dpok, grpo, rwr],
  ...[alignprop, draft, draftLv, refl],
];

/** The names of all methods. */
export const methodNames: readonly string[] = methods.map(({ name }) => name);

/**
 * The method of a name.
 *
 * @throws {RangeError} If there is none.
 */
export function methodOf(name: string): Method {
  const found = methods.find((method) => method.name === name);
  if (found !== undefined) return found;
  throw new RangeError(
    `Cannot train as there is no such method: ${name}; there are ${methodNames.join(", ")}`,
  );
}
