import { assertEquals } from "@std/assert";
import { flatMetrics } from "../../../pipelines/run/metrics_file.ts";

Deno.test("TensorBoard has a curve for each denoising step, and none for what is not known", () => {
  const logged = {
    critic_explained_variance_by_step: [0.5, -1],
    gradient_noise: { variance: 2, signal_share: 0.1, variance_by_step: [null, 3] },
    dormant_by_tau: { 0: { layers: [0.2], total: 0.2 } },
    dormant_overlap: null,
    diversity: { within: NaN },
  };
  assertEquals(flatMetrics(logged), {
    "critic_explained_variance_by_step/0": 0.5,
    "critic_explained_variance_by_step/1": -1,
    "gradient_noise/variance": 2,
    "gradient_noise/signal_share": 0.1,
    "gradient_noise/variance_by_step/1": 3,
    "dormant_by_tau/0/layers/0": 0.2,
    "dormant_by_tau/0/total": 0.2,
  });
});
