/**
 * Stand-in for the part of `jsr:@std/yaml` that the project uses, for machines that cannot reach JSR.
 *
 * That package grew out of the third major version of `js-yaml`, so the same text gives the same values here.
 *
 * @module
 */
// @ts-types="npm:@types/js-yaml@3.12.10"
import yaml from "js-yaml";

/** How {@linkcode stringify} lays the text out. */
export interface StringifyOptions {
  /** Spaces an indentation level takes; 2 by default. */
  readonly indent?: number;
  /** Level from which collections are written on one line; -1, never, by default. */
  readonly flowLevel?: number;
  /** Column that long strings are folded at; 80 by default. */
  readonly lineWidth?: number;
  /** Whether keys are sorted; false by default. */
  readonly sortKeys?: boolean;
}

/**
 * Reads one YAML document.
 *
 * @throws {SyntaxError} If the text is not YAML, or a key stands twice.
 */
export function parse(content: string): unknown {
  try {
    return yaml.safeLoad(content);
  } catch (error) {
    if (error instanceof yaml.YAMLException) throw new SyntaxError(error.message, { cause: error });
    throw error;
  }
}

/**
 * Writes a value as one YAML document.
 *
 * @throws {TypeError} If the value holds a function or `undefined`.
 */
export function stringify(data: unknown, options: StringifyOptions = {}): string {
  try {
    return yaml.safeDump(data, options);
  } catch (error) {
    if (error instanceof yaml.YAMLException) throw new TypeError(error.message, { cause: error });
    throw error;
  }
}
