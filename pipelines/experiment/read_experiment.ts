/**
 * Reads an experiment: its file checked, and every cell with a whole configuration.
 *
 * @module
 */

import { basename } from "node:path";
import type { z } from "zod";
import { checkConfig, type Config, overlaid, type RawConfig, readRawConfig } from "../config/mod.ts";
import { parseYaml } from "../config/read.ts";
import { hint } from "../nearest.ts";
import { type EmbeddedFiles, embeddedNames, readNamed } from "../read_named.ts";
import { UsageError } from "../usage_error.ts";
import { type Arm, armsOf } from "./arms.ts";
import {
  type EvaluationSettings,
  type ExperimentFile,
  experimentSchema,
  type FieldValues,
} from "./schema.ts";

/** Experiments that come along. */
const EMBEDDED: EmbeddedFiles = {
  kind: "experiment",
  folder: new URL("../experiments/", import.meta.url),
  ending: ".yaml",
};

/** An experiment that can run. */
export interface Experiment {
  /** The file's name without its ending. */
  readonly name: string;
  /** The file as the person called it. */
  readonly file: string;
  /** What is done. */
  readonly title: string;
  /** What it is to answer. */
  readonly question: string;
  /** The arm that the others are held against. */
  readonly reference: string;
  /** The names of the arms, in order. */
  readonly arms: readonly string[];
  /** Every arm with every seed, all seeds of an arm in a row. */
  readonly cells: readonly Cell[];
  /** How a trained model is looked at. */
  readonly evaluation: EvaluationSettings;
  /** What counts as in domain and out of domain. */
  readonly domain: Domain;
}

/** One training of an experiment. */
export interface Cell {
  /** Its arm. */
  readonly arm: string;
  /** Its seed. */
  readonly seed: number;
  /** `arm/seed-1`: its name, and its folder below the experiment's. */
  readonly name: string;
  /** How it is trained. */
  readonly config: Config;
}

/** The names of rewards that count; `null` as in the experiment's file. */
export interface Domain {
  /** In domain. */
  readonly inDomain: readonly string[] | null;
  /** Out of domain. */
  readonly outOfDomain: readonly string[] | null;
}

/** The names of the experiments that come along. */
export function embeddedExperiments(): Promise<readonly string[]> {
  return embeddedNames(EMBEDDED);
}

/**
 * Reads an experiment.
 *
 * @param nameOrFile The name of one that comes along, or a YAML file, which has a dot or a slash in its name.
 * @throws {UsageError} If the file cannot be read or is wrong, or a cell's configuration is impossible; the message names it.
 */
export async function readExperiment(nameOrFile: string): Promise<Experiment> {
  const file = parseExperiment(await readNamed(nameOrFile, EMBEDDED), nameOrFile);
  const arms = armsOf(file);
  const common = await rawConfig(file, "the experiment");
  const cells: Cell[] = [];
  for (const arm of arms) {
    const raw = overlaid(common, await rawConfig(arm, arm.name));
    cells.push(...file.seeds.map((seed) => cellOf(arm, seed, raw)));
  }
  const { title, question, evaluation, in_domain: inDomain, out_of_domain: outOfDomain } = file;
  return {
    name: basename(nameOrFile).replace(/\.ya?ml$/, ""),
    file: nameOrFile,
    title,
    question,
    reference: referenceOf(file, arms),
    arms: arms.map(({ name }) => name),
    cells,
    evaluation,
    domain: { inDomain, outOfDomain },
  };
}

/**
 * Reads the text of an experiment's file.
 *
 * @param name What to call it in errors.
 */
function parseExperiment(text: string, name: string): ExperimentFile {
  const result = experimentSchema.safeParse(parseYaml(text, name));
  if (!result.success) throw new UsageError(`Cannot read ${name} as ${inWords(result.error.issues[0]!)}`);
  const { seeds, evaluation: { prompts, rewards } } = result.data;
  const lists = { seeds, "evaluation.prompts": prompts, "evaluation.rewards": rewards ?? [] };
  for (const [field, values] of Object.entries<readonly unknown[]>(lists)) {
    const twice = values.find((value, i) => values.indexOf(value) !== i);
    if (twice === undefined) continue;
    throw new UsageError(`Cannot read ${name} as one stands twice in ${field}: ${twice}`);
  }
  return result.data;
}

function inWords(issue: z.core.$ZodIssue): string {
  const path = issue.path.join(".");
  if (issue.code !== "unrecognized_keys") return `${path || "the whole"} is wrong: ${issue.message}`;
  const key = issue.keys[0]!;
  const name = path === "" ? key : `${path}.${key}`;
  return `there is no such field: ${name}${hint(key, Object.keys(experimentSchema.shape))}`;
}

/** Configurations and fields over them, unchecked. */
async function rawConfig(
  { configs, set }: { readonly configs: readonly string[]; readonly set: FieldValues },
  name: string,
): Promise<RawConfig> {
  // JSON is YAML, which is what a setting's value is read as.
  const settings = Object.entries(set).map(([field, value]) => `${field}=${JSON.stringify(value)}`);
  try {
    return await readRawConfig({ config: configs, set: settings });
  } catch (cause) {
    throw new UsageError(`Cannot run ${name}: ${(cause as Error).message}`, { cause });
  }
}

function cellOf({ name: arm }: Arm, seed: number, raw: RawConfig): Cell {
  const name = `${arm}/seed-${seed}`;
  try {
    return { arm, seed, name, config: checkConfig({ ...raw, seed }) };
  } catch (cause) {
    throw new UsageError(`Cannot run ${name}: ${(cause as Error).message}`, { cause });
  }
}

function referenceOf({ reference }: ExperimentFile, arms: readonly Arm[]): string {
  if (reference === undefined) return arms[0]!.name;
  if (arms.some(({ name }) => name === reference)) return reference;
  const names = arms.map(({ name }) => name);
  throw new UsageError(
    `Cannot use reference as there is no such arm: ${reference}; there are ${names.join(", ")}`,
  );
}
