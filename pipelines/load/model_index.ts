/**
 * Whether a model is of the kind that this project runs, as its `model_index.json` says.
 *
 * @module
 */

/**
 * Checks a parsed `model_index.json`.
 *
 * @throws {RangeError} If it is not that of a Stable Diffusion checkpoint.
 */
export function checkModelIndex(json: unknown): void {
  const { _class_name: name } = Object(json) as Record<string, unknown>;
  if (name !== "StableDiffusionPipeline") {
    throw new RangeError(
      `Cannot use the model as it is not of the kind StableDiffusionPipeline: ${JSON.stringify(name)}`,
    );
  }
}
