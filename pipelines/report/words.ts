/**
 * Numbers and lists as a person reads them.
 *
 * @module
 */

/** A number with three significant digits and a real minus sign: `0.412`, `−3.1`, `2.5e−5`. */
export function showNumber(x: number): string {
  const size = Math.abs(x);
  const text = size !== 0 && (size < 1e-3 || size >= 1e7)
    ? x.toExponential(1).replace(".0e", "e").replace("e+", "e")
    : size >= 1000
    ? String(Math.round(x)).replace(/\B(?=(\d{3})+$)/g, "\u202f")
    : String(Number(x.toPrecision(3)));
  return text.replaceAll("-", "−");
}

/** A difference, always with its sign: `+0.41`, `−1.2`. */
export function showSigned(x: number): string {
  const text = showFixed(x);
  return text.startsWith("−") || Number(text) === 0 ? text : `+${text}`;
}

/** A gain at an axis: as {@linkcode showSigned}, but the base model's by its name. */
export function showGain(gain: number): string {
  return gain === 0 ? "base" : showSigned(gain);
}

/** A number of base standard deviations: one digit behind the point from 1 on, else two. */
export function showFixed(x: number): string {
  const text = x.toFixed(Math.abs(x) < 0.995 ? 2 : 1);
  return Number(text) === 0 ? "0" : text.replace("-", "−");
}

/** A mean and a deviation, as far as two digits of the deviation reach: `5.10 ± 0.62`. */
export function showSpread(mean: number, std: number): string {
  if (!(std > 0)) return `${showNumber(mean)} ± ${showNumber(std)}`;
  const digits = Math.min(Math.max(1 - Math.floor(Math.log10(std)), 0), 8);
  const text = mean.toFixed(digits);
  return `${Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−")} ± ${std.toFixed(digits)}`;
}

/** A standard error: its two first digits, `0.041`. */
export function showError(error: number): string {
  return showNumber(Number(error.toPrecision(2)));
}

/** A part of a whole: `64 %`. */
export function showShare(x: number): string {
  return `${showNumber(Math.round(x * 1000) / 10)}\u202f%`;
}

/** A length of time: `0.42 s`, `12 s`, `4 min 10 s`, `1 h 5 min`. */
export function showSeconds(seconds: number): string {
  if (seconds < 10) return `${showNumber(Number(seconds.toPrecision(2)))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

/** A size in memory: `412 MiB`. */
export function showBytes(bytes: number): string {
  return bytes < 2 ** 30 ? `${showNumber(bytes / 2 ** 20)} MiB` : `${showNumber(bytes / 2 ** 30)} GiB`;
}

/** `1 epoch`, `3 epochs`. */
export function counted(count: number, noun: string): string {
  return `${showNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** What comes between the items of a list when it is spoken: `a, b and c`. */
export function enumerate<T>(items: readonly T[]): readonly (T | string)[] {
  return items.flatMap((item, i) =>
    i === 0 ? [item] : [i === items.length - 1 ? " and " : ", ", item] as (T | string)[]
  );
}
