/**
 * `attune kernel`: prints the shader of a kernel for given shapes.
 *
 * @module
 */

import type { Kernel } from "../kernels/kernel.ts";
import { readArguments } from "./arguments.ts";
import { families, writeKernels } from "./kernel/families.ts";
import type { Choices } from "./kernel/gemms.ts";
import { UsageError } from "./usage_error.ts";

const HELP = `Prints the shader of a kernel, named as profiles name it: attune train --profile, attune bench.

Usage: attune kernel NAME SHAPES… [--for software|hardware] [--tile ROWSxCOLUMNS[xLANESXxLANESY]]

  --for   what to write for: a software adapter, which is a CPU, or a GPU  (software)
  --tile  what an invocation of a matrix product or convolution owns      (the default for the shapes)
  --help  print this

Kernels, each with an example:

${
  Object.values(families).map(({ example, doc }) => `  attune kernel ${example.padEnd(52)} ${doc}`).join("\n")
}`;

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 * @throws {UsageError} If there is no such kernel, or the shapes cannot be read.
 */
export function run(args: readonly string[]): Promise<number> {
  const { words, help, ...options } = readArguments(args, { text: ["for", "tile"], words: Infinity });
  if (help || words.length === 0) {
    console.log(HELP);
    return Promise.resolve(help ? 0 : 2);
  }
  const [name, ...shapes] = words.flatMap((word) => word.split(/\s+/));
  console.log(writeKernels(name!, shapes.join(" "), choicesOf(options)).map(showKernel).join("\n\n"));
  return Promise.resolve(0);
}

function choicesOf(
  options: { readonly for?: string | undefined; readonly tile?: string | undefined },
): Choices {
  const { for: target = "software", tile } = options;
  if (target !== "software" && target !== "hardware") {
    throw new UsageError(`Cannot use --for as it is neither software nor hardware: ${target}`);
  }
  if (tile === undefined) return { target: { software: target === "software" } };
  const [rows, columns, lanesX = 8, lanesY = 1] = /^\d+x\d+(x\d+x\d+)?$/.test(tile)
    ? tile.split("x").map(Number)
    : [];
  if (!rows || !columns || columns % 4 !== 0 || !lanesX || !lanesY) {
    throw new UsageError(`Cannot use --tile as it takes 8x16 or 8x16x2x4, columns in fours: ${tile}`);
  }
  return { target: { software: target === "software" }, tile: { rows, columns, lanesX, lanesY } };
}

function showKernel({ name, code, workgroups, flops, bytes }: Kernel): string {
  const work = `${(flops / 1e6).toPrecision(4)} MFLOP, ${(bytes / 1e6).toPrecision(4)} MB`;
  return `// ${name}\n// workgroups ${workgroups.join(" x ")}; ${work}\n\n${code.trim()}`;
}
