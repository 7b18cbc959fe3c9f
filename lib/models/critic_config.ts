/**
 * The config of the temporal critic.
 * @module
 */

import { type ActivationName, activations } from "../nn/activation.ts";
import { choice, count, counts, type Fields, fieldsOf, flag } from "./fields.ts";

/** How the critic's weights start. */
export type CriticInit = "reference" | "fan_in";

/** What there is to know of a temporal critic. */
export interface CriticConfig {
  /** Width of what it sees of the latents, such as an image embedding. */
  readonly embedding_dim: number;
  /** Widths of its hidden layers. */
  readonly hidden: readonly number[];
  /** What follows each hidden layer; `none` makes the critic one affine map. */
  readonly activation: ActivationName;
  /** The part of each hidden layer's elements that training drops, in [0, 1). */
  readonly dropout: readonly number[];
  /** Whether the embeddings, which have length 1, are multiplied by `sqrt(embedding_dim)`: their elements then deviate by 1. */
  readonly rescaled: boolean;
  /** Whether it also sees the timestep. */
  readonly timestep: boolean;
  /** Width of the prompt embeddings it also sees; `null`: it sees none. */
  readonly prompt_dim: number | null;
  /**
   * How its weights start: normal with the standard deviation `1 / (input width + 1)` in every layer (`reference`), or
   * `gain / sqrt(layer's input width)` in the hidden layers and 0 in the last, so that the first residuals are 0
   * (`fan_in`; the gain is `sqrt(2)` before a ReLU, otherwise 1, see He et al. 2015, https://arxiv.org/abs/1502.01852).
   * Biases start at 0.
   */
  readonly init: CriticInit;
}

/** Widths of the hidden layers in the reference implementation. */
const HIDDEN = [1024, 128, 64, 16];

/**
 * Reads a config. Missing keys: the reference's hidden layers, no activation, no dropout, embeddings
 * as they are, no timestep or prompt, `fan_in`.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong.
 */
export function parseCriticConfig(json: unknown): CriticConfig {
  const fields = fieldsOf("the critic", json);
  const hidden = counts(fields, "hidden", HIDDEN);
  return {
    embedding_dim: count(fields, "embedding_dim"),
    hidden,
    activation: choice(fields, "activation", Object.keys(activations) as ActivationName[], "none"),
    dropout: dropoutRates(fields, hidden.length),
    rescaled: flag(fields, "rescaled", false),
    timestep: flag(fields, "timestep", false),
    prompt_dim: fields.json.prompt_dim == null ? null : count(fields, "prompt_dim"),
    init: choice(fields, "init", ["reference", "fan_in"], "fan_in"),
  };
}

function dropoutRates({ model, json }: Fields, layers: number): readonly number[] {
  const rates = json.dropout ?? Array<number>(layers).fill(0);
  const fits = Array.isArray(rates) && rates.length === layers &&
    rates.every((rate) => typeof rate === "number" && rate >= 0 && rate < 1);
  if (!fits) {
    throw new RangeError(
      `Cannot read the config of ${model} as dropout is not ${layers} numbers from 0 to below 1: ` +
        JSON.stringify(rates),
    );
  }
  return rates;
}
