/**
 * Neurons as the weights around them: a row of what comes before, a column of what comes after.
 * @module
 */

/** Neurons side by side, by the checkpoint names of the parameters that make them. */
export interface NeuronLayer {
  /** The weight `[neurons, in]` whose rows are what each reads. */
  readonly incoming: string;
  /** The bias `[neurons]`; `null`: they have none. */
  readonly bias: string | null;
  /** The weight `[out, neurons]` whose columns are what each contributes to. */
  readonly outgoing: string;
}
