/**
 * What neurons contribute by their weights alone: the activity of those that a run does not look at.
 * @module
 */

import type { F32 } from "../core/tensor.ts";
import type { NeuronLayer } from "../nn/neuron_layer.ts";
import { type FlatLayout, segmentOf } from "../optim/flat.ts";

/**
 * For each layer `a_i = |A_i| |B_i|`, the norms of what neuron `i` reads by and of what it adds by: of an adapter `B A`
 * the norm of its component `B_i A_i`, which is all that the component does.
 *
 * @param params Flat.
 */
export function neuronContributions(
  params: F32,
  layout: FlatLayout,
  layers: readonly NeuronLayer[],
): F32[] {
  return layers.map((layer) => {
    const [incoming, outgoing] = [segmentOf(layout, layer.incoming), segmentOf(layout, layer.outgoing)];
    const [neurons, into] = incoming.shape as readonly [number, number];
    const [out] = outgoing.shape as readonly [number, number];
    return Float32Array.from({ length: neurons }, (_, neuron) => {
      const reads = norm(into, (i) => params[incoming.start + neuron * into + i]!);
      const adds = norm(out, (o) => params[outgoing.start + o * neurons + neuron]!);
      return reads * adds;
    });
  });
}

function norm(count: number, at: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += at(i) ** 2;
  return Math.sqrt(sum);
}
