import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { criticFigures } from "../../../pipelines/report/critic_figures.ts";
import type { Figure } from "../../../pipelines/report/figure.ts";
import { lawFigure } from "../../../pipelines/report/law_figure.ts";
import { markup } from "../../../pipelines/report/markup.ts";
import { measureRun } from "../../../pipelines/report/measure.ts";
import { updateFigures } from "../../../pipelines/report/policy_figures.ts";
import type { Run } from "../../../pipelines/report/read_run.ts";
import { seenFigure } from "../../../pipelines/report/seen_figure.ts";
import type { Tree } from "../../../pipelines/report/tree.ts";

function runOf(lines: readonly Tree[]): Run {
  const config = { rewards: { train: "brightness", evaluate: ["gold"] } };
  return { folder: "", name: "", lines, config, manifest: {}, images: [], checkpoints: [], gaps: [] };
}

/** A run whose gold reward, of deviation 2, is at these distances `d (α - β ln d)` base deviations up. */
function lawful(alpha: number, beta: number, distances: readonly number[]): Run {
  return runOf(distances.map((d, epoch) => {
    const gain = d === 0 ? 0 : d * (alpha - beta * Math.log(d));
    const reward = (change: number) => ({ mean: change, std: 2, change, change_error: 0.1 });
    return {
      epoch,
      evaluation: {
        images: 9,
        rewards: { brightness: reward(2 * d), gold: reward(2 * gain) },
        kl_to_base: d * d,
      },
    };
  }));
}

const textOf = (figure: Figure | undefined) =>
  markup`${figure!.note}`.text.replaceAll(/<[^>]*>/g, "").replaceAll(/\s+/g, " ");
const lawOf = (run: Run) => textOf(lawFigure(run, measureRun(run))[0]);

Deno.test("the law of distance is told with its optimum and where the run stands", () => {
  const exact =
    /^.* fits gold best: α = 1\.2 ± \S+, β = 0\.4 ± \S+\. It is highest at d = 7\.39 ± \S+, and the run/;
  for (const [end, side] of [[9, "past it."], [5, "before it."]] as const) {
    const text = lawOf(lawful(1.2, 0.4, [0, 1, 3.3, end]));
    assert(exact.test(text), text);
    assertStringIncludes(text, `the run stands at ${end}, ${side}`);
  }
  assertStringIncludes(
    lawOf(lawful(1.2, 0.4, [0, 3, 9])),
    "α = 1.2, β = 0.4. It is highest at d = 7.39, and the run stands at 9, before it or past it: the fit cannot tell.",
  );
  assertStringIncludes(lawOf(lawful(0.5, -0.1, [0, 2, 4])), "β = −0.1. It does not turn down.");
  assert(/α = 0\.5\d* ± [\d.e−]+, β/.test(lawOf(lawful(0.5, 0.1, [0, 2, 4, 6.5]))));
  assertStringIncludes(lawOf(lawful(1, 1, [0, 2])), "It takes two evaluations after the base");
  const alone = lawful(1, 1, [0]);
  assertEquals(lawFigure(alone, measureRun(alone)), []);
});

Deno.test("a gap between seen and unseen prompts is told with its error, and whether it is noise", () => {
  const lines = (gap: number): readonly Tree[] => {
    const reward = (change: number | null) => ({ brightness: { mean: 1, std: 4, change } });
    const base = { rewards: reward(null), unseen: { rewards: reward(null) }, seen_gap: null };
    const seen_gap = { mean: gap, standard_error: 0.1 };
    const last = { rewards: reward(2), unseen: { rewards: reward(1) }, seen_gap };
    return [{ epoch: 0, evaluation: base }, { epoch: 5, evaluation: last }];
  };
  const [clear] = seenFigure(runOf(lines(0.5)));
  assertStringIncludes(textOf(clear), "Seen ones gained +0.50 ± 0.1 more.");
  assertStringIncludes(
    clear!.drawing!.text,
    "seen: 0 at epoch 0, +0.50 at epoch 5. unseen: 0 at epoch 0, +0.25",
  );
  assertStringIncludes(textOf(seenFigure(runOf(lines(0.2)))[0]), "more, which may be noise.");
  assertEquals(seenFigure(lawful(1, 1, [0, 2])), []);
});

Deno.test("the signal of a whole run is that of all its gradients", () => {
  const noise = (epoch: number, variance: number, signal_share: number) => ({
    epoch,
    gradient_noise: { variance, signal_share, variance_by_step: [null, variance], signal_share_by_step: [] },
    dormant_overlap: epoch / 4,
    dormant_by_tau: { 0: { total: 0.1 }, 0.1: { total: 0.2 } },
  });
  const run = runOf([noise(1, 3, 0.25), noise(2, 6, 0)]);
  const figures = updateFigures(run);
  const signal = figures.find(({ title }) => title.startsWith("Signal"));
  assertStringIncludes(textOf(signal), "Over the whole run 10 %.");
  const steps = figures.find(({ title }) => title.startsWith("Noise"));
  assertStringIncludes(steps!.drawing!.text, "epoch 1: 3 at step 2. epoch 2: 6 at step 2.");
  const dormant = criticFigures(run).find(({ title }) => title.startsWith("Dormant"));
  assertStringIncludes(textOf(dormant), "An epoch’s training leaves 37.5 % of the dormant as they were.");
  assertStringIncludes(textOf(dormant), "Dormant at the end: 10 % by τ = 0 and 20 % by τ = 0.1.");
  assertEquals(criticFigures(run).some(({ title }) => title.startsWith("Whether")), false);
});

Deno.test("the guard's end is marked where epochs are across, and not among denoising steps", () => {
  const line = (epoch: number) => ({
    epoch,
    gradient_noise: { variance: 1, signal_share: 0.5, variance_by_step: [1, 2], signal_share_by_step: [] },
  });
  const ending = { action: "stop", verdicts: [{ kind: "kl", since: 9, message: "" }], best: null };
  const figures = updateFigures(runOf([line(1), { ...line(9), guard: ending }]));
  const isMarked = (start: string) =>
    figures.find(({ title }) => title.startsWith(start))!.drawing!.text.includes("guard");
  assertEquals([isMarked("Signal"), isMarked("Noise")], [true, false]);
});

Deno.test("resets of the critic's neurons are marked where its dormant ones are shown, those of the policy are not", () => {
  const lines = [0, 1, 2].map((epoch) => ({
    epoch,
    dormant_fraction: { total: 0.1, layers: [0.1] },
    neurons_reset: epoch === 1 ? 8 : 0,
  }));
  const noteOf = (of: string) => {
    const run = { ...runOf(lines), config: { reset: { of } } };
    return textOf(criticFigures(run).find(({ title }) => title === "Dormant neurons of the critic"));
  };
  assertStringIncludes(noteOf("critic"), "Dotted: 1 reset.");
  assertStringIncludes(noteOf("policy"), "there was none");
});
