/**
 * Weights from a file to where they are used: checked against what the model declares, then brought over tensor by tensor.
 *
 * @module
 */

import { findBeyondHalf, floatsToHalfs, HALF_MAX, halfsToFloats } from "../../lib/core/half.ts";
import {
  type FloatTensor,
  type HalfTensor,
  halves,
  sameShape,
  showShape,
  tensor,
} from "../../lib/core/tensor.ts";
import { canBeHalves } from "../../lib/engine/ops/factor.ts";
import type { DeviceArray, Runtime } from "../../lib/engine/runtime.ts";
import { show, showName } from "../../lib/io/show.ts";
import { pieceShape, takePiece, type TensorPiece } from "../../lib/io/tensor_piece.ts";
import { isReadable, readStored, readTensor, type WeightsFile } from "../../lib/io/weights_file.ts";
import { engineShape, toEngine } from "../../lib/nn/layout.ts";
import type { ParamSpec } from "../../lib/nn/scope.ts";
import type { Weights } from "../../lib/stages/weights.ts";
import { withWeights } from "../files.ts";
import { UsageError } from "../usage_error.ts";

/**
 * How weights are kept: factors of products as halves where the file has halves; all as floats; or all rounded to halves, in which
 * factors of products then lie.
 */
export type WeightStorage = "stored" | "f32" | "f16";

/** How a file is read. */
export interface LoadWeightsOptions {
  /** What a tensor of the file is to the model, nothing or several tensors even; by default the one of its name. */
  readonly pieces?: (name: string) => readonly TensorPiece[];
  /** Which parameters are brought over; by default all. */
  readonly keep?: (name: string) => boolean;
  /** The keys of a torch file that lead to its tensors, such as `["state_dict"]`; by default none. */
  readonly within?: readonly string[];
  /** How its weights are kept; by default as they are stored. */
  readonly storage?: WeightStorage;
}

/** What to do about a file that does not fit; messages end with it. */
const REMEDY = "put the file there that belongs to the config.json beside it";

/**
 * Loads the tensors of a safetensors or torch file; no more than one is held on the host at a time.
 *
 * @param specs All that the file must hold, and nothing else but `*.position_ids`.
 * @throws {SyntaxError} If a tensor is missing, is one too many, has another shape or type, or the file is damaged; the message
 * names file and tensor, and nothing is left on the device.
 * @throws {UsageError} If a value is to be rounded to a half and is beyond what halves reach.
 */
export function loadWeights(
  runtime: Runtime,
  path: string,
  specs: readonly ParamSpec[],
  { pieces = (name) => [{ name }], keep = () => true, within = [], storage = "stored" }: LoadWeightsOptions =
    {},
): Promise<Weights> {
  return withWeights(path, async (file) => {
    const sources = sourcesIn(path, file, pieces);
    checkTensors(path, file, sources, specs);
    const weights: Record<string, DeviceArray> = {};
    try {
      for (const spec of specs) {
        if (!keep(spec.name)) continue;
        const { own, piece } = sources.get(spec.name)!;
        const isHalf = storage !== "f32" && mayBeHalves(spec);
        const param = await (isHalf ? readStored : readTensor)(file, own);
        checkFinite(path, own, param);
        const kept = storage === "f16" ? rounded(path, own, param, isHalf) : param;
        weights[spec.name] = runtime.put(toEngine(takePiece(piece, kept)));
      }
    } catch (error) {
      runtime.free(Object.values(weights));
      throw error;
    }
    return weights;
  }, { within });
}

/** Where a tensor of the model comes from. */
interface Source {
  /** The file's tensor. */
  readonly own: string;
  /** The part of it. */
  readonly piece: TensorPiece;
}

/** Where each tensor comes from, by the model's names. Buffers of positions, which some files hold, are left out. */
function sourcesIn(
  path: string,
  file: WeightsFile,
  pieces: (name: string) => readonly TensorPiece[],
): ReadonlyMap<string, Source> {
  const sources = new Map<string, Source>();
  for (const own of file.entries.keys()) {
    if (own.endsWith(".position_ids")) continue;
    for (const piece of pieces(own)) {
      const other = sources.get(piece.name)?.own;
      if (other !== undefined) {
        throw refusal(path, "two of its tensors are the same one", `${showName(other)} and ${showName(own)}`);
      }
      sources.set(piece.name, { own, piece });
    }
  }
  return sources;
}

function checkTensors(
  path: string,
  file: WeightsFile,
  sources: ReadonlyMap<string, Source>,
  specs: readonly ParamSpec[],
): void {
  for (const { name, shape } of specs) {
    const source = sources.get(name);
    if (source === undefined) throw refusal(path, "a tensor is missing", `${name} ${showShape(shape)}`);
    const { own, piece } = source;
    const found = file.entries.get(own)!;
    if (!sameShape(pieceShape(piece, found.shape), shape)) {
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
  for (const [name, { own }] of sources) {
    if (!known.has(name)) throw refusal(path, "the model has no such tensor", showName(own));
  }
}

function refusal(path: string, why: string, found: string): SyntaxError {
  return new SyntaxError(`Cannot load ${path} as ${why}: ${found}; ${REMEDY}`);
}

/** Whether a parameter may lie in memory as halves: what reads it widens it, to the same bits. */
function mayBeHalves({ shape, isFactor = false }: ParamSpec): boolean {
  return isFactor && canBeHalves(engineShape(shape));
}

/** The parameter with every value the nearest half, as halves or as floats. */
function rounded(
  path: string,
  name: string,
  param: FloatTensor | HalfTensor,
  isHalf: boolean,
): FloatTensor | HalfTensor {
  if (param.dtype === "f16") return param;
  const { shape, data } = param;
  const beyond = findBeyondHalf(data);
  if (beyond !== -1) {
    throw new UsageError(
      `Cannot load ${path} in half precision as the tensor ${name} does not fit: element ${beyond} is ${
        data[beyond]
      }, beyond ${HALF_MAX}; set mixed_precision=f32`,
    );
  }
  const bits = floatsToHalfs(data);
  return isHalf ? halves(shape, bits) : tensor(shape, halfsToFloats(bits));
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
