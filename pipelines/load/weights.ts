/**
 * Weights from a file to where they are used: checked against what the model declares, then brought over tensor by tensor.
 *
 * @module
 */

import { type FloatTensor, type HalfTensor, sameShape, showShape } from "../../lib/core/tensor.ts";
import { canBeHalves } from "../../lib/engine/ops/factor.ts";
import type { DeviceArray, Runtime } from "../../lib/engine/runtime.ts";
import { show, showName } from "../../lib/io/show.ts";
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
  /** The keys of a torch file that lead to its tensors, such as `["state_dict"]`; by default none. */
  readonly within?: readonly string[];
}

/** What to do about a file that does not fit; messages end with it. */
const REMEDY = "put the file there that belongs to the config.json beside it";

/**
 * Loads the tensors of a safetensors or torch file; no more than one is held on the host at a time. Factors of products stay halves where the file has halves.
 *
 * @param specs All that the file must hold, and nothing else but `*.position_ids`.
 * @throws {SyntaxError} If a tensor is missing, is one too many, has another shape or type, or the file is damaged; the message
 * names file and tensor, and nothing is left on the device.
 */
export function loadWeights(
  runtime: Runtime,
  path: string,
  specs: readonly ParamSpec[],
  { rename = (name) => name, keep = () => true, within = [] }: LoadWeightsOptions = {},
): Promise<Weights> {
  return withWeights(path, async (file) => {
    const names = namesInFile(path, file, rename);
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
  }, { within });
}

/** The file's names of tensors by the model's. Buffers of positions, which some files hold, are left out. */
function namesInFile(
  path: string,
  file: WeightsFile,
  rename: (name: string) => string,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const own of file.entries.keys()) {
    if (own.endsWith(".position_ids")) continue;
    const other = names.get(rename(own));
    if (other !== undefined) {
      throw refusal(path, "two of its tensors are the same one", `${showName(other)} and ${showName(own)}`);
    }
    names.set(rename(own), own);
  }
  return names;
}

function checkTensors(
  path: string,
  file: WeightsFile,
  names: ReadonlyMap<string, string>,
  specs: readonly ParamSpec[],
): void {
  for (const { name, shape } of specs) {
    const own = names.get(name);
    if (own === undefined) throw refusal(path, "a tensor is missing", `${name} ${showShape(shape)}`);
    const found = file.entries.get(own)!;
    if (!sameShape(found.shape, shape)) {
      throw refusal(
        path,
        `the tensor ${own} has another shape`,
        `${show(found.shape)} where ${showShape(shape)} is needed`,
      );
    }
    if (!isReadable(found.dtype)) {
      throw refusal(path, `the tensor ${own} has a type that is not read`, `${found.dtype}, save it as F32`);
    }
  }
  const known = new Set(specs.map(({ name }) => name));
  for (const [name, own] of names) {
    if (!known.has(name)) throw refusal(path, "the model has no such tensor", showName(own));
  }
}

function refusal(path: string, why: string, found: string): SyntaxError {
  return new SyntaxError(`Cannot load ${path} as ${why}: ${found}; ${REMEDY}`);
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
    throw refusal(
      path,
      `the tensor ${name} is damaged`,
      `element ${bad} is ${dtype === "f16" ? "not finite" : data[bad]}`,
    );
  }
}

/** The bits that are all set in a half that is infinite or no number. */
const HALF_EXPONENT = 0x7c00;
