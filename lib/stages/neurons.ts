/**
 * Neurons of critic or policy: how active each is, which are reset, and the reset.
 *
 * See Sokar et al. 2023, https://arxiv.org/abs/2302.12902, for dormant neurons, and Zhang et al. 2024,
 * https://arxiv.org/abs/2402.08552, for resetting the active ones.
 * @module
 */

import { type Key, permutation } from "../core/random.ts";
import type { F32 } from "../core/tensor.ts";
import type { NeuronLayer } from "../nn/neuron_layer.ts";
import type { Init, ParamSpec } from "../nn/scope.ts";
import type { OptimizerState } from "../optim/adamw.ts";
import { type FlatLayout, segmentOf } from "../optim/flat.ts";
import type { ResetMode } from "./options.ts";

/** For each layer, which of its neurons. */
export type NeuronMasks = readonly (readonly boolean[])[];

/** Which parts of a critic are dormant, each in `[0, 1]`. */
export interface DormantParts {
  /** By hidden layer. */
  readonly layers: readonly number[];
  /** Of all neurons. */
  readonly total: number;
}

/** Where a reset takes its weights from. */
export interface FreshWeights {
  /** Flat parameters whose rows become incoming weights. */
  readonly incoming: F32;
  /** Flat parameters whose columns become outgoing weights; `null`: they become 0. */
  readonly outgoing: F32 | null;
}

/**
 * Scores neurons: `s_i = a_i / (mean_j a_j + 1e-9)` within a layer, the critic's by `a_i = mean_b relu(h_bi)`.
 *
 * @param activity For each layer the `a` of its neurons.
 */
export function neuronScores(activity: readonly F32[]): number[][] {
  return activity.map((layer) => {
    const mean = layer.reduce((sum, a) => sum + a, 0) / layer.length;
    return Array.from(layer as ArrayLike<number>, (a) => a / (mean + 1e-9));
  });
}

/** The neurons whose score is at most `tau`. */
export function dormantNeurons(scores: readonly (readonly number[])[], tau: number): NeuronMasks {
  return scores.map((layer) => layer.map((score) => score <= tau));
}

/** The neurons that a mode resets. */
export function chosenNeurons(dormant: NeuronMasks, mode: ResetMode): NeuronMasks {
  const choose = {
    none: () => false,
    all: () => true,
    dormant: (d: boolean) => d,
    active: (d: boolean) => !d,
  };
  return dormant.map((layer) => layer.map(choose[mode]));
}

/**
 * The share of once dormant neurons that are dormant still, `|before ∩ now| / |before|`, over all layers.
 *
 * See Sokar et al. 2023, https://arxiv.org/abs/2302.12902; the reference implementation counts elements instead of
 * neurons, which is always 100 % (quirk 6).
 *
 * @returns In `[0, 1]`; `null` where none was dormant.
 */
export function dormantOverlap(before: NeuronMasks, now: NeuronMasks): number | null {
  const once = countNeurons(before);
  const both = now.map((layer, i) => layer.map((dormant, neuron) => dormant && before[i]![neuron]!));
  return once === 0 ? null : countNeurons(both) / once;
}

/** The dormant part of each hidden layer, and of all neurons. */
export function dormantParts(dormant: NeuronMasks): DormantParts {
  const part = (layer: readonly boolean[]) => countNeurons([layer]) / layer.length;
  return { layers: dormant.map(part), total: part(dormant.flat()) };
}

/**
 * A share of the neurons of all masks together, drawn without replacement.
 *
 * @param share In (0, 1]; their number is rounded.
 */
export function sharedNeurons(masks: NeuronMasks, share: number, from: Key): NeuronMasks {
  const count = countNeurons(masks);
  const order = permutation(from, count);
  const kept = new Set(order.slice(0, Math.round(share * count)));
  let next = 0;
  return masks.map((layer) => layer.map((chosen) => chosen && kept.has(next++)));
}

/** How many neurons a mask has. */
export function countNeurons(masks: NeuronMasks): number {
  return masks.flat().filter((chosen) => chosen).length;
}

/**
 * Resets neurons: fresh incoming weights, bias 0, fresh or zero outgoing weights, and the optimizer's moments of all
 * these at 0.
 *
 * Layers follow one another, so where a column meets a row that is reset too, the row wins.
 *
 * @param layers What the neurons are made of.
 * @param masks The neurons of each layer.
 * @param countAnew Whether the optimizer's steps are counted anew for what was reset.
 */
export function resetNeurons(
  optimizer: OptimizerState,
  layout: FlatLayout,
  layers: readonly NeuronLayer[],
  masks: NeuronMasks,
  { incoming, outgoing }: FreshWeights,
  countAnew: boolean,
): OptimizerState {
  const params = Float32Array.from(optimizer.params as ArrayLike<number>);
  const touched = new Uint8Array(params.length);
  const write = (position: number, value: number) => {
    params[position] = value;
    touched[position] = 1;
  };
  masks.forEach((mask, i) => {
    const layer = layers[i]!;
    const weight = segmentOf(layout, layer.incoming);
    const bias = layer.bias === null ? null : segmentOf(layout, layer.bias);
    const next = segmentOf(layout, layer.outgoing);
    const [, into] = weight.shape as readonly [number, number];
    const [nextOut, nextInto] = next.shape as readonly [number, number];
    mask.forEach((chosen, neuron) => {
      if (!chosen) return;
      for (let c = 0; c < into; c++) {
        const position = weight.start + neuron * into + c;
        write(position, incoming[position]!);
      }
      if (bias !== null) write(bias.start + neuron, 0);
      for (let o = 0; o < nextOut; o++) {
        const position = next.start + o * nextInto + neuron;
        write(position, outgoing === null ? 0 : outgoing[position]!);
      }
    });
  });
  const cleared = (moments: F32) =>
    Float32Array.from(moments as ArrayLike<number>, (x, i) => touched[i] ? 0 : x);
  const { since } = optimizer;
  return {
    ...optimizer,
    params,
    m: cleared(optimizer.m),
    v: cleared(optimizer.v),
    since: since && countAnew
      ? Float32Array.from(since as ArrayLike<number>, (s, i) => touched[i] ? optimizer.step : s)
      : since,
  };
}

/** The same parameters with the weights' distribution replaced by a normal one of the given deviation. */
export function withDeviation(specs: readonly ParamSpec[], std: number): ParamSpec[] {
  return specs.map((spec) =>
    spec.name.endsWith(".weight") ? { ...spec, init: { kind: "normal", std } } : spec
  );
}

/** The same parameters with outgoing weights distributed as their neurons' incoming are, which in adapters start at 0. */
export function withLikeOutgoing(specs: readonly ParamSpec[], layers: readonly NeuronLayer[]): ParamSpec[] {
  const inits = new Map(specs.map(({ name, init }): [string, Init] => [name, init]));
  const incoming = new Map(layers.map(({ incoming, outgoing }) => [outgoing, inits.get(incoming)]));
  return specs.map((spec) => ({ ...spec, init: incoming.get(spec.name) ?? spec.init }));
}
