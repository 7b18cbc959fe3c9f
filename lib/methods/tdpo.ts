/**
 * TDPO: temporal diffusion policy optimisation, TDPO-R without resets.
 * @module
 */

import type { Method } from "../stages/method.ts";
import { tdpoR } from "./tdpo_r.ts";

const DEFAULTS = { "reset.mode": "none" };

/** TDPO. */
export const tdpo: Method = {
  ...tdpoR,
  name: "tdpo",
  title: "Temporal diffusion policy optimisation",
  defaults: { fixed: DEFAULTS, official: DEFAULTS },
  check: ({ reset }) => {
    if (reset.mode === "none") return;
    throw new RangeError(
      `Cannot train by tdpo as it resets no neurons: reset.mode ${reset.mode}; with method tdpo-r it does`,
    );
  },
};
