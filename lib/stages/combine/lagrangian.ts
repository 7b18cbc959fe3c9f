/**
 * Constraints by Lagrange multipliers: the price of falling short rises for as long as one falls short.
 * @module
 */

/** How multipliers move. */
export interface DualOptions {
  /** How fast. */
  readonly learning_rate: number;
  /** The largest multiplier. */
  readonly max: number;
}

/** Multipliers, or other numbers, of constrained rewards by their names. */
export type PerConstraint = Readonly<Record<string, number>>;

/**
 * `z + Σ_i λ_i s_i`, image by image.
 *
 * @param objective `z` `[N]`: what is maximised.
 * @param slacks `s_i` `[N]` by name: how far each image is above its constraint, on the objective's scale.
 * @param multipliers `λ_i` by name; 0 where there is none yet.
 * @returns `[N]`.
 */
export function lagrangian(
  objective: ArrayLike<number>,
  slacks: Readonly<Record<string, ArrayLike<number>>>,
  multipliers: PerConstraint,
): Float64Array<ArrayBuffer> {
  return Float64Array.from(
    objective,
    (z, n) =>
      Object.entries(slacks).reduce((sum, [name, slack]) => sum + (multipliers[name] ?? 0) * slack[n]!, z),
  );
}

/**
 * One step of dual ascent: `λ_i ← min(max(λ_i - η s_i, 0), λ_max)`.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ascended } from "@attune/attune";
 *
 * const slacks = { kept: 2, missed: -2 };
 * assertEquals(ascended({ kept: 1 }, slacks, { learning_rate: 0.25, max: 10 }), { kept: 0.5, missed: 0.5 });
 * ```
 *
 * @param slacks `s_i` by name: how far a mean is above its constraint.
 * @returns `λ_i` of each.
 */
export function ascended(
  multipliers: PerConstraint,
  slacks: PerConstraint,
  { learning_rate, max }: DualOptions,
): PerConstraint {
  return Object.fromEntries(
    Object.entries(slacks).map(([name, slack]) => {
      const raised = (multipliers[name] ?? 0) - learning_rate * slack;
      return [name, Math.min(Math.max(raised, 0), max)];
    }),
  );
}
