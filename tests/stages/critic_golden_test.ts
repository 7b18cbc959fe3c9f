import { assert, assertEquals } from "@std/assert";
import { type FloatTensor, tensor } from "../../lib/core/tensor.ts";
import { evaluate, grad, trace } from "../../lib/engine/mod.ts";
import { critic, criticNeurons, declareCritic } from "../../lib/models/critic.ts";
import { parseCriticConfig } from "../../lib/models/critic_config.ts";
import { bindParams } from "../../lib/nn/scope.ts";
import { newOptimizer } from "../../lib/optim/adamw.ts";
import { flatLayout, packParams } from "../../lib/optim/flat.ts";
import { criticLoss } from "../../lib/stages/losses.ts";
import {
  chosenNeurons,
  countNeurons,
  dormantNeurons,
  neuronScores,
  resetNeurons,
} from "../../lib/stages/neurons.ts";
import type { ResetMode } from "../../lib/stages/options.ts";
import { assertClose } from "../assert_close.ts";
import { below, goldenRecord, goldenTensors } from "../golden_files.ts";

interface Golden {
  readonly widths: readonly number[];
  readonly layers: readonly string[];
  readonly clip_range_critic: number;
}

interface GoldenReset extends Golden {
  readonly dormant: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly reset_tau: number;
}

const golden = await goldenRecord<Golden>("critic");
const tensors = await goldenTensors("critic");
const resets = await goldenRecord<GoldenReset>("reset");
const resetTensors = await goldenTensors("reset");
const [embedding_dim, ...others] = golden.widths;
const hidden = others.slice(0, -1);

for (const [name, activation] of [["official", "none"], ["fixed", "relu"]] as const) {
  Deno.test(`criticLoss: PyTorch's residuals, loss and gradients, ${name}`, () => {
    const given = below(tensors, `${name}.`);
    const config = parseCriticConfig({ embedding_dim, hidden, activation });
    const weights = ours(below(given, "weight."));
    const inputs = { embedding: given.embeddings!, old: given.old_residuals!, returns: given.returns! };
    const graph = trace(({ embedding, old, returns, ...params }) => {
      const result = critic(bindParams(params), config, { embedding: embedding! });
      const { loss, clipFraction } = criticLoss(result.residual, old!, returns!, golden.clip_range_critic);
      const gradients = grad(loss, Object.values(params));
      return {
        residuals: result.residual,
        loss,
        clip_fraction: clipFraction,
        ...Object.fromEntries(result.hidden.map((h, i) => [`hidden.${i}`, h])),
        ...Object.fromEntries(Object.keys(params).map((key, i) => [`grad.${key}`, gradients[i]!])),
      };
    }, { ...weights, ...inputs } as Record<string, FloatTensor>);
    const found = evaluate(graph, { ...weights, ...inputs });
    const expected = { ...given, ...prefixed("grad.", ours(below(given, "grad."))) };
    for (const [key, value] of Object.entries(found)) {
      assertClose(value.data, expected[key]!.data, 5e-6, `${name}, ${key}`);
    }
  });
}

Deno.test("neuronScores and dormantNeurons: scores and masks for three thresholds", () => {
  const scores = neuronScores(activities());
  scores.forEach((layer, i) => assertClose(layer, resetTensors[`score.${i}`]!.data, 2e-6, `layer ${i}`));
  for (const [tau, masks] of Object.entries(resets.dormant)) {
    const found = dormantNeurons(scores, Number(tau)).map((layer) => layer.map(Number));
    assertEquals(found, masks.map((mask) => [...mask]), `tau ${tau}`);
  }
});

for (const mode of ["dormant", "active", "all", "none"] satisfies ResetMode[]) {
  for (const kind of ["fresh", "zero"]) {
    Deno.test(`resetNeurons: ${mode} neurons, ${kind} outgoing weights`, () => {
      const config = parseCriticConfig({ embedding_dim, hidden });
      const specs = declareCritic(config);
      const layout = flatLayout(specs);
      const layers = criticNeurons(config);
      const pack = (prefix: string) => {
        const given = ours(below(resetTensors, prefix));
        return packParams(
          layout,
          Object.fromEntries(
            specs.map(({ name, shape }) => [name, given[name] ?? tensor(shape, new Float32Array(shape[0]!))]),
          ),
        );
      };
      const start = newOptimizer(pack("weight."), true);
      const before = { ...start, step: 9, m: start.m.map(() => 1), v: start.v.map(() => 2) };
      const dormant = dormantNeurons(neuronScores(activities()), resets.reset_tau);
      const fresh = { incoming: pack("incoming."), outgoing: kind === "zero" ? null : pack("outgoing.") };
      const masks = chosenNeurons(dormant, mode);
      const after = resetNeurons(before, layout, layers, masks, fresh, true);
      assertEquals(after.params, pack(`after.${mode}.${kind}.`));

      const touched = [...after.m as Float32Array].map((m) => m === 0);
      assertEquals(touched.some((t) => t), countNeurons(masks) > 0);
      touched.forEach((isTouched, i) => {
        assert(isTouched || after.params[i] === before.params[i], `element ${i} moved and kept its moments`);
        assertEquals([after.v[i], after.since![i]], isTouched ? [0, 9] : [2, 0], `element ${i}`);
      });
      const kept = resetNeurons(before, layout, layers, masks, fresh, false);
      assertEquals(kept.since, before.since);
    });
  }
}

function activities(): Float32Array<ArrayBuffer>[] {
  return hidden.map((width, i) => {
    const { data, shape } = resetTensors[`hidden.${i}`]!;
    return Float32Array.from({ length: width }, (_, neuron) => {
      let sum = 0;
      for (let b = 0; b < shape[0]!; b++) sum += Math.max(0, data[b * width + neuron]!);
      return sum / shape[0]!;
    });
  });
}

/** The golden critic's layers are numbered with gaps; ours are not. */
function ours(params: Record<string, FloatTensor>): Record<string, FloatTensor> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      const at = golden.layers.findIndex((layer) => name.startsWith(`${layer}.`));
      return [name.replace(golden.layers[at]!, `layers.${at}`), value];
    }),
  );
}

function prefixed(prefix: string, params: Record<string, FloatTensor>): Record<string, FloatTensor> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [`${prefix}${name}`, value]));
}
