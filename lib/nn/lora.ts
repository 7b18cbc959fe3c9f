/**
 * Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685): a linear layer's output plus `scale * B (A x)`.
 *
 * Adapters live in a tree of their own beside the frozen weights, under the same dotted names, spelled as PEFT spells them:
 * `<layer>.lora_A.weight` `[rank, in]` and `<layer>.lora_B.weight` `[out, rank]`.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { mul, type ValueOrNumber } from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import type { NeuronLayer } from "./neuron_layer.ts";
import { constantInit, normalInit, type ParamSpec, type Scope } from "./scope.ts";

/** The adapters below a place in a model. */
export interface Lora {
  /** Where their parameters are. */
  readonly scope: Scope;
  /** The dotted name of this place. */
  readonly path: string;
  /** Rows of `A`. */
  readonly rank: number;
  /** What the update is multiplied by: a number, or a value `[]` where the graph should take it as an input. */
  readonly scale: ValueOrNumber;
  /** Ends of the names of the layers that have an adapter, such as `to_q` or `to_out.0`. */
  readonly targets: readonly string[];
}

/** The adapters below the place of this name; `null` stays `null`. */
export function loraAt(lora: Lora | null, name: string): Lora | null {
  if (lora === null) return null;
  return { ...lora, scope: lora.scope.at(name), path: lora.path === "" ? name : `${lora.path}.${name}` };
}

/**
 * What a layer's adapter adds to its output.
 *
 * @param lora The layer's own place.
 * @param rows The layer's input as `[rows, in]`.
 * @param out The width of its output.
 * @returns `[rows, out]`, or `null` if the layer has no adapter.
 */
export function lowRankUpdate(lora: Lora | null, rows: Value, out: number): Value | null {
  if (lora === null || !isTarget(lora)) return null;
  const { scope, rank, scale } = lora;
  const down = scope.param(DOWN, [rank, rows.shape[1]!], normalInit(1 / rank));
  const up = scope.param(UP, [out, rank], constantInit(0));
  const narrow = matmul(rows, down, { transposeB: true });
  return matmul(scale === 1 ? narrow : mul(narrow, scale), up, { transposeB: true });
}

/** The components of each adapter, of which there are as many as its rank. */
export function loraNeurons(specs: readonly ParamSpec[]): NeuronLayer[] {
  const layers = specs.map(({ name }) => name).filter((name) => name.endsWith(`.${DOWN}`));
  return layers.map((incoming) => ({
    incoming,
    bias: null,
    outgoing: `${incoming.slice(0, -DOWN.length)}${UP}`,
  }));
}

const DOWN = "lora_A.weight";
const UP = "lora_B.weight";

function isTarget({ path, targets }: Lora): boolean {
  return targets.some((target) => path === target || path.endsWith(`.${target}`));
}
