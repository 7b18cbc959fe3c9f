/**
 * How quantities go together over the arms of an experiment or a comparison, each arm by its mean over seeds:
 * `deno run -A bench/correlations.ts FOLDER [--of explained,dormant] [--with in_domain,…] [--without arm,…]`.
 *
 * Each cell is Pearson's correlation with its interval of 95 %. Keys are those of the folder's `results.json`.
 * @module
 */

import { parseArgs } from "@std/cli";
import { join } from "node:path";
import { correlation } from "../lib/measures/correlation.ts";
import type { Results } from "../pipelines/compare/results.ts";

const {
  _: [folder],
  of = "explained,dormant",
  with: others = "in_domain,out_of_domain,reward_gold,sqrt_kl",
  without = "",
} = parseArgs(Deno.args, { string: ["_", "of", "with", "without"] });
if (folder === undefined) {
  throw new Error("Cannot correlate without a folder that holds results.json: name one");
}

const { results, quantities }: Results = JSON.parse(await Deno.readTextFile(join(folder, "results.json")));
const left = keysIn(without);
const unknown = left.find((name) => !results.some(({ arm }) => arm === name));
if (unknown !== undefined) throw new Error(`Cannot leave out ${unknown}, as there is no such arm`);
const arms = results.filter(({ arm }) => !left.includes(arm));

const columns = keysIn(others);
const rows = keysIn(of).map((key) => [label(key), ...columns.map((column) => cell(key, column))]);
const head = [`${arms.length} arms`, ...columns.map(label)];
console.log([head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n"));

function keysIn(list: string): string[] {
  return list.split(",").filter((key) => key !== "");
}

function label(key: string): string {
  const quantity = quantities.find((quantity) => quantity.key === key);
  if (quantity === undefined) {
    throw new Error(`Cannot find ${key}: there is ${quantities.map(({ key }) => key).join(", ")}`);
  }
  return quantity.label;
}

/** Over the arms that tell both. */
function cell(first: string, second: string): string {
  const pairs = arms.flatMap(({ values }) => {
    const [x, y] = [values[first], values[second]];
    return x === undefined || y === undefined ? [] : [[x.mean, y.mean] as const];
  });
  const found = correlation(pairs.map(([x]) => x), pairs.map(([, y]) => y));
  if (found === null) return "";
  const { coefficient, low, high } = found;
  return `${coefficient.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)}, ${pairs.length} arms)`;
}
