/**
 * What a bench found, and how it is shown: one table, one record.
 *
 * @module
 */

import type { Bout } from "./contest.ts";
import { showCase } from "./gemm_case.ts";
import type { KernelRow } from "./kernel_rows.ts";

/** What a bench found. */
export interface Results {
  readonly adapter: string;
  readonly software: boolean;
  /** Medians over the bench; `null` where the adapter cannot time. */
  readonly peak: { readonly gflops: number; readonly copyGbs: number } | null;
  readonly kernels: readonly KernelRow[];
  /** Microseconds the host takes to encode a kernel, by step of training. */
  readonly hostMicroseconds: Readonly<Record<string, number>>;
  readonly contest: readonly Bout[];
  readonly seconds: number;
}

/** Operations from which on a product counts for the verdict. */
export const LARGE_FLOPS = 1e9;
/** What is asked of large products: times as fast as the fastest other, and part of the adapter's multiply-adds. */
export const GOALS = { ratio: 4, shareOfPeak: 0.2 };

/** Prints everything. */
export function showResults(results: Results): string {
  const { adapter, software, peak, seconds } = results;
  const ceiling = peak === null
    ? "no timestamps: times are the host's"
    : `peak ${peak.gflops.toFixed(0)} GFLOP/s of multiply-adds, ${peak.copyGbs.toFixed(1)} GB/s of copying`;
  return [
    `${adapter}${software ? " (software)" : ""}: ${ceiling}`,
    "",
    ...table(results),
    "",
    ...Object.entries(results.hostMicroseconds).map(([step, us]) =>
      `host, ${step}: ${us.toFixed(1)} µs a kernel`
    ),
    ...verdict(results.contest),
    `${seconds.toFixed(0)} s`,
  ].join("\n");
}

/** What large products miss, or that they miss nothing. */
export function verdict(contest: readonly Bout[]): string[] {
  const large = contest.filter(({ flops }) => flops >= LARGE_FLOPS);
  const ratios = large.flatMap(({ ratio }) => ratio ?? []);
  const shares = large.flatMap(({ shareOfPeak }) => shareOfPeak ?? []);
  const missed = large.flatMap((bout) => {
    const { ratio, shareOfPeak } = bout;
    return [
      ...ratio !== null && ratio < GOALS.ratio ? [`${showCase(bout.gemm)}: ${ratio.toFixed(1)} times`] : [],
      ...shareOfPeak !== null && shareOfPeak < GOALS.shareOfPeak
        ? [`${showCase(bout.gemm)}: ${percent(shareOfPeak)} of the peak`]
        : [],
    ];
  });
  const least = (values: readonly number[], show: (value: number) => string) =>
    values.length === 0 ? "not measured" : `at least ${show(Math.min(...values))}`;
  return [
    `${large.length} products of 1 GFLOP and more: ${
      least(ratios, (x) => `${x.toFixed(1)} times`)
    } the fastest other ` +
    `(goal ${GOALS.ratio}), ${least(shares, percent)} of the peak (goal ${percent(GOALS.shareOfPeak)})`,
    ...missed.map((text) => `missed by ${text}`),
  ];
}

function table({ peak, kernels, contest }: Results): string[] {
  const peers = [...new Set(contest.flatMap((bout) => Object.keys(bout.peers)))];
  const rate = (amount: number, ms: number) => amount / ms / 1e6;
  const share = (value: number, most: number | undefined) => most === undefined ? "" : percent(value / most);
  const head = [
    "model",
    "kernel",
    "count",
    "GFLOP",
    "ms",
    "GFLOP/s",
    "of peak",
    "GB/s",
    "of copy",
    ...peers,
    "ratio",
  ];
  const blank = peers.map(() => "");
  const rows = [
    ...kernels.map(({ model, name, count, ms, flops, bytes }) => [
      model,
      name.length > 48 ? `${name.slice(0, 47)}…` : name,
      `${count}`,
      (flops / 1e9).toFixed(2),
      ms.toFixed(2),
      rate(flops, ms).toFixed(1),
      share(rate(flops, ms), peak?.gflops),
      rate(bytes, ms).toFixed(1),
      share(rate(bytes, ms), peak?.copyGbs),
      ...blank,
      "",
    ]),
    ...contest.map((bout) => [
      bout.gemm.model,
      showCase(bout.gemm),
      "1",
      (bout.flops / 1e9).toFixed(2),
      bout.ms.toFixed(2),
      bout.gflops.toFixed(1),
      bout.shareOfPeak === null ? "" : percent(bout.shareOfPeak),
      "",
      "",
      ...peers.map((name) => {
        const timing = bout.peers[name];
        return timing === undefined ? "" : `${timing.ms.toFixed(1)} ms${timing.isFirst ? "*" : ""}`;
      }),
      bout.ratio === null ? "" : bout.ratio.toFixed(1),
    ]),
  ];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ").trimEnd();
  const note = contest.some((bout) => Object.values(bout.peers).some(({ isFirst }) => isFirst))
    ? ["* the first call, which compiles too"]
    : [];
  return [line(head), ...rows.map(line), ...note];
}

function percent(part: number): string {
  return `${(100 * part).toFixed(0)} %`;
}
