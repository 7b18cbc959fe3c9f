import { type FloatTensor, type Tensor, tensor } from "../../lib/core/tensor.ts";
import { evaluate, mul, trace } from "../../lib/engine/mod.ts";
import { adamw } from "../../lib/engine/ops/adamw.ts";
import {
  adamwHyper,
  clipScale,
  globalNorm,
  newOptimizer,
  type OptimizerState,
} from "../../lib/optim/adamw.ts";
import { adamwEach, adamwEachHyper, type AdamWEachInputs } from "../../lib/optim/adamw_each.ts";
import { assertClose } from "../assert_close.ts";
import { goldenRecord, goldenTensors } from "../golden_files.ts";

interface Golden {
  readonly options: { lr: number; betas: [number, number]; eps: number; weight_decay: number };
  readonly steps: number;
  readonly reset_after_step: number;
  readonly max_norm: number;
}

const tensors = await goldenTensors("optimizer");
const { options, steps, reset_after_step, max_norm } = await goldenRecord<Golden>("optimizer");
const rates = {
  learningRate: options.lr,
  weightDecay: options.weight_decay,
  beta1: options.betas[0],
  beta2: options.betas[1],
  eps: options.eps,
};
const names = ["a", "b"];

/** The tensors `prefix.a` and `prefix.b` behind one another. */
function flat(prefix: string, part: (values: number[], length: number) => number[] = (values) => values) {
  return Float32Array.from(names.flatMap((name) => {
    const { data } = tensors[`${prefix}.${name}`]!;
    return part([...data as Float32Array], tensors[`initial.${name}`]!.data.length);
  }));
}

const initial = flat("initial");
const N = initial.length;
const gradients = Array.from(
  { length: steps },
  (_, i) => flat("grad", (values, length) => values.slice(i * length, (i + 1) * length)),
);
const mask = flat("mask");

for (const each of [false, true]) {
  const label = each ? "adamwEach" : "adamw";

  Deno.test(`${label}: PyTorch's parameters and moments over ten steps`, () => {
    compare(descend(newOptimizer(initial, each), gradients), "plain");
  });

  Deno.test(`${label}: moments set to zero while the step count goes on`, () => {
    const cleared = (state: OptimizerState): OptimizerState =>
      state.step !== reset_after_step ? state : {
        ...state,
        m: state.m.map((x, i) => x * (1 - mask[i]!)),
        v: state.v.map((x, i) => x * (1 - mask[i]!)),
      };
    compare(descend(newOptimizer(initial, each), gradients, cleared), "reset");
  });
}

Deno.test("adamwEach: elements that begin anew move as under a new optimizer", () => {
  const anew = (state: OptimizerState): OptimizerState =>
    state.step !== reset_after_step ? state : {
      ...state,
      m: state.m.map(() => 0),
      v: state.v.map(() => 0),
      since: state.since!.map(() => state.step),
    };
  const trail = descend(newOptimizer(initial, true), gradients, anew);
  trail.slice(reset_after_step).forEach((state, i) =>
    assertClose(state.params, flat(`fresh.step.${i + 1}`), 1e-6, `step ${i + 1}`)
  );
});

Deno.test("clipScale: gradients above and below the norm, and zero", () => {
  for (const name of ["above", "below", "zero"]) {
    const given = flat(`clip.${name}.grad`);
    const graph = trace(({ g }) => {
      const norm = globalNorm(g);
      return { norm, clipped: mul(g, clipScale(norm, max_norm)) };
    }, { g: { shape: [N], dtype: "f32" } });
    const found = evaluate(graph, { g: tensor([N], given) });
    assertClose(found.norm!.data, tensors[`clip.${name}.norm`]!.data, 1e-6, `norm, ${name}`);
    assertClose(found.clipped!.data, flat(`clip.${name}.clipped`), 1e-6, `clipped, ${name}`);
  }
});

/** The states after each step. */
function descend(
  start: OptimizerState,
  gradients: readonly Float32Array<ArrayBuffer>[],
  between: (state: OptimizerState) => OptimizerState = (state) => state,
): OptimizerState[] {
  const states: OptimizerState[] = [];
  let state = start;
  for (const gradient of gradients) {
    state = between(after(state, gradient));
    states.push(state);
  }
  return states;
}

function after(state: OptimizerState, gradient: Float32Array<ArrayBuffer>): OptimizerState {
  const vector = (data: OptimizerState["params"]) => tensor([N], data);
  const hyper = (state.since ? adamwEachHyper : adamwHyper)(rates, state.step + 1);
  const inputs: Record<string, Tensor> = {
    param: vector(state.params),
    m: vector(state.m),
    v: vector(state.v),
    since: vector(state.since ?? new Float32Array(N)),
    grad: vector(gradient),
    scale: tensor([], [1]),
    hyper,
  };
  const graph = trace((values) => {
    const { since, ...others } = values as unknown as AdamWEachInputs;
    return { ...(state.since ? adamwEach({ ...others, since }, rates) : adamw(others, rates)) };
  }, inputs);
  const { param, m, v } = evaluate(graph, inputs) as Record<string, FloatTensor>;
  return { ...state, params: param!.data, m: m!.data, v: v!.data, step: state.step + 1 };
}

function compare(states: readonly OptimizerState[], run: string): void {
  states.forEach((state) =>
    assertClose(state.params, flat(`${run}.step.${state.step}`), 1e-6, `${run}, step ${state.step}`)
  );
  assertClose(states.at(-1)!.m, flat(`${run}.exp_avg`), 1e-6, `${run}, exp_avg`);
  assertClose(states.at(-1)!.v, flat(`${run}.exp_avg_sq`), 1e-6, `${run}, exp_avg_sq`);
}
