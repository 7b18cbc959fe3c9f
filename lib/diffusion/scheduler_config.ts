/**
 * The noise schedule a checkpoint was trained with, as `scheduler/scheduler_config.json` says it.
 * @module
 */

/** What of a scheduler's configuration decides the numbers; other keys are not read. */
export interface SchedulerConfig {
  /** Timesteps the model was trained on. */
  readonly num_train_timesteps: number;
  /** Variance of the first timestep's noise. */
  readonly beta_start: number;
  /** Variance of the last timestep's noise. */
  readonly beta_end: number;
  /** How the variance grows: evenly, or evenly in its square root. */
  readonly beta_schedule: "linear" | "scaled_linear";
  /** Added to every timestep; of a file it is 1: see {@linkcode parseSchedulerConfig}. */
  readonly steps_offset: number;
}

/**
 * Values under which a checkpoint computes what this project does. Where a file says nothing the first holds, which is the
 * format's own default but for `clip_sample` and `set_alpha_to_one`: files older than these leave them out, and latent
 * models do without both.
 */
const SUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  beta_schedule: ["linear", "scaled_linear"],
  clip_sample: [false],
  set_alpha_to_one: [false],
  prediction_type: ["epsilon"],
  timestep_spacing: ["leading"],
  thresholding: [false],
  rescale_betas_zero_snr: [false],
  trained_betas: [null],
};

/**
 * Reads a scheduler's configuration, whichever sampler the file was written for.
 *
 * `steps_offset` is 1 whatever a file says, as in diffusers' pipelines of latent models: with 0, of older files, the last step would
 * lead to where it starts.
 *
 * @param json The parsed file.
 * @throws {SyntaxError} If it is no record, or a number is missing or no number.
 * @throws {RangeError} If a setting is not supported; the message names key and value.
 */
export function parseSchedulerConfig(json: unknown): SchedulerConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new SyntaxError(
      `Cannot read the scheduler's configuration as it is no record: ${JSON.stringify(json)}`,
    );
  }
  const fields = json as Readonly<Record<string, unknown>>;
  const setting = (key: string): unknown => {
    const values = SUPPORTED[key]!;
    const value = key in fields ? fields[key] : values[0];
    if (!values.includes(value)) throw unsupported(key, value);
    return value;
  };
  const number = (key: string, fallback: number): number => {
    const value = fields[key] ?? fallback;
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new SyntaxError(
        `Cannot read the scheduler's ${key} as it is no number: ${JSON.stringify(value)}`,
      );
    }
    return value;
  };
  Object.keys(SUPPORTED).forEach(setting);
  return {
    num_train_timesteps: number("num_train_timesteps", 1000),
    beta_start: number("beta_start", 0.0001),
    beta_end: number("beta_end", 0.02),
    beta_schedule: setting("beta_schedule") as SchedulerConfig["beta_schedule"],
    steps_offset: 1,
  };
}

function unsupported(key: string, value: unknown): RangeError {
  return new RangeError(`Cannot use the scheduler as its ${key} is not supported: ${JSON.stringify(value)}`);
}
