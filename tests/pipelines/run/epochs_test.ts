import { assertEquals, assertNotEquals } from "@std/assert";
import { methodOf } from "../../../lib/methods/mod.ts";
import { moments } from "../../../lib/core/moments.ts";
import { type F32, tensor } from "../../../lib/core/tensor.ts";
import { prepare } from "../../../lib/stages/context.ts";
import { neuronContributions } from "../../../lib/stages/neuron_contributions.ts";
import type { Options } from "../../../lib/stages/options.ts";
import { initialState } from "../../../lib/stages/state.ts";
import { epochs, type Viewing } from "../../../pipelines/run/epochs.ts";
import { drawGallery } from "../../../pipelines/run/evaluation.ts";
import { toyOptions, toySetup } from "../../stages/toy.ts";

Deno.test("epochs: the policy is judged and kept as it was before a reset", async () => {
  const options: Options = {
    ...toyOptions,
    num_epochs: 1,
    reset: { ...toyOptions.reset, of: "policy", mode: "all", frequency: 1 },
  };
  const ctx = await prepare(toySetup(options, {}, methodOf("ddpo")));
  const gallery = { conditioning: ctx.conditioning, seeds: 1 };
  const viewing: Viewing = {
    evaluation: null,
    grid: { gallery, every: 1 },
    judge: {
      images: ({ shape }) => Promise.resolve(tensor([shape[0]!, 1], new Float32Array(shape[0]!).fill(1))),
    },
    base: null,
  };
  const [, first] = await Array.fromAsync(epochs(ctx, viewing, initialState(ctx)));
  const { state, shown, metrics } = first!;
  const contributed = (policy: F32) =>
    neuronContributions(policy, ctx.layouts.policy, ctx.models.policy.neurons)[0]!.every((a) => a > 0);
  assertEquals([contributed(shown), contributed(state.policy.params)], [true, false]);
  const divergence = async (policy: F32) => moments((await drawGallery(ctx, policy, gallery)).klToBase!).mean;
  assertEquals(metrics.kl_to_base, await divergence(shown));
  assertNotEquals(metrics.kl_to_base, await divergence(state.policy.params));
});
