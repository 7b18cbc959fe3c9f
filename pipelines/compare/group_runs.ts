/**
 * Sorts runs into arms: by the labels they are given, else by what their configurations differ in.
 *
 * @module
 */

import { shortName, showValue } from "../experiment/arms.ts";
import { exists } from "../files.ts";
import { fromCaller, fromHere } from "../paths.ts";
import { readRun } from "../report/read_run.ts";
import type { Tree } from "../report/tree.ts";
import { UsageError } from "../usage_error.ts";
import type { Entry } from "./read_runs.ts";
import { settingIn, varyingFields } from "./results.ts";

/**
 * Reads what was typed.
 *
 * @param words `RUN` or `LABEL=RUN` each; what is a folder as it stands has no label.
 * @returns The runs with their arms, in order; those whose configurations differ in nothing but the seed are of one arm.
 * @throws {UsageError} If one is no run.
 */
export async function groupRuns(words: readonly string[]): Promise<readonly Entry[]> {
  const typed = await Promise.all(words.map(async (word) => {
    const [, label = null, path = word] = /^([^=/\\]+)=(.*)$/s.exec(word) ?? [];
    const isWhole = await exists(fromCaller(word));
    const folder = fromCaller(isWhole ? word : path);
    const { config } = await readRun(folder);
    if (Object.keys(config).length === 0) {
      throw new UsageError(`Cannot compare as there is no run in ${folder}`);
    }
    return { label: isWhole ? null : label, folder, config };
  }));
  const configs = typed.filter(({ label }) => label === null).map(({ config }) => config);
  const fields = varyingFields(configs);
  return typed.map(({ label, folder, config }) => ({
    folder,
    name: fromHere(folder),
    arm: label ?? armName(config, fields),
  }));
}

/** The values that tell a configuration from the others; where nothing does, its method. */
function armName(config: Tree, fields: readonly string[]): string {
  if (fields.length === 0) return String(settingIn(config, "method") ?? "runs");
  return fields.map((field) => `${shortName(field, fields)}=${showValue(settingIn(config, field) ?? null)}`)
    .join(",");
}
