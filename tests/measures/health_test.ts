/**
 * The golden measures of `tests/golden/health.py`.
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { tensor } from "../../lib/core/tensor.ts";
import { effectiveRank } from "../../lib/measures/effective_rank.ts";
import { gradientNoise } from "../../lib/measures/gradient_noise.ts";
import { fitKlLaw, gainAt } from "../../lib/measures/kl_law.ts";
import { clipScores } from "../../lib/measures/prompt_alignment.ts";
import { assertClose } from "../assert_close.ts";
import { goldenRecord, goldenTensors } from "../golden_files.ts";
import { TOL } from "./goldens.ts";

interface Goldens {
  readonly kl_laws: readonly {
    readonly points: readonly (readonly [number, number])[];
    readonly coefficients: readonly [number, number];
    readonly errors: readonly [number, number] | null;
    readonly optimum: { readonly value: number; readonly gain: number; readonly error: number | null } | null;
  }[];
  readonly gradient_noise: {
    readonly gradients: readonly (readonly (readonly number[])[])[];
    readonly variance: number;
    readonly signal_share: number;
  };
  readonly effective_rank: Readonly<Record<string, number>>;
  readonly alignment: { readonly targets: readonly number[]; readonly scores: readonly number[] };
}

const goldens = await goldenRecord<Goldens>("health");
const tensors = await goldenTensors("health");

Deno.test("the law of distance is scipy's fit, its errors and its optimum's", () => {
  goldens.kl_laws.forEach(({ points, coefficients, errors, optimum }, i) => {
    const law = fitKlLaw(points.map(([distance, gain]) => ({ distance, gain })))!;
    assertClose([law.alpha.value, law.beta.value], coefficients, TOL, `coefficients ${i}`);
    const found = [law.alpha.standard_error, law.beta.standard_error];
    assertEquals(found.includes(null), errors === null);
    if (errors !== null) assertClose(found as number[], errors, TOL, `errors ${i}`);
    assertEquals(law.optimum === null, optimum === null);
    if (law.optimum === null || optimum === null) return;
    assertClose([law.optimum.value, law.optimum.gain], [optimum.value, optimum.gain], TOL, `optimum ${i}`);
    assertClose([gainAt(law, law.optimum.value)], [law.optimum.gain], 1e-12, `gain at the optimum ${i}`);
    assertEquals(law.optimum.standard_error === null, optimum.error === null);
    if (optimum.error !== null) {
      assertClose([law.optimum.standard_error!], [optimum.error], TOL, `error of the optimum ${i}`);
    }
  });
});

Deno.test("one distance tells no law, and the base model none at all", () => {
  assertEquals(
    fitKlLaw([{ distance: 0, gain: 0 }, { distance: 2, gain: 1 }, { distance: 2, gain: 2 }]),
    null,
  );
  assertEquals(
    gainAt({ alpha: { value: 1, standard_error: 0 }, beta: { value: 1, standard_error: 0 } }, 0),
    0,
  );
});

Deno.test("the noise of a gradient is the trace of its covariance, told from norms alone", () => {
  const { gradients, variance, signal_share } = goldens.gradient_noise;
  const square = (x: readonly number[]) => x.reduce((sum, v) => sum + v * v, 0);
  const steps = gradients.map((micro) => {
    const mean = micro[0]!.map((_, i) => micro.reduce((sum, g) => sum + g[i]! / micro.length, 0));
    const meanSquaredNorm = micro.reduce((sum, g) => sum + square(g) / micro.length, 0);
    return { squaredNorm: square(mean), meanSquaredNorm, microBatches: micro.length };
  });
  const found = gradientNoise(steps)!;
  assertClose([found.variance, found.signal_share], [variance, signal_share], 1e-9, "noise");
  // One micro-batch tells nothing, and takes nothing away from those that do.
  const lone = { squaredNorm: 9, meanSquaredNorm: 9, microBatches: 1 };
  assertEquals(gradientNoise([...steps, lone]), found);
  assertEquals(gradientNoise([lone]), null);
});

Deno.test("effective ranks are those of numpy's singular values", () => {
  for (const [name, rank] of Object.entries(goldens.effective_rank)) {
    assertClose([effectiveRank(tensors[`features.${name}`]!)], [rank], TOL, name);
  }
  assertEquals(effectiveRank(tensor([2, 3], new Float32Array(6))), 0);
});

Deno.test("CLIP scores are torch's cosines as torchmetrics scales them", () => {
  const { targets, scores } = goldens.alignment;
  assert(scores.includes(0) && scores.some((score) => score > 0));
  assertClose(clipScores(tensors.images!, tensors.texts!, targets), scores, TOL, "scores");
});
