/**
 * Profiles as tables: by family of kernels, and the dearest single ones.
 *
 * @module
 */

import type { Profile } from "../../lib/gpu/program.ts";

/** Several dispatches taken together. */
export interface Group extends Profile {
  /** Dispatches. */
  readonly count: number;
}

/** Single kernels that are shown. */
const MOST_KERNELS = 12;

/** The family of a kernel: the first word of its name. */
export function familyOf({ name }: Pick<Profile, "name">): string {
  return /^\w+/.exec(name)?.[0] ?? name;
}

/** Adds up the dispatches that share a name given by `by`, the dearest group first. */
export function groupKernels(kernels: readonly Profile[], by: (kernel: Profile) => string): Group[] {
  const groups = Map.groupBy(kernels, by);
  const sum = (parts: readonly Profile[], of: (part: Profile) => number) =>
    parts.reduce((total, part) => total + of(part), 0);
  return [...groups].map(([name, parts]) => ({
    name,
    count: parts.length,
    ms: sum(parts, ({ ms }) => ms),
    flops: sum(parts, ({ flops }) => flops),
    bytes: sum(parts, ({ bytes }) => bytes),
  })).toSorted((a, b) => b.ms - a.ms);
}

/** Prints the families, then the dearest kernels. */
export function showProfile(kernels: readonly Profile[]): string {
  const total = kernels.reduce((sum, { ms }) => sum + ms, 0);
  const single = groupKernels(kernels, ({ name }) => name).slice(0, MOST_KERNELS);
  return [
    ...table(groupKernels(kernels, familyOf), total, "family"),
    "",
    ...table(single, total, "kernel"),
  ].join("\n");
}

function table(groups: readonly Group[], total: number, title: string): string[] {
  const cut = (name: string) => name.length > 60 ? `${name.slice(0, 59)}…` : name;
  const width = Math.max(title.length, ...groups.map(({ name }) => cut(name).length));
  const row = (name: string, cells: readonly string[]) =>
    `  ${name.padEnd(width)}${cells.map((cell) => cell.padStart(10)).join("")}`;
  return [
    row(title, ["count", "ms", "share", "GFLOP/s", "GB/s"]),
    ...groups.map(({ name, count, ms, flops, bytes }) =>
      row(cut(name), [
        `${count}`,
        ms.toFixed(2),
        `${(100 * ms / total).toFixed(1)} %`,
        (flops / ms / 1e6).toFixed(1),
        (bytes / ms / 1e6).toFixed(1),
      ])
    ),
  ];
}
