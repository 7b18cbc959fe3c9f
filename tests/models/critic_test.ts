import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { key, normals } from "../../lib/core/random.ts";
import { type FloatTensor, full, tensor, words } from "../../lib/core/tensor.ts";
import {
  add,
  clamp,
  grad,
  input,
  interpreter,
  max,
  mean,
  mul,
  square,
  sub,
  sum,
  type Value,
} from "../../lib/engine/mod.ts";
import {
  critic,
  type CriticConfig,
  criticLayers,
  declareCritic,
  parseCriticConfig,
} from "../../lib/models/mod.ts";
import { bindParams, initParams } from "../../lib/nn/scope.ts";
import { assertClose, checkGolden, readGolden, run, runtimes, withPrefix } from "./golden.ts";

/** The golden files name the layers as the published aesthetic head does. */
const GOLDEN_NAMES = ["layers.0", "layers.2", "layers.4", "layers.6", "layers.7"];

for (const { name: where, runtime } of runtimes) {
  for (const [variant, activation] of [["official", "none"], ["fixed", "relu"]] as const) {
    Deno.test(`the ${variant} critic computes what PyTorch does, on the ${where}`, async () => {
      const config = parseCriticConfig({ embedding_dim: 24, hidden: [32, 16, 8, 4], activation });
      const file = withPrefix(await readGolden("critic"), `${variant}.`);
      const embeddings = file.embeddings!;
      const hidden = [0, 1, 2, 3].map((i) => `hidden.${i}`);
      await checkGolden(runtime, {
        inputs: { embeddings, old: file.old_residuals!, returns: file.returns! },
        params: [{ specs: declareCritic(config), values: ownNames(withPrefix(file, "weight.")) }],
        build: ([scope], { embeddings, old, returns }) => {
          const result = critic(scope!, config, { embedding: embeddings! });
          const held = add(old!, clamp(sub(result.residual, old!), -0.2, 0.2));
          const worse = max(square(sub(result.residual, returns!)), square(sub(held, returns!)));
          const loss = mul(mean(worse), 0.5);
          return {
            outputs: {
              residuals: result.residual,
              loss,
              ...Object.fromEntries(hidden.map((name, i) => [name, result.hidden[i]!])),
            },
            losses: { grad: loss },
          };
        },
        outputs: Object.fromEntries(["residuals", "loss", ...hidden].map((name) => [name, file[name]!])),
        gradients: prefixed("grad.", ownNames(withPrefix(file, "grad."))),
      });
    });
  }
}

Deno.test("dropout keeps the mean, and the same key drops the same", async () => {
  const config = parseCriticConfig({ embedding_dim: 4, hidden: [4096, 4], dropout: [0.25, 0] });
  const params = Object.fromEntries(
    declareCritic(config).map(({ name, shape }) => [name, full(shape, name.endsWith("weight") ? 1 : 0)]),
  );
  const data = { embedding: full([2, 4], 1), a: words([2], [1, 2]), b: words([2], [1, 3]) };
  const values = Object.fromEntries(
    Object.entries({ ...params, ...data }).map((
      [name, { shape, dtype }],
    ) => [name, input(name, shape, dtype)]),
  );
  const last = (dropoutKey: Value | null) =>
    critic(bindParams(values), config, { embedding: values.embedding!, dropoutKey }).hidden[1]!;
  const outputs = { none: last(null), once: last(values.a!), again: last(values.a!), other: last(values.b!) };
  const found = await run(interpreter(), { inputs: values, outputs }, { ...params, ...data });
  assertEquals(found.none!.data[0], 4096 * 4);
  assertAlmostEquals(found.once!.data[0]! / found.none!.data[0]!, 1, 0.05);
  assertClose(found.again!, found.once!, 0, "the same key");
  assert(found.other!.data[0] !== found.once!.data[0], "another key dropped the same");
  assert(found.once!.data[0] !== found.once!.data[4], "two rows dropped the same");
});

