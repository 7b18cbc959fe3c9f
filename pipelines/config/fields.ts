/**
 * The configuration's fields as a flat list, and their types in words.
 *
 * @module
 */

import { z } from "zod";
import { methods } from "../../lib/methods/mod.ts";
import type { Defaults } from "../../lib/stages/method.ts";
import type { Compat, FieldNotes } from "./field.ts";
import { configSchema } from "./schema.ts";

/** A field of the configuration. */
export interface ConfigField extends FieldNotes {
  /** Its dotted name. */
  readonly name: string;
  /** What it takes, in words: `whole number from 1`. */
  readonly type: string;
  /** Its value where nothing is said. */
  readonly initial: unknown;
}

/** The field of the policy's learning rate, which starts lower where all weights are trained. */
export const LEARNING_RATE = "train.learning_rate";

/** This share of the learning rate of adapters takes all weights of the UNet about as far from the base model in an epoch. */
const WHOLE_SHARE = 1 / 100;

/** The part of JSON Schema that the configuration's schema turns into. */
interface JsonType extends Partial<FieldNotes> {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonType>>;
  readonly items?: JsonType;
  readonly prefixItems?: readonly JsonType[];
  readonly additionalProperties?: JsonType | false;
  readonly anyOf?: readonly JsonType[];
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/**
 * Every field in the order of the schema, with the defaults of a method in a reading.
 *
 * @param name The method's; by default, and where there is none of this name, that of the default method.
 * @param isWhole Whether it trains all weights of the UNet, rather than adapters.
 */
export function listFields(compat: Compat, name?: string, isWhole = false): readonly ConfigField[] {
  const { defaults } = methods.find((method) => method.name === name) ?? methods[0]!;
  return fieldsOf(z.toJSONSchema(configSchema(compat)) as JsonType, "").map((field) => {
    const initial = field.name === "method" && name !== undefined ? name : field.initial;
    const { fixed, official } = field.readings ?? { fixed: initial, official: initial };
    const valueOf = (values: Defaults, otherwise: unknown) => {
      const value = Object.hasOwn(values, field.name) ? values[field.name] : otherwise;
      return isWhole && field.name === LEARNING_RATE ? WHOLE_SHARE * (value as number) : value;
    };
    const readings = {
      fixed: valueOf(defaults.fixed, fixed),
      official: valueOf(defaults.official, official),
    };
    const differs = JSON.stringify(readings.fixed) !== JSON.stringify(readings.official);
    return {
      ...field,
      initial: readings[compat],
      ...differs || field.readings !== undefined ? { readings } : {},
    };
  });
}

/** A section of the configuration. */
export interface ConfigSection {
  /** Whether it may be null as a whole. */
  readonly nullable: boolean;
  /** Whether it is null where nothing is said. */
  readonly isOff: boolean;
  /** What a null section is without. */
  readonly doc?: string;
}

/** The sections by their names: `train`, `critic.inputs`, … */
export function listSections(): Readonly<Record<string, ConfigSection>> {
  return Object.fromEntries(sectionsOf(z.toJSONSchema(configSchema("fixed")) as JsonType, ""));
}

function fieldsOf(node: JsonType, prefix: string): ConfigField[] {
  return Object.entries(objectOf(node)?.properties ?? {}).flatMap(([key, child]) => {
    if (objectOf(child) !== undefined) return fieldsOf(child, `${prefix}${key}.`);
    const { doc = "", unit, readings, reference, default: initial } = child;
    return [{
      name: `${prefix}${key}`,
      type: typeInWords(child),
      initial,
      doc,
      ...(unit === undefined ? {} : { unit }),
      ...(readings === undefined ? {} : { readings }),
      ...(reference === undefined ? {} : { reference }),
    }];
  });
}

function sectionsOf(node: JsonType, prefix: string): [string, ConfigSection][] {
  return Object.entries(objectOf(node)?.properties ?? {}).flatMap(([key, child]) => {
    if (objectOf(child) === undefined) return [];
    const name = `${prefix}${key}`;
    const { anyOf, default: initial, doc } = child;
    const section = {
      nullable: anyOf !== undefined,
      isOff: initial === null,
      ...(doc === undefined ? {} : { doc }),
    };
    return [[name, section], ...sectionsOf(child, `${name}.`)];
  });
}

/** The object that a section is, possibly beside null. */
function objectOf(node: JsonType): JsonType | undefined {
  return [node, ...node.anyOf ?? []].find(({ properties }) => properties !== undefined);
}

function typeInWords(node: JsonType): string {
  if (node.anyOf !== undefined) return node.anyOf.map(typeInWords).join(" or ");
  const choices = node.enum ?? (node.const === undefined ? undefined : [node.const]);
  if (choices !== undefined) return choices.join(" | ");
  switch (node.type) {
    case "integer":
      return `whole number${rangeInWords(node)}`;
    case "number":
      return `number${rangeInWords(node)}`;
    case "boolean":
      return "true | false";
    case "string":
      return "text";
    case "array":
      return node.prefixItems === undefined
        ? `list of [${typeInWords(node.items ?? {})}]`
        : `[${node.prefixItems.map(typeInWords).join(", ")}]`;
    case "object":
      return `mapping to [${typeInWords(node.additionalProperties || {})}]`;
    default:
      return node.type ?? "anything";
  }
}

function rangeInWords({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonType): string {
  const low = exclusiveMinimum !== undefined
    ? ` above ${exclusiveMinimum}`
    : minimum !== undefined
    ? ` from ${minimum}`
    : "";
  const high = exclusiveMaximum !== undefined
    ? ` to below ${exclusiveMaximum}`
    : maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
    ? ` to ${maximum}`
    : "";
  return low + high;
}
