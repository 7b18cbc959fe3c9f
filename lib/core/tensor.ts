/**
 * Host tensors: immutable records of a shape and a typed array.
 * @module
 */

/** A Float32Array the type checker will not let you write to. */
export type F32 = Omit<
  Readonly<Float32Array<ArrayBuffer>>,
  "set" | "fill" | "sort" | "reverse" | "copyWithin" | "subarray"
>;

/** A Uint32Array the type checker will not let you write to. */
export type U32 = Omit<
  Readonly<Uint32Array<ArrayBuffer>>,
  "set" | "fill" | "sort" | "reverse" | "copyWithin" | "subarray"
>;

/** A Uint16Array the type checker will not let you write to. */
export type U16 = Omit<
  Readonly<Uint16Array<ArrayBuffer>>,
  "set" | "fill" | "sort" | "reverse" | "copyWithin" | "subarray"
>;

/** Extents of a tensor, outermost first. A scalar has the shape `[]`. */
export type Shape = readonly number[];

/** Element types of the engine: floats, words for token ids and random keys, and halves, in which frozen weights may lie. */
export type DType = "f32" | "u32" | "f16";

/** What is known of a tensor before its values are. */
export interface TensorType {
  /** Extents, outermost first. */
  readonly shape: Shape;
  /** Element type. */
  readonly dtype: DType;
}

/** A float tensor on the host, row-major. */
export interface FloatTensor extends TensorType {
  /** Always `"f32"`. */
  readonly dtype: "f32";
  /** The values, `size(shape)` of them. */
  readonly data: F32;
}

/** A tensor of unsigned words on the host, row-major. */
export interface WordTensor extends TensorType {
  /** Always `"u32"`. */
  readonly dtype: "u32";
  /** The values, `size(shape)` of them. */
  readonly data: U32;
}

/** A tensor of half-precision floats on the host, row-major: stored only, and widened by what reads it. */
export interface HalfTensor extends TensorType {
  /** Always `"f16"`. */
  readonly dtype: "f16";
  /** The bits of the values, `size(shape)` of them, as IEEE binary16. */
  readonly data: U16;
}

/** A tensor on the host. */
export type Tensor = FloatTensor | WordTensor | HalfTensor;

/** Parameters by the dotted names their checkpoint gives them. */
export type ParamTree = Readonly<Record<string, FloatTensor>>;

/** Counts the elements of a shape. */
export function size(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Bytes that a tensor's elements take. */
export function bytesOf({ shape, dtype }: TensorType): number {
  return (dtype === "f16" ? 2 : 4) * size(shape);
}

/** Tells whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** Writes a shape as `[2, 3]`, for messages. */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Row-major strides of a shape, in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/**
 * Makes a float tensor.
 *
 * @param shape Extents.
 * @param data The values; an ordinary array is copied, a typed array is taken as it is.
 * @throws {TypeError} If the number of values is not that of the shape.
 */
export function tensor(shape: Shape, data: F32 | readonly number[]): FloatTensor {
  const values = Array.isArray(data) ? Float32Array.from(data) : data as F32;
  checkLength(shape, values.length);
  return { shape, dtype: "f32", data: values };
}

/** Makes a tensor of unsigned words, as {@linkcode tensor} does of floats. */
export function words(shape: Shape, data: U32 | readonly number[]): WordTensor {
  const values = Array.isArray(data) ? Uint32Array.from(data) : data as U32;
  checkLength(shape, values.length);
  return { shape, dtype: "u32", data: values };
}

/** Makes a tensor of half-precision floats from their bits. */
export function halves(shape: Shape, data: U16): HalfTensor {
  checkLength(shape, data.length);
  return { shape, dtype: "f16", data };
}

/** Makes a float tensor with one value everywhere. */
export function full(shape: Shape, value: number): FloatTensor {
  return tensor(shape, new Float32Array(size(shape)).fill(value));
}

/** Makes a float scalar. */
export function scalar(value: number): FloatTensor {
  return tensor([], [value]);
}

function checkLength(shape: Shape, length: number): void {
  if (length !== size(shape)) {
    throw new TypeError(
      `Cannot make a tensor as its shape ${showShape(shape)} holds ${size(shape)} values: ${length} given`,
    );
  }
}