Deno.test("timestep and prompt reach the residual", async () => {
  const config = parseCriticConfig({
    embedding_dim: 4,
    hidden: [8],
    timestep: true,
    prompt_dim: 3,
    init: "reference",
  });
  const params = initParams(declareCritic(config), key(5));
  const data: Record<string, FloatTensor> = {
    embedding: tensor([2, 4], normals(key(6), 8)),
    timestep: tensor([2], [981, 1]),
    prompt: tensor([2, 3], normals(key(7), 6)),
  };
  const values = Object.fromEntries(
    Object.entries({ ...params, ...data }).map(([name, { shape }]) => [name, input(name, shape)]),
  );
  const { embedding, timestep, prompt } = values;
  const { residual } = critic(bindParams(values), config, {
    embedding: embedding!,
    timestep: timestep!,
    prompt: prompt!,
  });
  const [dTime, dPrompt] = grad(sum(mul(residual, residual)), [timestep!, prompt!]);
  const outputs = { residual, dTime: dTime!, dPrompt: dPrompt! };
  const found = await run(interpreter(), { inputs: values, outputs }, { ...params, ...data });
  assertEquals(found.residual!.shape, [2]);
  assert(found.dTime!.data.every((v) => v !== 0), "the timestep does not matter");
  assert(found.dPrompt!.data.every((v) => v !== 0), "the prompt does not matter");
  assertThrows(
    () => critic(bindParams(values), config, { embedding: embedding! }),
    TypeError,
    "an input that is missing: timestep",
  );
});

Deno.test("embeddings of length 1 are brought to elements that deviate by 1", async () => {
  const config = parseCriticConfig({ embedding_dim: 4, hidden: [8], init: "reference" });
  const params = initParams(declareCritic(config), key(5));
  const residualOf = async (config: CriticConfig, embedding: FloatTensor) => {
    const data = { ...params, embedding };
    const values = Object.fromEntries(
      Object.entries(data).map(([name, { shape }]) => [name, input(name, shape)]),
    );
    const { residual } = critic(bindParams(values), config, { embedding: values.embedding! });
    return (await run(interpreter(), { inputs: values, outputs: { residual } }, data)).residual!.data[0]!;
  };
  const once = tensor([1, 4], [0.5, -0.5, 0.5, 0.5]);
  const twice = tensor([1, 4], [1, -1, 1, 1]);
  assertEquals(await residualOf({ ...config, rescaled: true }, once), await residualOf(config, twice));
});

Deno.test("initial weights have the reference's spread, or that of the layer's input", () => {
  const config: CriticConfig = parseCriticConfig({ embedding_dim: 768, init: "reference" });
  assertEquals(criticLayers(config).map(({ into, out }) => [into, out]), [
    [768, 1024],
    [1024, 128],
    [128, 64],
    [64, 16],
    [16, 1],
  ]);
  assertEquals(criticLayers(config).map(({ std }) => std), Array(5).fill(1 / 769));
  const fanIn = { ...config, init: "fan_in" } as const;
  assertAlmostEquals(criticLayers(fanIn)[2]!.std, 1 / Math.sqrt(128), 1e-12);
  assertEquals(criticLayers(fanIn)[4]!.std, 0);
  assertAlmostEquals(criticLayers({ ...fanIn, activation: "relu" })[2]!.std, 1 / 8, 1e-12);
  const weights = initParams(declareCritic(config), key(9))["layers.1.weight"]!.data;
  const std = Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0) / weights.length);
  assertAlmostEquals(std * 769, 1, 0.02);
});

function ownNames(tree: Readonly<Record<string, FloatTensor>>): Record<string, FloatTensor> {
  return Object.fromEntries(
    GOLDEN_NAMES.flatMap((name, i) =>
      ["weight", "bias"].map((part) => [`layers.${i}.${part}`, tree[`${name}.${part}`]!])
    ),
  );
}

function prefixed(prefix: string, tree: Readonly<Record<string, FloatTensor>>): Record<string, FloatTensor> {
  return Object.fromEntries(Object.entries(tree).map(([name, value]) => [`${prefix}${name}`, value]));
}
