/**
 * What every kernel generator returns: shader text, the access of each binding, and how many workgroups to start.
 * @module
 */

/** A compute shader ready to be built: the pure result of a kernel generator. */
export interface Kernel {
  /** The op and what distinguishes this variant, for profiles and error messages. */
  readonly name: string;
  /** WGSL text; its entry point is `main`, its buffers are `@group(0) @binding(i)`. */
  readonly code: string;
  /** Access of binding `i`. */
  readonly bindings: readonly Access[];
  /** Workgroups to start along x, y and z. */
  readonly workgroups: readonly [number, number, number];
  /** Floating-point operations of one dispatch; an addition and a multiplication are two. */
  readonly flops: number;
  /** Bytes that one dispatch must move at the least. */
  readonly bytes: number;
  /** Rounds of loops that one invocation takes at the most, counted as `nestedRounds` counts. */
  readonly rounds: number;
}

/** How a kernel uses a buffer. */
export type Access = "read" | "read_write";

/** The choices a tuner may make for a kernel of the gemm family; each op documents which it reads. */
export interface Tile {
  /** Rows of the output that one invocation owns. */
  readonly rows: number;
  /** Columns of the output that one invocation owns, a multiple of 4. */
  readonly columns: number;
  /** Invocations of a workgroup along the rows. */
  readonly lanesY: number;
  /** Invocations of a workgroup along the columns. */
  readonly lanesX: number;
}

/** What the generators know of the adapter they write for. */
export interface Target {
  /** A CPU that executes shaders (lavapipe, SwiftShader): large register tiles, serial rows, no shared memory. */
  readonly software: boolean;
  /** Bytes that a kernel can see of a buffer; absent where any. */
  readonly maxBindingBytes?: number;
}

/** Writes `count` workgroups as x, y, z within WebGPU's limit of 65535 along each. */
export function spread(count: number): [number, number, number] {
  if (count <= 65535) return [count, 1, 1];
  const y = Math.ceil(count / 65535);
  return [Math.ceil(count / y), y, 1];
}

/** The declaration of the storage buffers of a kernel. */
export function declare(buffers: readonly { name: string; type: string; access: Access }[]): string {
  return buffers
    .map(({ name, type, access }, i) =>
      `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${type}>;`
    )
    .join("\n");
}

/** A number as a WGSL f32 literal. */
export function literal(value: number): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) {
    throw new RangeError(`Cannot write ${value} in a shader: it is not finite in f32`);
  }
  const text = rounded.toString();
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}
