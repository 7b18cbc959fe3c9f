/**
 * How a reward that is only watched goes with the distance that training has gone.
 *
 * See Gao et al. 2022, "Scaling Laws for Reward Model Overoptimization", https://arxiv.org/abs/2210.10760: for policies trained by
 * reinforcement learning, `gold(d) = d (α - β ln d)` with `d = sqrt(KL)` from the policy at the start.
 * @module
 */

/** A policy on its way. */
export interface DistancePoint {
  /** `sqrt(KL)` from the base model's trajectories, in square roots of nats, at least 0. */
  readonly distance: number;
  /** How much more the watched reward is than the base model's; 0 at distance 0. */
  readonly gain: number;
}

/** A coefficient of a fit. */
export interface Coefficient {
  /** What fits best. */
  readonly value: number;
  /** Its standard error, from the scatter about the fit; `null` where as many points as coefficients leave none. */
  readonly standard_error: number | null;
}

/** The law as it fits a path. */
export interface KlLaw {
  /** Gain by distance at the start, with the logarithm's zero at a distance of 1. */
  readonly alpha: Coefficient;
  /** How fast that fades. */
  readonly beta: Coefficient;
  /** Where the law's gain is highest, `exp(α/β - 1)`; `null` where it never turns down, as `β` is not above 0. */
  readonly optimum: (Coefficient & { readonly gain: number }) | null;
}

/**
 * Fits the law by least squares, every point counting alike. The base model, at distance 0, says nothing.
 *
 * Points of one run share their base images and lie along one path, so that errors are those of scatter about the law alone.
 *
 * @returns `null` where there are not two distances to tell `α` from `β`.
 */
export function fitKlLaw(points: readonly DistancePoint[]): KlLaw | null {
  const far = points.filter(({ distance }) => distance > 0);
  if (new Set(far.map(({ distance }) => distance)).size < 2) return null;
  const rows = far.map(({ distance: d, gain }) => ({ a: d, b: -d * Math.log(d), gain }));
  const total = (of: (row: typeof rows[number]) => number) => rows.reduce((sum, row) => sum + of(row), 0);
  const [aa, ab, bb] = [total(({ a }) => a * a), total(({ a, b }) => a * b), total(({ b }) => b * b)];
  const [ay, by] = [total(({ a, gain }) => a * gain), total(({ b, gain }) => b * gain)];
  const determinant = aa * bb - ab * ab;
  const alpha = (bb * ay - ab * by) / determinant, beta = (aa * by - ab * ay) / determinant;
  const freedom = rows.length - 2;
  const scatter = total(({ a, b, gain }) => (gain - alpha * a - beta * b) ** 2) / freedom;
  /** The standard error of `p α + q β`, to first order. */
  const errorOf = (p: number, q: number) =>
    freedom === 0 ? null : Math.sqrt(scatter * (p * p * bb - 2 * p * q * ab + q * q * aa) / determinant);
  const optimum = Math.exp(alpha / beta - 1);
  const ofLogarithm = errorOf(1 / beta, -alpha / beta ** 2);
  return {
    alpha: { value: alpha, standard_error: errorOf(1, 0) },
    beta: { value: beta, standard_error: errorOf(0, 1) },
    optimum: beta > 0
      ? {
        value: optimum,
        standard_error: ofLogarithm === null ? null : optimum * ofLogarithm,
        gain: beta * optimum,
      }
      : null,
  };
}

/** The gain that the law gives at a distance. */
export function gainAt({ alpha, beta }: Pick<KlLaw, "alpha" | "beta">, distance: number): number {
  return distance === 0 ? 0 : distance * (alpha.value - beta.value * Math.log(distance));
}
