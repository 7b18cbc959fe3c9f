/**
 * Flat vectors: all trainable parameters of a model behind one another, so that one kernel updates them all.
 *
 * Every parameter starts at a multiple of 64 floats, the 256 bytes at which WebGPU can bind, and is read where it lies.
 * The vector holds the engine's layout; files hold the checkpoint's.
 * @module
 */

import {
  type F32,
  type FloatTensor,
  type ParamTree,
  sameShape,
  type Shape,
  showShape,
  size,
  tensor,
} from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { reshape, slice } from "../engine/ops/views.ts";
import { pack } from "../engine/ops/concat.ts";
import { engineShape, toCheckpoint, toEngine } from "../nn/layout.ts";
import type { ParamSpec } from "../nn/scope.ts";

/** Where each parameter lies in a flat vector. */
export interface FlatLayout {
  /** The parameters in their order. */
  readonly segments: readonly Segment[];
  /** Floats in the vector, gaps included. */
  readonly length: number;
}

/** A parameter's place. */
export interface Segment {
  /** Its name in the checkpoint. */
  readonly name: string;
  /** Its shape in the checkpoint. */
  readonly shape: Shape;
  /** Position of its first float. */
  readonly start: number;
}

const ALIGNMENT = 64;

/** Lays out parameters in the order given. */
export function flatLayout(specs: readonly ParamSpec[]): FlatLayout {
  let length = 0;
  const segments = specs.map(({ name, shape }) => {
    const start = length;
    length += Math.ceil(size(shape) / ALIGNMENT) * ALIGNMENT;
    return { name, shape, start };
  });
  return { segments, length };
}

/**
 * Packs a tree of parameters.
 *
 * @throws {TypeError} If a parameter is missing, or has another shape than the layout's.
 */
export function packParams({ segments, length }: FlatLayout, params: ParamTree): F32 {
  const flat = new Float32Array(length);
  for (const { name, shape, start } of segments) {
    const param = params[name];
    if (param === undefined) throw new TypeError(`Cannot pack the parameters as ${name} is missing`);
    if (!sameShape(param.shape, shape)) {
      throw new TypeError(
        `Cannot pack the parameters as ${name} has the shape ${showShape(param.shape)} where ${
          showShape(shape)
        } is needed`,
      );
    }
    flat.set(toEngine(param).data as Float32Array<ArrayBuffer>, start);
  }
  return flat;
}

/**
 * The place of a parameter.
 *
 * @throws {TypeError} If there is none of this name.
 */
export function segmentOf({ segments }: FlatLayout, name: string): Segment {
  const found = segments.find((segment) => segment.name === name);
  if (found === undefined) throw new TypeError(`Cannot find a parameter as none has the name ${name}`);
  return found;
}

/** Takes a flat vector apart, in the checkpoint's layout. */
export function unpackParams({ segments }: FlatLayout, flat: F32): ParamTree {
  return Object.fromEntries(segments.map(({ name, shape, start }): [string, FloatTensor] => {
    const engine = tensor(engineShape(shape), flat.slice(start, start + size(shape)));
    return [name, toCheckpoint(engine, shape)];
  }));
}

/** The parameters of a symbolic flat vector by name, in the engine's layout. */
export function unpackValues({ segments }: FlatLayout, flat: Value): Record<string, Value> {
  return Object.fromEntries(segments.map(({ name, shape, start }) => [
    name,
    reshape(slice(flat, 0, start, start + size(shape)), engineShape(shape)),
  ]));
}

/** The flat vector of symbolic values by name, in the engine's layout; zeros in the gaps. */
export function packValues({ segments, length }: FlatLayout, values: Readonly<Record<string, Value>>): Value {
  const pieces = segments.map(({ name, shape }) => reshape(values[name]!, [size(shape)]));
  return pack(pieces, segments.map(({ start }) => start), length);
}
