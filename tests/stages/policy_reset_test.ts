import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { methodOf } from "../../lib/methods/mod.ts";
import mini from "../../models/mini/unet/config.json" with { type: "json" };
import { parseLoraConfig } from "../../lib/models/lora.ts";
import { declareUNetLora } from "../../lib/models/unet_2d_condition.ts";
import { parseUNetConfig } from "../../lib/models/unet_config.ts";
import { loraNeurons } from "../../lib/nn/lora.ts";
import { flatLayout, segmentOf } from "../../lib/optim/flat.ts";
import { type Context, prepare } from "../../lib/stages/context.ts";
import { neuronContributions } from "../../lib/stages/neuron_contributions.ts";
import type { Options, ResetOptions } from "../../lib/stages/options.ts";
import type { State, Updated } from "../../lib/stages/records.ts";
import { reset } from "../../lib/stages/reset.ts";
import { type Epoch, train } from "../../lib/stages/train.ts";
import { packState, unpackState } from "../../pipelines/run/state_file.ts";
import { assertClose } from "../assert_close.ts";
import { toyOptions, toySetup } from "./toy.ts";

const optionsWith = (changes: Partial<ResetOptions>): Options => ({
  ...toyOptions,
  train: { ...toyOptions.train, ema_decay: 0.5 },
  reset: { ...toyOptions.reset, of: "policy", frequency: 1, ...changes },
});

Deno.test("loraNeurons: each adapter of a UNet has as many as its rank", () => {
  const unet = parseUNetConfig(mini);
  const specs = declareUNetLora(unet, parseLoraConfig({ rank: 3 }));
  const layers = loraNeurons(specs);
  const shapeOf = (name: string) => specs.find((spec) => spec.name === name)!.shape;
  assertEquals(2 * layers.length, specs.length);
  for (const { incoming, bias, outgoing } of layers) {
    assertEquals([shapeOf(incoming)[0], bias, shapeOf(outgoing)[1]], [3, null, 3]);
    assertEquals(incoming.replace("lora_A", "lora_B"), outgoing);
  }
});

Deno.test("neuronContributions: the norms of the components that an adapter is the sum of", () => {
  const layout = flatLayout([
    { name: "a", shape: [2, 3], init: { kind: "constant", value: 0 } },
    { name: "b", shape: [2, 2], init: { kind: "constant", value: 0 } },
  ]);
  const params = new Float32Array(layout.length);
  params.set([1, 2, 2, 0, 3, 4], segmentOf(layout, "a").start);
  params.set([3, 0, 4, 0], segmentOf(layout, "b").start);
  const found = neuronContributions(params, layout, [{ incoming: "a", bias: null, outgoing: "b" }]);
  assertEquals(found.map((each) => [...each]), [[3 * 5, 0]]);
});

// Of the toy's ten, the third and the fifth contribute nothing.
const DORMANT = [2, 4];
const ALL = Array.from({ length: 10 }, (_, neuron) => neuron);
const ACTIVE = ALL.filter((neuron) => !DORMANT.includes(neuron));

