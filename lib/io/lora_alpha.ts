/**
 * The alpha of PEFT's adapters, which lies in their configuration and not among their tensors.
 *
 * PEFT saves the configuration as `adapter_config.json`, newer versions of diffusers as a string of the file's metadata.
 * @module
 */

/** The key of `__metadata__` under which diffusers keeps PEFT's configurations, names below `unet.`. */
const DIFFUSERS_KEY = "lora_adapter_metadata";

/**
 * The alpha that a file's metadata gives its adapters.
 *
 * @returns `null` if it gives none.
 * @throws {SyntaxError} As {@linkcode alphaOfConfig} does, or if it is not JSON.
 */
export function alphaOfMetadata(metadata: Readonly<Record<string, string>>): number | null {
  const text = metadata[DIFFUSERS_KEY];
  if (text === undefined) return null;
  const fields = Object.entries(parse(text)).filter(([name]) => name.startsWith("unet."));
  return alphaOfConfig(
    Object.fromEntries(fields.map(([name, value]) => [name.slice("unet.".length), value])),
  );
}

/**
 * The alpha in one of PEFT's configurations.
 *
 * @param config Its `lora_alpha` and what changes the meaning of that.
 * @returns `null` if it gives none.
 * @throws {SyntaxError} If layers have alphas of their own, or the adapters are of a kind that is more than two matrices.
 */
export function alphaOfConfig(config: Readonly<Record<string, unknown>>): number | null {
  const { lora_alpha: alpha = null } = config;
  for (const field of ["alpha_pattern", "use_rslora", "use_dora", "lora_bias"]) {
    const value = config[field];
    if (value && (typeof value !== "object" || Object.keys(value).length > 0)) {
      throw new SyntaxError(
        `Cannot read the adapters as their ${field} is not supported: ${JSON.stringify(value)}`,
      );
    }
  }
  if (alpha === null || (typeof alpha === "number" && Number.isFinite(alpha))) return alpha;
  throw new SyntaxError(
    `Cannot read the adapters as their lora_alpha is no number: ${JSON.stringify(alpha)}`,
  );
}

function parse(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch (cause) {
    throw new SyntaxError(
      `Cannot read the adapters as their ${DIFFUSERS_KEY} is not JSON: ${(cause as Error).message}`,
      { cause },
    );
  }
}
