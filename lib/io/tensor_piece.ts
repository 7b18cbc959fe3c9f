/**
 * Pieces: how one tensor of a file becomes one or several of a model's, where the file's author laid them out otherwise.
 * @module
 */

import { type FloatTensor, type HalfTensor, halves, type Shape, tensor } from "../core/tensor.ts";

/** A part of a file's tensor that is a tensor of the model. */
export interface TensorPiece {
  /** The model's name for it. */
  readonly name: string;
  /** Which of several equal parts along the first axis it is, and of how many; by default the whole. */
  readonly part?: readonly [index: number, count: number];
  /** Whether rows and columns change places; default no. */
  readonly transposed?: boolean;
}

/** The shape of a piece of a tensor; a first axis that does not split evenly has a fraction, which no parameter has. */
export function pieceShape({ part, transposed }: TensorPiece, shape: Shape): Shape {
  const own = part === undefined ? shape : [shape[0]! / part[1], ...shape.slice(1)];
  return transposed ? own.toReversed() : own;
}

/**
 * Takes a piece out of a tensor.
 *
 * @param source What the file holds; a matrix if the piece is transposed.
 */
export function takePiece(piece: TensorPiece, source: FloatTensor | HalfTensor): FloatTensor | HalfTensor {
  const shape = pieceShape(piece, source.shape);
  const [index, count] = piece.part ?? [0, 1];
  const length = source.data.length / count;
  if (source.dtype === "f16") {
    const own = source.data.slice(index * length, (index + 1) * length) as Uint16Array<ArrayBuffer>;
    return halves(shape, piece.transposed ? transpose(own, new Uint16Array(length), shape) : own);
  }
  const own = source.data.slice(index * length, (index + 1) * length) as Float32Array<ArrayBuffer>;
  return tensor(shape, piece.transposed ? transpose(own, new Float32Array(length), shape) : own);
}

/** A matrix with rows and columns exchanged, into a matrix of the given shape. */
function transpose<T extends Uint16Array | Float32Array>(from: T, to: T, shape: Shape): T {
  const [rows, columns] = shape as readonly [number, number];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) to[row * columns + column] = from[column * rows + row]!;
  }
  return to;
}
