/**
 * Following a run on the screen while it works, and ending work that nobody waits for any more.
 *
 * @module
 */

import type { Context, Progress } from "../../lib/stages/context.ts";
import type { Viewing } from "./epochs.ts";
import type { Run } from "./run.ts";
import { throwIfStopped } from "./until.ts";

/** How an epoch's time is spent, about: from where to where each stage goes, and where looking at the policy begins. */
const PARTS: Readonly<Record<Progress["stage"], readonly [number, number]>> = {
  sample: [0, 0.4],
  score: [0.4, 0.42],
  update: [0.42, 0.88],
};
const LOOK = 0.88;

/**
 * The surroundings of a run that move the bar as they are used.
 *
 * @param epoch Tells how many epochs are complete.
 */
export function follow(
  { ctx, viewing, screen, stop }: Run,
  epoch: () => number,
): { readonly ctx: Context; readonly viewing: Viewing } {
  const { num_epochs } = ctx.options;
  const move = (stage: string, part: number) => {
    throwIfStopped(stop);
    screen.progress((epoch() + part) / num_epochs, `epoch ${epoch() + 1}/${num_epochs}  ${stage}`);
  };
  return {
    ctx: {
      ...ctx,
      onProgress: ({ stage, done, total }) => {
        const [from, to] = PARTS[stage];
        move(stage, from + (to - from) * done / total);
      },
    },
    viewing: {
      ...viewing,
      onLook: (looked) => looked === 0 ? screen.progress(0, "base model") : move("look", LOOK),
    },
  };
}
