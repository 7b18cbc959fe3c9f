/**
 * Weights from a file to where they are used: checked against what the model declares, then brought over tensor by tensor.
 *
 * @module
 */

import { type FloatTensor, type HalfTensor, sameShape, showShape } from "../../lib/core/tensor.ts";
import { canBeHalves } from "../../lib/engine/ops/factor.ts";
import type { DeviceArray, Runtime } from "../../lib/engine/runtime.ts";
import { isReadable, readStored, readTensor, type WeightsFile } from "../../lib/io/weights_file.ts";
import { engineShape, toEngine } from "../../lib/nn/layout.ts";
import type { ParamSpec } from "../../lib/nn/scope.ts";
import type { Weights } from "../../lib/stages/weights.ts";
import { withWeights } from "../files.ts";

/** How a file is read. */
export interface LoadWeightsOptions {
  /** The name that the model gives a tensor of the file; by default the file's own. */
  readonly rename?: (name: string) => string;
  /** Which parameters are brought over; by default all. */
  readonly keep?: (name: string) => boolean;
}

/** What to do about a file that does not fit; messages end with it. */
const REMEDY = "put the file there that belongs to the config.json beside it";

/**
 * Loads a file's tensors; no more than one is held on the host at a time. Factors of products stay halves where the file has halves.
 *
 * @param specs All that the file must hold, and nothing else but `*.position_ids`.
 * @throws {SyntaxError} If a tensor is missing, is one too many, or has another shape, or the file is damaged; the message names
 * file and tensor, and nothing has been brought over.
 */
export function loadWeights(
  runtime: Runtime,
  path: string,
  specs: readonly ParamSpec[],
  { rename = (name) => name, keep = () => true }: LoadWeightsOptions = {},
): Promise<Weights> {
  return withWeights(path, async (file) => {
    const names = namesInFile(file, rename);
    checkTensors(path, file, names, specs);
    const weights: Record<string, DeviceArray> = {};
    try {
      for (const spec of specs) {
        if (!keep(spec.name)) continue;
        const own = names.get(spec.name)!;
        const read = mayBeHalves(spec) ? readStored : readTensor;
        const param = await read(file, own);
        checkFinite(path, own, param);
        weights[spec.name] = runtime.put(toEngine(param));
      }
    } catch (error) {
      runtime.free(Object.values(weights));
      throw error;
    }
    return weights;
  });
}

/** The file's names of tensors by the model's. Buffers of positions, which some files hold, are left out. */
function namesInFile(file: WeightsFile, rename: (name: string) => string): ReadonlyMap<string, string> {
  const names = [...file.entries.keys()].filter((name) => !name.endsWith(".position_ids"));
  return new Map(names.map((name) => [rename(name), name]));
}

function checkTensors(
  path: string,
  file: WeightsFile,
  names: ReadonlyMap<string, string>,
  specs: readonly ParamSpec[],
): void {
  const refuse = (why: string, found: string) => {
    throw new SyntaxError(`Cannot load ${path} as ${why}: ${found}; ${REMEDY}`);
  };
  for (const { name, shape } of specs) {
    const own = names.get(name);
    if (own === undefined) refuse("a tensor is missing", `${name} ${showShape(shape)}`);
    const found = file.entries.get(own!)!;
    if (!sameShape(found.shape, shape)) {
      refuse(
        `the tensor ${own} has another shape`,
        `${showShape(found.shape)} where ${showShape(shape)} is needed`,
      );
    }
  }
  const known = new Set(specs.map(({ name }) => name));
  for (const [name, own] of names) if (!known.has(name)) refuse("the model has no such tensor", own);
}

/** Whether a parameter may stay in memory what it is in a file of halves: what reads it widens it, to the same bits. */
function mayBeHalves({ shape, isFactor = false }: ParamSpec): boolean {
  return isFactor && canBeHalves(engineShape(shape));
}

function checkFinite(path: string, name: string, { data, dtype }: FloatTensor | HalfTensor): void {
  const isBad = dtype === "f16"
    ? (x: number) => (x & HALF_EXPONENT) === HALF_EXPONENT
    : (x: number) => !Number.isFinite(x);
  const bad = data.findIndex(isBad);
  if (bad !== -1) {
    throw new SyntaxError(
      `Cannot load ${path} as the tensor ${name} is damaged: element ${bad} is ${
        dtype === "f16" ? "not finite" : data[bad]
      }; ${REMEDY}`,
    );
  }
}

/** The bits that are all set in a half that is infinite or no number. */
const HALF_EXPONENT = 0x7c00;
