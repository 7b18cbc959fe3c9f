/**
 * The discrete Fourier transform of any length.
 * @module
 */

/** Complex numbers. */
export interface Complex {
  /** Real parts. */
  readonly re: Float64Array<ArrayBuffer>;
  /** Imaginary parts, as many. */
  readonly im: Float64Array<ArrayBuffer>;
}

/** Below this length sums are as fast as halving. */
const SHORT = 16;

/**
 * Makes the transform of sequences of `N`: `X[k] = Σ_n x[n] exp(-2πi k n / N)`.
 *
 * Even lengths are halved into even and odd elements (Cooley and Tukey 1965), odd and short ones summed as they stand:
 * `N log N` for powers of two, up to `N²` for primes.
 */
export function fourier(count: number): (x: Complex) => Complex {
  const roots = rootsOfOne(count);
  return (x) => transformed(x, roots);
}

function transformed(x: Complex, roots: Complex): Complex {
  const count = x.re.length;
  if (count % 2 === 1 || count < SHORT) return summed(x, roots);
  const even = transformed(everySecond(x, 0), roots), odd = transformed(everySecond(x, 1), roots);
  const result = zeros(count);
  const half = count / 2, stride = roots.re.length / count;
  for (let k = 0; k < half; k++) {
    const cos = roots.re[k * stride]!, sin = roots.im[k * stride]!;
    const re = cos * odd.re[k]! - sin * odd.im[k]!, im = cos * odd.im[k]! + sin * odd.re[k]!;
    result.re[k] = even.re[k]! + re;
    result.im[k] = even.im[k]! + im;
    result.re[k + half] = even.re[k]! - re;
    result.im[k + half] = even.im[k]! - im;
  }
  return result;
}

function summed({ re, im }: Complex, roots: Complex): Complex {
  const count = re.length, stride = roots.re.length / count;
  const result = zeros(count);
  for (let k = 0; k < count; k++) {
    let sumRe = 0, sumIm = 0;
    for (let n = 0; n < count; n++) {
      const turn = k * n % count * stride;
      const cos = roots.re[turn]!, sin = roots.im[turn]!;
      sumRe += cos * re[n]! - sin * im[n]!;
      sumIm += cos * im[n]! + sin * re[n]!;
    }
    result.re[k] = sumRe;
    result.im[k] = sumIm;
  }
  return result;
}

/** `exp(-2πi k / N)` for all `k`. */
function rootsOfOne(count: number): Complex {
  const angles = Array.from({ length: count }, (_, k) => -2 * Math.PI * k / count);
  return { re: Float64Array.from(angles, Math.cos), im: Float64Array.from(angles, Math.sin) };
}

function everySecond({ re, im }: Complex, from: 0 | 1): Complex {
  const picked = zeros(re.length / 2);
  for (let i = 0; i < picked.re.length; i++) {
    picked.re[i] = re[2 * i + from]!;
    picked.im[i] = im[2 * i + from]!;
  }
  return picked;
}

function zeros(count: number): Complex {
  return { re: new Float64Array(count), im: new Float64Array(count) };
}
