/**
 * Checks a configuration as it was written, and fills in what was left out.
 *
 * @module
 */

import type { z } from "zod";
import { methodOf, methods } from "../../lib/methods/mod.ts";
import { rewardCatalogue } from "../../lib/rewards/catalogue.ts";
import { checkMethod, type Defaults } from "../../lib/stages/method.ts";
import { checkOptions } from "../../lib/stages/options.ts";
import { checkRewardName } from "../load/check_reward_name.ts";
import { hint } from "../nearest.ts";
import { UsageError } from "../usage_error.ts";
import type { Compat } from "./field.ts";
import { LEARNING_RATE, listFields, listSections } from "./fields.ts";
import { guardBlindSpots } from "./guard_section.ts";
import { configSchema } from "./schema.ts";
import { overlaid, type RawConfig, treeOf, without } from "./tree.ts";
import { combinationOf, trainedNames } from "./training_rewards.ts";

/** A configuration: every field set, every switch resolved. */
export type Config = DeepReadonly<z.output<ReturnType<typeof configSchema>>>;

/** A record whose fields, and theirs, are read-only. */
export type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/**
 * Checks a configuration and resolves it.
 *
 * @throws {UsageError} If a key is unknown, a value has another type or range, or values cannot go together; the message names
 * the field.
 */
export function checkConfig(raw: RawConfig): Config {
  const compat: Compat = raw.compat === "official" ? "official" : "fixed";
  const start = treeOf(startOf(raw, compat));
  const result = configSchema(compat).safeParse(overlaid(start, withoutFollowers(raw)));
  if (!result.success) throw new UsageError(inWords(result.error.issues, raw));
  const config: Config = result.data;
  checkTogether(config);
  return config;
}

/** What fields start with where the schema does not say it: by the method, its reading, and whether there are adapters. */
function startOf({ method, lora }: RawConfig, compat: Compat): Defaults {
  const { name, defaults } = methods.find(({ name }) => name === method) ?? methods[0]!;
  if (lora !== null) return defaults[compat];
  const rate = listFields(compat, name, true).find(({ name }) => name === LEARNING_RATE)!;
  return { ...defaults[compat], [LEARNING_RATE]: rate.initial };
}

/** The tree without nulls that leave a field to its default, as they do where the field has no meaning of its own for them. */
function withoutFollowers(raw: RawConfig): RawConfig {
  const following = new Set(
    listFields("fixed").filter(({ type }) => !type.endsWith(" or null")).map(({ name }) => name),
  );
  return without(raw, (name, value) => value === null && following.has(name));
}

/** What no single field can tell. */
function checkTogether(config: Config): void {
  const { critic, per_prompt_stat_tracking: tracking, reset, rewards } = config;
  [...trainedNames(rewards.train), ...rewards.evaluate].forEach(checkRewardName);
  if (!encoders.includes(critic.encoder)) {
    throw new UsageError(
      `Cannot use critic.encoder as nothing is seen by ${critic.encoder}: there are ${encoders.join(", ")}`,
    );
  }
  if (critic.sees === "predicted" && critic.encoder === "unet") {
    throw new UsageError(
      "Cannot use critic.sees=predicted with critic.encoder=unet as the base model knows noisy latents of their timestep " +
        "only: set critic.sees=noisy, or another critic.encoder",
    );
  }
  if (critic.dropout.length > critic.hidden.length) {
    throw new UsageError(
      `Cannot use critic.dropout as critic.hidden has ${critic.hidden.length} layers: ${critic.dropout.length} rates`,
    );
  }
  if (tracking !== null && tracking.min_count > tracking.buffer_size) {
    throw new UsageError(
      `Cannot use per_prompt_stat_tracking as min_count is above buffer_size, so that it is never reached: ` +
        `${tracking.min_count} of ${tracking.buffer_size}`,
    );
  }
  if (config.lora === null && reset.of === "policy" && reset.mode !== "none") {
    throw new UsageError(
      "Cannot use reset.of policy as lora is null: of the policy only adapters have components that are reset; " +
        "set reset.of=critic or reset.mode=none",
    );
  }
  const blind = guardBlindSpots(config).find(({ isSet }) => isSet);
  if (blind !== undefined) throw new UsageError(`Cannot use guard.${blind.name} as ${blind.why}`);
  try {
    const options = { ...config, combination: combinationOf(rewards) };
    checkOptions(options);
    checkMethod(
      methodOf(config.method),
      options,
      rewardCatalogue[trainedNames(rewards.train)[0]] ?? null,
    );
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** What a critic may see by: rewards without weights have no image tower. */
const encoders: readonly string[] = [
  "reward",
  "latents",
  "unet",
  ...Object.values(rewardCatalogue).filter(({ needs }) => needs.includes("weights")).map(({ name }) => name),
];

/** The first problem as one line, and how many more there are. */
function inWords(issues: readonly z.core.$ZodIssue[], raw: RawConfig): string {
  const lines = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => unknownKey([...issue.path, key].join(".")))
      : [wrongValue(issue, raw)]
  );
  // An unknown key first: it often is why another field is wrong.
  const [first] = lines.toSorted((a, b) =>
    Number(b.includes("no such field")) - Number(a.includes("no such field"))
  );
  return lines.length > 1 ? `${first} (and ${lines.length - 1} more)` : first!;
}

function unknownKey(name: string): string {
  const fields = listFields("fixed");
  const renamed = fields.find(({ reference }) => reference !== undefined && isAt(reference, name));
  if (renamed !== undefined) return `Cannot read the configuration as ${name} is called ${renamed.name} here`;
  const names = [...fields.map((field) => field.name), ...Object.keys(listSections())];
  const misplaced = names.find((known) => known.split(".").at(-1) === name.split(".").at(-1));
  const meant = misplaced === undefined ? hint(name, names) : `; did you mean ${misplaced}?`;
  return `Cannot read the configuration as there is no such field: ${name}${meant}`;
}

/** Whether `name` is the dotted name `place` or a section that holds it. */
function isAt(place: string, name: string): boolean {
  return place === name || place.startsWith(`${name}.`);
}

function wrongValue(issue: z.core.$ZodIssue, raw: RawConfig): string {
  const [name, field] = fieldAt(issue.path);
  const value = valueAt(raw, name.split("."));
  // JSON has no word for what is not finite.
  const plain = (value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  const found = typeof value === "number"
    ? String(value)
    : JSON.stringify(value, (_, each) => plain(each)) ?? "nothing";
  const expected = field?.type ?? "section";
  // What is one of a few words is named by them.
  const article = /^(whole|number|text|list|mapping|section)\b/.test(expected) ? "a " : "";
  return `Cannot read the configuration as ${name} must be ${article}${expected}: ${found}`;
}

/** The field or section that a path leads to; a path into a list or mapping leads to the whole. */
function fieldAt(path: readonly PropertyKey[]): [string, { readonly type: string } | undefined] {
  const keys = path.filter((key) => typeof key === "string");
  const name = keys.join(".");
  const field = listFields("fixed").find((field) => isAt(name, field.name));
  return [field?.name ?? name, field];
}

function valueAt(raw: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], raw);
}
