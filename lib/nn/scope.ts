/**
 * Scopes: how a model names its parameters.
 *
 * A model is one function of a scope. Run to be declared, it lists its parameters with their checkpoint names, shapes
 * and initial distributions; run to be traced, it receives their values. Names and shapes so have one source.
 * @module
 */

import { fold, type Key, normals, uniforms } from "../core/random.ts";
import { full, type ParamTree, type Shape, showShape, size, tensor } from "../core/tensor.ts";
import { input, type Value } from "../engine/graph.ts";
import { half } from "../engine/ops/elementwise.ts";
import { engineShape } from "./layout.ts";

/** The distribution a parameter starts from. */
export type Init =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number }
  /** Uniform in `[-bound, bound]`. */
  | { readonly kind: "uniform"; readonly bound: number };

/** A parameter: its checkpoint name, its shape as in the checkpoint, and how it starts. */
export interface ParamSpec {
  /** Its name in the checkpoint, dotted. */
  readonly name: string;
  /** Its shape in the checkpoint. */
  readonly shape: Shape;
  /** What it starts from. */
  readonly init: Init;
  /** Whether it is only read as a factor of products or a table, so that it may lie in memory as halves; default no. */
  readonly isFactor?: boolean;
}

/** A place in the tree of parameters. */
export interface Scope {
  /**
   * The parameter of this name below this place, in the engine's layout (see {@linkcode engineShape}).
   *
   * @param shape Its shape in the checkpoint.
   * @throws {TypeError} If the checkpoint has no such parameter, or one of another shape.
   */
  param(name: string, shape: Shape, init: Init): Value;
  /** The same of a parameter that is read by nothing but products, as their second factor, and look-ups, as their table. */
  factor(name: string, shape: Shape, init: Init): Value;
  /** A value as it is kept between this place's layers: what most of a model's memory is taken by. */
  kept(x: Value): Value;
  /** The place below this one. */
  at(name: string): Scope;
}

/** Lists the parameters that a model asks for, in the order it asks. */
export function declareParams(model: (scope: Scope) => unknown): ParamSpec[] {
  const specs = new Map<string, ParamSpec>();
  model(scopeOf("", (name, shape, init, isFactor) => {
    specs.set(name, { name, shape, init, ...isFactor && { isFactor } });
    return input(name, engineShape(shape));
  }));
  return [...specs.values()];
}

/** A scope that hands out given values by name. */
export function bindParams(values: Readonly<Record<string, Value>>): Scope {
  return scopeOf("", (name, shape) => {
    const value = values[name];
    if (value === undefined) {
      throw new TypeError(`Cannot build the model as the parameter ${name} is missing`);
    }
    const expected = engineShape(shape);
    if (value.shape.join() !== expected.join()) {
      throw new TypeError(
        `Cannot build the model as the parameter ${name} has the wrong shape: ` +
          `${showShape(value.shape)} where ${showShape(expected)} is needed`,
      );
    }
    return value;
  });
}

/** The same place of a model that keeps its values rounded to halves, in half the memory. */
export function keepingHalves(scope: Scope): Scope {
  return { ...scope, kept: half, at: (name) => keepingHalves(scope.at(name)) };
}

/** Draws the initial parameters, in their checkpoint's layout. Each draws from a key of its own name. */
export function initParams(specs: readonly ParamSpec[], key: Key): ParamTree {
  return Object.fromEntries(specs.map(({ name, shape, init }) => {
    const from = fold(key, name);
    switch (init.kind) {
      case "constant":
        return [name, full(shape, init.value)];
      case "normal":
        return [name, tensor(shape, normals(from, size(shape)).map((x) => x * init.std))];
      case "uniform":
        return [name, tensor(shape, uniforms(from, size(shape)).map((u) => (2 * u - 1) * init.bound))];
    }
  }));
}

/** All values the same. */
export function constantInit(value: number): Init {
  return { kind: "constant", value };
}

/** Normal around 0. */
export function normalInit(std: number): Init {
  return { kind: "normal", std };
}

/** Uniform with the bound `1 / sqrt(fanIn)`, what PyTorch's linear and convolution layers start from. */
export function fanInInit(fanIn: number): Init {
  return { kind: "uniform", bound: 1 / Math.sqrt(fanIn) };
}

function scopeOf(
  path: string,
  find: (name: string, shape: Shape, init: Init, isFactor: boolean) => Value,
): Scope {
  return {
    param: (name, shape, init) => find(`${path}${name}`, shape, init, false),
    factor: (name, shape, init) => find(`${path}${name}`, shape, init, true),
    kept: (x) => x,
    at: (name) => scopeOf(`${path}${name}.`, find),
  };
}
