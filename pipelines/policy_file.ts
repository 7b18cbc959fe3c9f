/**
 * What somebody trained, from a file: adapters, or a UNet all of whose weights were trained.
 *
 * @module
 */

import { type ParamTree, sameShape, showShape, size } from "../lib/core/tensor.ts";
import { readTensors } from "../lib/io/weights_file.ts";
import type { ParamSpec } from "../lib/nn/scope.ts";
import { type AdapterFile, adaptersFor, readAdaptersAt } from "./adapters.ts";
import { withWeights } from "./files.ts";
import { findPolicy, type PolicyPlace } from "./find_policy.ts";
import { hashFiles } from "./load/model_folder.ts";
import type { LoadOptions } from "./load_pipeline.ts";
import { UNET_FILE } from "./run/policy_files.ts";
import { UsageError } from "./usage_error.ts";

/** A UNet from a file, whose weights are read when they are wanted. */
export interface UNetFile extends Omit<PolicyPlace, "isUNet"> {
  /** That it is no adapters. */
  readonly isUNet: true;
  /** The strings of its metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** How many weights it has. */
  readonly weights: number;
  /** The SHA-256 of its name and content. */
  readonly hash: string;
}

/** What a run stands for. */
export type PolicyFile = AdapterFile | UNetFile;

/**
 * Reads what somebody trained.
 *
 * @param path As `findPolicy` takes it.
 * @throws {UsageError} If there is nothing, or the file is damaged; the message names it.
 */
export async function readPolicyFile(path: string): Promise<PolicyFile> {
  const { isUNet, ...place } = await findPolicy(path);
  if (!isUNet) return await readAdaptersAt(place);
  const found = await withWeights(
    place.path,
    ({ entries, metadata }) =>
      Promise.resolve({
        metadata,
        weights: [...entries.values()].reduce((sum, { shape }) => sum + size(shape), 0),
      }),
  ).catch((cause) => {
    throw new UsageError((cause as Error).message, { cause });
  });
  return { ...place, ...found, isUNet, hash: await hashFiles({ [UNET_FILE]: place.path }) };
}

/** What a model has to be loaded with so that a policy fits it: adapters of its rank, or none. */
export function loraFor(file: PolicyFile): NonNullable<LoadOptions["lora"]> | null {
  return file.isUNet ? null : { rank: file.rank };
}

/**
 * The parameters by the names that a model has for them.
 *
 * @param specs Of the model's policy, loaded as {@linkcode loraFor} says.
 * @throws {UsageError} If they are of another model, or damaged.
 */
export async function paramsFor(file: PolicyFile, specs: readonly ParamSpec[]): Promise<ParamTree> {
  if (!file.isUNet) return adaptersFor(file, specs);
  const params = await withWeights(file.path, readTensors);
  const shapes = new Map(specs.map(({ name, shape }) => [name, shape]));
  for (const name of new Set([...shapes.keys(), ...Object.keys(params)])) {
    const found = params[name], shape = shapes.get(name);
    if (found === undefined || shape === undefined || !sameShape(found.shape, shape)) {
      const [theirs, ours] = [found?.shape, shape].map((shape) =>
        shape ? showShape(shape) : "no such tensor"
      );
      throw refusal(file, "it is of another model", `${name} is ${theirs}, the model has ${ours}`);
    }
    const bad = found.data.findIndex((x) => !Number.isFinite(x));
    if (bad !== -1) throw refusal(file, `${name} is damaged`, `element ${bad} is ${found.data[bad]}`);
  }
  return params;
}

function refusal({ path }: UNetFile, why: string, found: string): UsageError {
  return new UsageError(`Cannot use the UNet ${path} as ${why}: ${found}`);
}
