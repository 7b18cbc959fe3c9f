/**
 * An evaluation as a person reads it.
 *
 * @module
 */

import type { Estimate, Recognition } from "./compare.ts";
import type { Evaluation, ListResult } from "./evaluation.ts";

/** Lays an evaluation out in lines. */
export function showEvaluation({ model, lora, sampling, seeds, lists, left_out }: Evaluation): string[] {
  const { steps, eta, guidance } = sampling;
  return [
    `${model}, ${steps} steps, eta ${eta}, guidance ${guidance}`,
    ...lora === null ? [] : [`adapters: ${lora.path}, strength ${lora.strength}`],
    ...lists.flatMap((list) => ["", ...showList(list, model, guidance, seeds.length)]),
    ...Object.entries(left_out).flatMap(([name, file], i) => [
      ...i === 0 ? [""] : [],
      `left out: ${name}, as there is no ${file}`,
    ]),
  ];
}

function showList(list: ListResult, model: string, guidance: number, seeds: number): string[] {
  const { name, prompts, seen_in_training: seen, rewards, base, adapted } = list;
  const training = seen === null
    ? ""
    : `, ${seen === prompts.length ? "all" : seen === 0 ? "none" : seen} seen in training`;
  const rows = Object.entries(rewards).flatMap(([reward, { base, adapted, change, official }]) => [
    [
      reward,
      showEstimate(base),
      ...adapted === null || change === null ? [] : [
        showEstimate(adapted),
        showEstimate(change, true),
        change.in_base_std === null ? "" : signed(change.in_base_std, 3),
      ],
    ],
    ...official === undefined ? [] : [[
      `  as ${official.unit}`,
      showEstimate(official.base),
      ...official.adapted === null ? [] : [showEstimate(official.adapted)],
    ]],
  ]);
  const others: readonly (readonly [string, (measured: NonNullable<typeof base>) => string | null])[] = [
    ["diversity within a prompt", ({ diversity }) => diversity && showNumber(diversity.within)],
    ["diversity between prompts", ({ diversity }) => diversity && showNumber(diversity.between)],
    ["cosine with the prompt", ({ recognition }) => recognition && showNumber(recognition.alignment)],
  ];
  const seenByJudge = others.flatMap(([label, show]) => {
    const text = show(base);
    return text === null ? [] : [[label, text, ...adapted === null ? [] : [show(adapted) ?? ""]]];
  });
  const head = ["reward", "base", ...adapted === null ? [] : ["adapted", "change", "in base std"]];
  const size = `${counted(prompts.length, "prompt")} x ${counted(seeds, "seed")}`;
  const sentence = base.recognition === null ? [] : [
    `${model}, guidance ${guidance}, ${size}: right ${showRecognition(base.recognition)}` +
    (adapted?.recognition ? `; with adapters: right ${showRecognition(adapted.recognition)}` : ""),
  ];
  return [
    `${name}: ${size}${training}`,
    ...columns([head, ...rows, ...seenByJudge]).map((line) => `  ${line}`),
    ...sentence,
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function showRecognition({ accuracy, choices, what }: Recognition): string {
  return `${what} in ${Math.round(100 * accuracy)} of 100 (told from ${choices})`;
}

function showEstimate({ mean, standard_error }: Estimate, withSign = false): string {
  const text = withSign ? signed(mean, 4) : showNumber(mean);
  return standard_error === null ? text : `${text} ± ${showNumber(standard_error, 2)}`;
}

function signed(x: number, digits: number): string {
  return `${x < 0 ? "" : "+"}${showNumber(x, digits)}`;
}

/** A number with some digits that count, never with an exponent. */
function showNumber(x: number, digits = 4): string {
  if (!Number.isFinite(x)) return "-";
  if (x === 0) return "0";
  const decimals = digits - 1 - Math.floor(Math.log10(Math.abs(x)));
  return x.toFixed(Math.min(Math.max(decimals, 0), 6));
}

/** Rows of a table, each column as wide as its widest cell. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const count = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd());
}
