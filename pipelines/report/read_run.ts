/**
 * Reads what there is of a run: a run may be going on, cut short, or written by another version.
 *
 * @module
 */

import { parse } from "@std/yaml";
import { basename, join, resolve } from "node:path";
import { isRecord } from "../config/tree.ts";
import { exists } from "../files.ts";
import { numberAt, type Tree } from "./tree.ts";

/** A file that belongs to an epoch. */
export interface EpochFile {
  /** How many epochs the model had been trained for. */
  readonly epoch: number;
  /** Where it is. */
  readonly path: string;
}

/** All that was found of a run. */
export interface Run {
  /** Its folder. */
  readonly folder: string;
  /** Its folder's name. */
  readonly name: string;
  /** The lines of `metrics.jsonl`, in the order of their epochs. */
  readonly lines: readonly Tree[];
  /** `config.yaml`. */
  readonly config: Tree;
  /** `manifest.json`. */
  readonly manifest: Tree;
  /** Grids of images, in order. */
  readonly images: readonly EpochFile[];
  /** Checkpoints, in order. */
  readonly checkpoints: readonly EpochFile[];
  /** What is missing or damaged, a sentence each. */
  readonly gaps: readonly string[];
}

/** Reads a run; what is missing is empty, and named in `gaps`. */
export async function readRun(folder: string): Promise<Run> {
  const gaps: string[] = [];
  const config = await readTree(join(folder, "config.yaml"), parse, gaps);
  const manifest = await readTree(join(folder, "manifest.json"), JSON.parse, gaps);
  const lines = await readLines(join(folder, "metrics.jsonl"), gaps);
  const images = await listEpochs(join(folder, "images"), /^epoch-(\d+)\.png$/);
  if (images.length === 0) gaps.push("There are no images.");
  const checkpoints = await listEpochs(join(folder, "checkpoints"), /^epoch-(\d+)$/);
  return { folder, name: basename(resolve(folder)), lines, config, manifest, images, checkpoints, gaps };
}

/** The epoch of a line. */
export function epochOf(line: Tree): number {
  return numberAt(line, "epoch")!;
}

async function readTree(path: string, parseText: (text: string) => unknown, gaps: string[]): Promise<Tree> {
  const name = basename(path);
  if (!await exists(path)) {
    gaps.push(`There is no ${name}.`);
    return {};
  }
  try {
    const tree = parseText(await Deno.readTextFile(path));
    if (isRecord(tree)) return tree;
  } catch { /* Said below. */ }
  gaps.push(`${name} cannot be read.`);
  return {};
}

async function readLines(path: string, gaps: string[]): Promise<readonly Tree[]> {
  if (!await exists(path)) {
    gaps.push("There is no metrics.jsonl.");
    return [];
  }
  const texts = (await Deno.readTextFile(path)).split("\n").filter((text) => text.trim() !== "");
  const lines = texts.map(parseLine).filter((line) => line !== undefined);
  const lost = texts.length - lines.length;
  if (lost > 0) gaps.push(`${lost} of the ${texts.length} lines of metrics.jsonl cannot be read.`);
  if (texts.length === 0) gaps.push("metrics.jsonl is empty.");
  // What was written last of an epoch counts.
  const byEpoch = new Map(lines.map((line) => [epochOf(line), line]));
  return [...byEpoch.values()].sort((a, b) => epochOf(a) - epochOf(b));
}

function parseLine(text: string): Tree | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return isRecord(line) && numberAt(line, "epoch") !== undefined ? line : undefined;
  } catch {
    return undefined;
  }
}

async function listEpochs(folder: string, pattern: RegExp): Promise<readonly EpochFile[]> {
  if (!await exists(folder)) return [];
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.flatMap(({ name }) => {
    const epoch = pattern.exec(name)?.[1];
    return epoch === undefined ? [] : [{ epoch: Number(epoch), path: join(folder, name) }];
  }).sort((a, b) => a.epoch - b.epoch);
}
