/**
 * Shows a configuration: as a YAML file with a line of doc for each field, and as the list of fields in `--help`.
 *
 * @module
 */

import { stringify } from "@std/yaml";
import type { Config } from "./check.ts";
import { type ConfigField, listFields, listSections } from "./fields.ts";

/** What the file of defaults begins with. */
const HEADER = `# The default run: every field with its default, as \`attune config\` prints it.
# A switch that is null follows \`compat\`; README.md beside this file tells what it is about.

`;

/** The configuration as YAML that reads back to the same, each field with its doc. */
export function showConfig(config: Config): string {
  return fileOf(config, listFields(config.compat, config.method, config.lora === null));
}

/** The defaults as YAML to start from: as {@linkcode showConfig}, but switches are null and follow `compat`. */
export function configTemplate(): string {
  const fields = listFields("fixed");
  const sections = listSections();
  const tree: Record<string, unknown> = {};
  for (const { name, initial, readings } of fields) {
    const keys = name.split(".");
    const last = keys.pop()!;
    const section = keys.join(".");
    if (sections[section]?.isOff) {
      tree[section] = null;
      continue;
    }
    const node = keys.reduce((at, key) => (at[key] ??= {}) as Record<string, unknown>, tree);
    node[last] = readings === undefined ? initial : null;
  }
  return HEADER + fileOf(tree, fields);
}

/** The fields with defaults, types and docs, for `--help`. */
export function configHelp(): string {
  const fields = listFields("fixed");
  const width = Math.max(...fields.map(({ name }) => name.length));
  return fields.map((field) =>
    `  ${field.name.padEnd(width)}  ${field.doc}\n  ${"".padEnd(width)}  ${remarks(field)}`
  ).join("\n");
}

function remarks({ type, unit, initial, readings }: ConfigField): string {
  const standard = readings === undefined
    ? `default ${flow(initial)}`
    : `default ${flow(readings.fixed)}, official ${flow(readings.official)}`;
  return `[${type}${unit === undefined ? "" : `, in ${unit}`}; ${standard}]`;
}

function fileOf(config: object, fields: readonly ConfigField[]): string {
  const sections = listSections();
  return linesOf(config, "").join("\n").trimStart() + "\n";

  function linesOf(node: object, prefix: string): string[] {
    const indent = "  ".repeat(prefix.split(".").length - 1);
    return Object.entries(node).flatMap(([key, value]) => {
      const name = `${prefix}${key}`;
      const head = `${indent}${key}:`;
      if (Object.hasOwn(sections, name) && value !== null) {
        const gap = prefix === "" ? [""] : [];
        return [...gap, head, ...linesOf(value as object, `${name}.`)];
      }
      const field = fields.find((other) => other.name === name);
      if (field !== undefined) return [`${indent}# ${comment(field)}`, `${head} ${flow(value)}`];
      const off = sections[name]?.doc;
      return [...off === undefined ? [] : ["", `${indent}# ${off}`], `${head} ${flow(value)}`];
    });
  }
}

function comment({ doc, unit, readings }: ConfigField): string {
  const follows = readings === undefined
    ? ""
    : `; fixed: ${flow(readings.fixed)}, official: ${flow(readings.official)}`;
  return `${doc}${unit === undefined ? "" : ` [${unit}]`}${follows}`;
}

/** A value on one line. */
function flow(value: unknown): string {
  return stringify(value, { flowLevel: 0, lineWidth: -1 }).trim();
}
