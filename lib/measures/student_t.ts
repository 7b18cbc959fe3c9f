/**
 * Student's distribution of the mean of a few numbers.
 * @module
 */

/** Pieces that an integral is cut into. */
const PIECES = 1024;
/** Halvings that find a quantile: more than a double has bits. */
const HALVINGS = 60;

/**
 * The `t` with `P(|T| <= t) = level`, for Student's `T` with so many degrees of freedom: how many standard errors either
 * way an interval of that level reaches.
 *
 * With `t = √ν tan θ` the density is proportional to `cos^(ν-1) θ`, and with `θ = π/2 - w²` the tail is
 * `P(|T| > t) = ∫_0^w(t) f / ∫_0^√(π/2) f`, `f(w) = w sin^(ν-1) w²`, which is smooth where `ν >= 1`.
 *
 * @param level In `(0, 1)`.
 * @param degrees `ν`, at least 1, not necessarily whole.
 * @throws {RangeError} If one is outside.
 */
export function studentQuantile(level: number, degrees: number): number {
  if (!(level > 0 && level < 1 && degrees >= 1)) {
    throw new RangeError(
      `Cannot find a quantile as it takes a level in (0, 1) and 1 degree of freedom: ${level} and ${degrees}`,
    );
  }
  const density = (w: number) => w * Math.sin(w * w) ** (degrees - 1);
  const end = Math.sqrt(Math.PI / 2);
  const wanted = (1 - level) * integral(density, end);
  let low = 0, high = end;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (integral(density, middle) < wanted) low = middle;
    else high = middle;
  }
  return Math.sqrt(degrees) / Math.tan(high * high);
}

/** `∫_0^end f`, by Simpson's rule. */
function integral(f: (x: number) => number, end: number): number {
  const width = end / PIECES;
  let sum = f(0) + f(end);
  for (let i = 1; i < PIECES; i++) sum += (i % 2 === 1 ? 4 : 2) * f(i * width);
  return sum * width / 3;
}
