/**
 * What somebody trained, from a file: adapters, or a UNet all of whose weights were trained.
 *
 * @module
 */

import { type ParamTree, sameShape, type Shape, showShape } from "../lib/core/tensor.ts";
import type { ParamSpec } from "../lib/nn/scope.ts";
import { type AdapterFile, adaptersFor, readAdaptersAt } from "./adapters.ts";
import { readWeights, withWeights } from "./files.ts";
import { findPolicy, type PolicyPlace } from "./find_policy.ts";
import { hashFile, hashFiles } from "./load/model_folder.ts";
import type { LoadOptions } from "./load_pipeline.ts";
import { UNET_FILE } from "./run/policy_files.ts";
import { UsageError } from "./usage_error.ts";

/** A UNet from a file, whose weights are read when they are wanted. */
export interface UNetFile extends Omit<PolicyPlace, "isUNet"> {
  /** That it is no adapters. */
  readonly isUNet: true;
  /** The strings of its metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The shapes of its weights, by their names. */
  readonly shapes: ReadonlyMap<string, Shape>;
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
  const found = await withWeights(place.path, ({ entries, metadata }) => {
    const shapes = new Map([...entries.values()].map(({ name, shape }) => [name, shape]));
    return Promise.resolve({ shapes, metadata });
  }).catch((cause) => {
    throw new UsageError((cause as Error).message, { cause });
  });
  return { ...place, ...found, isUNet, hash: await hashPolicy({ ...place, isUNet }) };
}

/** The SHA-256 of a policy's file: of its content, and of a UNet's name, too. */
export function hashPolicy({ path, isUNet }: Pick<PolicyPlace, "path" | "isUNet">): Promise<string> {
  return isUNet ? hashFiles({ [UNET_FILE]: path }) : hashFile(path);
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
  checkShapes(file, new Map(specs.map(({ name, shape }) => [name, shape])));
  const params = await readWeights(file.path);
  for (const [name, { data }] of Object.entries(params)) {
    const bad = data.findIndex((x) => !Number.isFinite(x));
    if (bad !== -1) throw refusal(file, `${name} is damaged`, `element ${bad} is ${data[bad]}`);
  }
  return params;
}

/**
 * Checks that a UNet has a model's parameters and no others.
 *
 * @param shapes The shapes of the model's parameters, by their names.
 * @throws {UsageError} Naming the first that differs.
 */
export function checkShapes(file: UNetFile, shapes: ReadonlyMap<string, Shape>): void {
  for (const name of new Set([...shapes.keys(), ...file.shapes.keys()])) {
    const found = file.shapes.get(name), shape = shapes.get(name);
    if (found !== undefined && shape !== undefined && sameShape(found, shape)) continue;
    const [theirs, ours] = [found, shape].map((shape) => shape ? showShape(shape) : "no such tensor");
    throw refusal(file, "it is of another model", `${name} is ${theirs}, the model has ${ours}`);
  }
}

function refusal({ path }: UNetFile, why: string, found: string): UsageError {
  return new UsageError(`Cannot use the UNet ${path} as ${why}: ${found}`);
}