for (const name of ["tdpo-r", "ddpo"]) {
  for (
    const [what, changes, expected] of [
      ["none", { mode: "none" }, []],
      ["dormant", { mode: "dormant" }, DORMANT],
      ["active", { mode: "active" }, ACTIVE],
      ["all", { mode: "all" }, ALL],
      ["all up to a threshold that all are below", { mode: "dormant", tau: 10 }, ALL],
      ["active, counted on", { mode: "active", optimizer_step: "keep" }, ACTIVE],
      ["active, with random outgoing weights", { mode: "active", outgoing: "random" }, ACTIVE],
      ["none before its time", { mode: "all", frequency: 2 }, []],
    ] as readonly (readonly [string, Partial<ResetOptions>, readonly number[]])[]
  ) {
    Deno.test(`reset of ${name}'s policy: ${what}`, async () => {
      const ctx = await prepare(toySetup(optionsWith(changes), {}, methodOf(name)));
      const updated = await withDormant(ctx);
      const { state: before } = updated;
      const { state: after, neurons } = await reset(updated, ctx);
      assertEquals(neurons!.reset, expected.length);
      assertEquals(neurons!.dormant !== null, name === "tdpo-r");
      assertEquals({ ...after, policy: 0, ema: 0 }, { ...before, policy: 0, ema: 0 });

      for (const neuron of ALL) {
        const ofNeuron = ({ policy: { params, m, v, since }, ema }: State) =>
          [params, m, v, since!, ema!].map((flat) => placesOf(neuron, ctx).map((place) => flat[place]!));
        const [params, m, v, since, ema] = ofNeuron(after);
        if (!expected.includes(neuron)) {
          assertEquals(ofNeuron(after), ofNeuron(before), `neuron ${neuron}`);
          continue;
        }
        const [incoming, bias, outgoing] = [params!.slice(0, 6), params![6], params!.slice(7)];
        assert(incoming.every((x, i) => x !== ofNeuron(before)[0]![i] && Math.abs(x) < 4 * 6 ** -0.5));
        assertEquals(bias, 0);
        assertEquals(outgoing.every((x) => x === 0), changes.outgoing !== "random");
        assertEquals([m, v], [m!.map(() => 0), v!.map(() => 0)]);
        const counted = changes.optimizer_step === "keep" ? 0 : before.policy.step;
        assertEquals(since, since!.map(() => counted));
        assertEquals(ema, params, "the running mean begins anew");
      }
    });
  }
}

Deno.test("reset of the policy: a share of its components, others each time, from a saved state too", async () => {
  const options = { ...optionsWith({ mode: "all", share: 0.3 }), num_epochs: 3 };
  const open = () => prepare(toySetup(options, {}, methodOf("ddpo")));
  const ctx = await open();
  const epochs = await all(train(ctx));
  assertEquals(epochs.map(({ metrics }) => [metrics.neurons_reset, metrics.dormant_fraction]), [
    [3, undefined],
    [3, undefined],
    [3, undefined],
  ]);
  const [first, second] = epochs.map(({ state, updated }) => {
    const [now, before] = [state.policy.params, updated.state.policy.params];
    return ALL.filter((neuron) => placesOf(neuron, ctx).some((place) => now[place] !== before[place]));
  });
  assertEquals([first!.length, second!.length], [3, 3]);
  assertNotEquals(first, second);
  const saved = unpackState(packState(epochs[0]!.state, ctx.layouts), ctx.layouts);
  assertEquals(saved, epochs[0]!.state);
  const again = await all(train(await open(), saved));
  assertEquals(again.map(({ state }) => state), epochs.slice(1).map(({ state }) => state));
});

Deno.test("a policy that may be reset learns as any other until it is", async () => {
  const state = async (changes: Partial<ResetOptions>) =>
    (await all(train(await prepare(toySetup(optionsWith({ mode: "none", ...changes }))))))[1]!.state;
  const [may, never] = [await state({}), await state({ of: "critic" })];
  assertEquals([may.policy.since !== null, never.policy.since], [true, null]);
  assertClose(may.policy.params, never.policy.params, 1e-4, "policy");
});

/** The first epoch, after which {@linkcode DORMANT} contribute nothing, before its reset. */
async function withDormant(ctx: Context): Promise<Updated> {
  const { value: epoch } = await train(ctx).next();
  const { updated } = epoch as Epoch;
  const { policy } = updated.state;
  const params = Float32Array.from(policy.params as ArrayLike<number>);
  DORMANT.flatMap((neuron) => placesOf(neuron, ctx).slice(7)).forEach((place) => params[place] = 0);
  return { ...updated, state: { ...updated.state, policy: { ...policy, params } } };
}

/** Where a neuron of the toy's policy lies: six incoming weights, a bias, six outgoing weights. */
function placesOf(neuron: number, { layouts: { policy } }: Context): number[] {
  const [w1, b1, w2] = ["w1", "b1", "w2"].map((name) => segmentOf(policy, name).start);
  const six = Array.from({ length: 6 }, (_, i) => i);
  return [...six.map((i) => w1! + 6 * neuron + i), b1! + neuron, ...six.map((o) => w2! + 10 * o + neuron)];
}

async function all(epochs: AsyncIterable<Epoch>): Promise<Epoch[]> {
  const list: Epoch[] = [];
  for await (const epoch of epochs) list.push(epoch);
  return list;
}
