/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, https://doi.org/10.1145/2063384.2063405).
 *
 * A key is a value: the same key gives the same bits on every machine, on the CPU and on the GPU
 * (`kernels/random.ts` is the same generator). Keys are split, never used twice.
 * @module
 */

/** A random key: two 32-bit words. */
export type Key = readonly [number, number];

/** Makes a key from a seed, any integer of up to 53 bits. */
export function key(seed: number): Key {
  return [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
}

/**
 * Derives an independent key for each tag.
 *
 * A tag may be a number (an epoch, a sample) or a word naming a use; `fold(fold(k, "sample"), 3)` never meets
 * `fold(fold(k, "reset"), 3)`.
 */
export function fold(parent: Key, tag: number | string): Key {
  const word = typeof tag === "number" ? tag : hash(tag);
  const [a, b] = philox([word >>> 0, Math.floor(word / 2 ** 32) >>> 0, 0x5eed, 1], parent);
  return [a, b];
}

/** Splits a key in `count` new ones. */
export function split(parent: Key, count: number): Key[] {
  return Array.from({ length: count }, (_, i) => fold(parent, i));
}

/** Uniform floats in `[0, 1)` with 24 random bits each. */
export function uniforms(from: Key, count: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 4) {
    const block = philox([i / 4, 0, 0, 0], from);
    for (let j = 0; j < 4 && i + j < count; j++) out[i + j] = (block[j]! >>> 8) * 2 ** -24;
  }
  return out;
}

/** Standard normal floats by the Box-Muller transform, two from each pair of words. */
export function normals(from: Key, count: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 4) {
    const [a, b, c, d] = philox([i / 4, 0, 0, 0], from);
    const block = [...boxMuller(a, b), ...boxMuller(c, d)];
    for (let j = 0; j < 4 && i + j < count; j++) out[i + j] = block[j]!;
  }
  return out;
}

/** A uniform integer in `[0, bound)`, one for each draw. */
export function integers(from: Key, count: number, bound: number): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(count);
  for (let i = 0; i < count; i += 4) {
    const block = philox([i / 4, 0, 0, 0], from);
    for (let j = 0; j < 4 && i + j < count; j++) out[i + j] = Math.floor(block[j]! * 2 ** -32 * bound);
  }
  return out;
}

/** A random order of `0 … count - 1` (Fisher-Yates). */
export function permutation(from: Key, count: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  const draws = uniforms(from, count);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(draws[i]! * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Ten rounds of Philox4x32 over one counter block. */
export function philox(
  counter: readonly [number, number, number, number],
  from: Key,
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = from;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiplyWide(0xd2511f53, c0);
    const [high1, low1] = multiplyWide(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

function boxMuller(a: number, b: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(((a >>> 8) + 0.5) * 2 ** -24));
  const angle = 2 * Math.PI * (b >>> 8) * 2 ** -24;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/** The 64-bit product of two words, as its high and low word. */
function multiplyWide(a: number, b: number): [number, number] {
  const low = (a & 0xffff) * b;
  const high = (a >>> 16) * b + Math.floor(low / 65536);
  return [Math.floor(high / 65536), Math.imul(a, b) >>> 0];
}

/** FNV-1a over the UTF-16 units of a word. */
function hash(word: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
