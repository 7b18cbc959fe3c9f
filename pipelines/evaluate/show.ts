/**
 * An evaluation as a person reads it.
 *
 * @module
 */

import type { Estimate } from "../../lib/measures/estimate.ts";
import type { Fidelity } from "../../lib/measures/fidelity.ts";
import type { PricedGain, Seen } from "./compare.ts";
import type { Evaluation, ListResult } from "./evaluation.ts";
import type { Recognition } from "./measure.ts";

/** What a judge sees: a row each, with what is left of the base's where that makes sense. */
const JUDGED: readonly {
  readonly label: string;
  readonly show: (seen: Seen) => string | null;
  readonly ratio?: keyof NonNullable<ListResult["diversity_ratio"]>;
}[] = [
  {
    label: "diversity within a prompt",
    show: ({ diversity }) => diversity && showNumber(diversity.within),
    ratio: "within",
  },
  {
    label: "diversity between prompts",
    show: ({ diversity }) => diversity && showNumber(diversity.between),
    ratio: "between",
  },
  {
    label: "different images of a prompt",
    show: ({ diversity }) => diversity && showNumber(diversity.vendi),
    ratio: "vendi",
  },
  {
    label: "copies among a prompt's pairs",
    show: ({ diversity }) => diversity && showShare(diversity.near_duplicates),
  },
  {
    label: "entropy of all images, nats",
    show: ({ diversity }) => diversity?.truncated_entropy?.toFixed(1) ?? null,
  },
];

/** Lays an evaluation out in lines. */
export function showEvaluation({ model, lora, sampling, seeds, lists, left_out }: Evaluation): string[] {
  const { steps, eta, guidance } = sampling;
  return [
    `${model}, ${steps} steps, eta ${eta}, guidance ${guidance}`,
    ...lora === null ? [] : [`trained: ${lora.path}, strength ${lora.strength}`],
    ...lists.flatMap((list) => ["", ...showList(list, model, guidance, seeds.length)]),
    ...Object.entries(left_out).flatMap(([name, file], i) => [
      ...i === 0 ? [""] : [],
      `left out: ${name}, as there is no ${file}`,
    ]),
  ];
}

function showList(list: ListResult, model: string, guidance: number, seeds: number): string[] {
  const { name, prompts, notes, seen_in_training: seen, rewards, clip_score, base, adapted, fidelity } = list;
  const gain = list.cross_reward;
  const training = seen === null
    ? ""
    : `, ${seen === prompts.length ? "all" : seen === 0 ? "none" : seen} seen in training`;
  const scored = { ...rewards, ...clip_score && { "CLIP score of the prompt": clip_score } };
  const rows = Object.entries(scored).flatMap(([reward, { base, adapted, change, official }]) => [
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
  const seenByJudge = JUDGED.flatMap(({ label, show, ratio }) => {
    const text = show(base);
    if (text === null) return [];
    const left = ratio === undefined ? undefined : list.diversity_ratio?.[ratio];
    const others = adapted === null
      ? []
      : [show(adapted) ?? "", left === undefined ? "" : `x ${showNumber(left, 3)}`];
    return [[label, text, ...others]];
  });
  const head = ["reward", "base", ...adapted === null ? [] : ["adapted", "change", "in base std"]];
  const size = `${counted(prompts.length, "prompt")} x ${counted(seeds, "seed")}`;
  const sentence = base.recognition === null ? [] : [
    `${model}, guidance ${guidance}, ${size}: right ${showRecognition(base.recognition)}` +
    (adapted?.recognition ? `; trained: right ${showRecognition(adapted.recognition)}` : ""),
  ];
  return [
    `${name}: ${size}${training}`,
    ...notes,
    ...columns([head, ...rows, ...seenByJudge]).map((line) => `  ${line}`),
    ...fidelity === null ? [] : [`  against the base's images: ${showFidelity(fidelity)}`],
    ...gain === null ? [] : showGain(gain, list.seen_gap),
    ...sentence,
  ];
}

function showFidelity({ kid, cmmd, precision, recall }: Fidelity): string {
  const parts = { KID: kid, CMMD: cmmd, precision, recall };
  return Object.entries(parts).map(([name, x]) => `${name} ${x === null ? "-" : showNumber(x, 3)}`).join(
    ", ",
  );
}

function showGain(gain: PricedGain, gap: ListResult["seen_gap"]): string[] {
  const { trained, in_domain: own, out_of_domain: others, watched, net_gain: net } = gain;
  const [worst, { mean: least }] = Object.entries(watched).reduce((a, b) => b[1].mean < a[1].mean ? b : a);
  return [
    `  in base std: ${trained} ${showEstimate(own, true)}, watched rewards ${showEstimate(others, true)} ` +
    `(least: ${worst} ${signed(least, 3)}), net gain ${net === null ? "-" : signed(net, 3)}`,
    ...gap === null ? [] : [
      `  gain on seen prompts less that on these: ${showEstimate(gap, true)}`,
    ],
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function showRecognition({ accuracy, choices, what }: Recognition): string {
  return `${what} in ${Math.round(100 * accuracy)} of 100 (told from ${choices})`;
}

function showEstimate(
  { mean, standard_error }: Pick<Estimate, "mean" | "standard_error">,
  withSign = false,
): string {
  const text = withSign ? signed(mean, 4) : showNumber(mean);
  return standard_error === null ? text : `${text} ± ${showNumber(standard_error, 2)}`;
}

function showShare(x: number): string {
  return Number.isFinite(x) ? `${(100 * x).toFixed(1)} %` : "-";
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
