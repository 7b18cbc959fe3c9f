/**
 * Reads a configuration from a file and the command line.
 *
 * @module
 */

import { parse } from "@std/yaml";
import { type EmbeddedFiles, embeddedNames, readNamed } from "../read_named.ts";
import { UsageError } from "../usage_error.ts";
import { checkConfig, type Config } from "./check.ts";
import { isRecord, overlaid, type RawConfig } from "./tree.ts";

/** Configurations that come along; what the embedded model is made by is none of a run. */
const EMBEDDED: EmbeddedFiles = {
  kind: "configuration",
  folder: new URL("../configs/", import.meta.url),
  ending: ".yaml",
  except: ["pretrain"],
};

/** Where a configuration comes from. */
export interface ConfigSource {
  /**
   * YAML files, or names of embedded ones (`memory-8gb`), which have neither dot nor slash; fields of later ones count. Without
   * any, the defaults.
   */
  readonly config?: string | readonly string[] | undefined;
  /** `key=value` each, in the order given; a value is read as YAML. */
  readonly set?: readonly string[] | undefined;
}

/**
 * Reads, completes and checks a configuration.
 *
 * @throws {UsageError} If the file or a setting cannot be read or is wrong; the message names it.
 */
export async function readConfig(source: ConfigSource): Promise<Config> {
  return checkConfig(await readRawConfig(source));
}

/** As {@linkcode readConfig}, but neither completed nor checked, to lay over another. */
export async function readRawConfig({ config = [], set = [] }: ConfigSource): Promise<RawConfig> {
  let raw: RawConfig = {};
  for (const name of [config].flat()) raw = overlaid(raw, parseConfig(await readNamed(name, EMBEDDED), name));
  return set.reduce(withSetting, raw);
}

/** The names of the embedded configurations of runs. */
export function embeddedConfigs(): Promise<readonly string[]> {
  return embeddedNames(EMBEDDED);
}

/**
 * Reads the text of a YAML file as a configuration, unchecked.
 *
 * @param name What to call it in errors.
 * @throws {UsageError} If it is not YAML, or no mapping.
 */
export function parseConfig(text: string, name: string): RawConfig {
  const value = parseYaml(text, name);
  if (value === null || value === undefined) return {};
  if (!isRecord(value)) {
    throw new UsageError(`Cannot read ${name} as it holds no mapping: ${JSON.stringify(value)}`);
  }
  return value;
}

/**
 * A configuration with one field set by `key=value`.
 *
 * @throws {UsageError} If there is no key or no value, or the key leads through something that has no fields.
 */
export function withSetting(raw: RawConfig, setting: string): RawConfig {
  const [, key = "", text] = /^([^=]*)=(.*)$/s.exec(setting) ?? [];
  if (text === undefined || !/^[^.]+(\.[^.]+)*$/.test(key)) {
    throw new UsageError(`Cannot use --set as it takes key=value: ${setting}`);
  }
  return withValue(raw, key.split("."), parseYaml(text, `--set ${key}`) ?? null, key);
}

function withValue(node: RawConfig, keys: readonly string[], value: unknown, whole: string): RawConfig {
  const [key, ...rest] = keys;
  if (rest.length === 0) return { ...node, [key!]: value };
  const child = node[key!] ?? {};
  if (!isRecord(child)) {
    throw new UsageError(`Cannot set ${whole} as ${key} has no fields: ${JSON.stringify(child)}`);
  }
  return { ...node, [key!]: withValue(child, rest, value, whole) };
}

/**
 * Reads a text as YAML.
 *
 * @param name What to call it in errors.
 * @throws {UsageError} If it is none.
 */
export function parseYaml(text: string, name: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const problem = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new UsageError(`Cannot read ${name} as it is no YAML: ${problem}`, { cause: error });
  }
}
