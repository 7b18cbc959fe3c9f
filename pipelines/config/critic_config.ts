/**
 * From the configuration's section on the critic to the config of the model.
 *
 * @module
 */

import type { CriticConfig } from "../../lib/models/critic_config.ts";

/** The configuration's section on the critic. */
export interface CriticSection extends Pick<CriticConfig, "hidden" | "init" | "activation" | "dropout"> {
  /** What it sees of the latents: `reward`, `latents`, `unet`, or the name of a reward that has an image tower. */
  readonly encoder: string;
  /** How it sees that, and what it sees besides. */
  readonly inputs: {
    /** Whether embeddings are brought to elements that deviate by 1. */
    readonly rescaled: boolean;
    /** Whether it sees the timestep. */
    readonly timestep: boolean;
    /** Whether it sees the prompt's embedding. */
    readonly prompt: boolean;
  };
}

/**
 * The critic's config.
 *
 * @param embeddingWidth Width of what it sees of the latents.
 * @param promptWidth Width of the prompt embeddings, used if `critic.inputs.prompt` says so.
 */
export function criticConfigOf(
  { hidden, init, activation, dropout, inputs }: CriticSection,
  embeddingWidth: number,
  promptWidth: number,
): CriticConfig {
  return {
    embedding_dim: embeddingWidth,
    hidden,
    init,
    activation,
    dropout: hidden.map((_, layer) => dropout[layer] ?? 0),
    rescaled: inputs.rescaled,
    timestep: inputs.timestep,
    prompt_dim: inputs.prompt ? promptWidth : null,
  };
}
