/**
 * The frame of kernels in which one invocation does one item of work.
 * @module
 */

import { spread } from "./kernel.ts";

/** A grid of invocations and how the shader enters it. */
export interface Grid {
  /** Workgroups to start along x, y and z. */
  readonly workgroups: readonly [number, number, number];
  /** The opening of `main`; after it `id` is the item, `lane` the invocation's number in its workgroup. */
  readonly entry: string;
}

/** One invocation for each of `count` items, `lanes` to a workgroup. */
export function oneEach(count: number, lanes: number): Grid {
  const workgroups = spread(Math.ceil(count / lanes));
  const entry = `${main(lanes)}
  let id = (group.y * ${workgroups[0]}u + group.x) * ${lanes}u + lane;
  if (id >= ${count}u) { return; }`;
  return { workgroups, entry };
}

/** One workgroup of `lanes` invocations for each of `count` items. */
export function groupEach(count: number, lanes: number): Grid {
  const workgroups = spread(count);
  const entry = `${main(lanes)}
  let id = group.y * ${workgroups[0]}u + group.x;
  if (id >= ${count}u) { return; }`;
  return { workgroups, entry };
}

function main(lanes: number): string {
  return `@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {`;
}
