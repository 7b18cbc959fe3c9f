/**
 * Whether a run has the same bits a second time, and after a stop: `deno run -A bench/reproduce.ts RUN [--stop 7]`.
 *
 * Trains with the configuration of a complete run twice more: at one go, and stopped by an interrupt once `stop` epochs are
 * complete, then resumed. Compares every line of metrics, but for what the machine decides, and every byte of the checkpoints that
 * both have; exits with 1 where one differs.
 * @module
 */

import { parseArgs } from "@std/cli";
import { join } from "node:path";
import { exists, pathOf, readText } from "../pipelines/files.ts";
import { withoutMachine } from "../pipelines/run/metrics_file.ts";

const { _: [run], stop = "7" } = parseArgs(Deno.args, { string: ["_", "stop"] });
if (typeof run !== "string") throw new TypeError("Cannot compare as no run is named: bench/reproduce.ts RUN");

const again = `${run}-again`, resumed = `${run}-resumed`;
await train(["--config", join(run, "config.yaml"), "--out", again]);
await train(["--config", join(run, "config.yaml"), "--out", resumed], Number(stop));
const stoppedAt = (await metricsOf(resumed)).length - 1;
await train(["--resume", resumed]);
const differences = [...await compared(again), ...await compared(resumed)];
console.log(`Run twice, and once stopped after epoch ${stoppedAt} and resumed.`);
differences.forEach((difference) => console.log(difference));
Deno.exitCode = differences.length === 0 ? 0 : 1;

/** Trains, and interrupts once so many epochs are complete. */
async function train(args: readonly string[], stopAfter = Infinity): Promise<void> {
  const cli = pathOf(new URL("../pipelines/cli.ts", import.meta.url));
  const process = new Deno.Command(Deno.execPath(), { args: ["run", "-A", cli, "train", ...args] }).spawn();
  let isRunning = true;
  const ended = process.status.finally(() => isRunning = false);
  while (isRunning && stopAfter < Infinity) {
    await Promise.race([ended, new Promise((done) => setTimeout(done, 500))]);
    if ((await metricsOf(args.at(-1)!)).length <= stopAfter) continue;
    process.kill("SIGINT");
    break;
  }
  const { code } = await ended;
  if (code !== 0) throw new Error(`Cannot compare as training failed: exit code ${code}`);
}

/** What is not the same in a run as in the first. */
async function compared(other: string): Promise<string[]> {
  const [mine, theirs] = [await metricsOf(run as string), await metricsOf(other)];
  const differences = mine.length === theirs.length ? [] : [`${other}: ${theirs.length} lines of metrics`];
  mine.forEach((line, i) => {
    if (line !== theirs[i]) differences.push(`${other}: metrics differ in line ${i + 1}`);
  });
  let files = 0;
  for await (const { name: epoch } of Deno.readDir(join(run as string, "checkpoints"))) {
    for await (const { name } of Deno.readDir(join(run as string, "checkpoints", epoch))) {
      const path = (folder: string) => join(folder, "checkpoints", epoch, name);
      const [a, b] = [await Deno.readFile(path(run as string)), await Deno.readFile(path(other))];
      if (a.length !== b.length || a.some((byte, i) => byte !== b[i])) {
        differences.push(`${path(other)} differs`);
      }
      files++;
    }
  }
  console.log(`${other}: ${mine.length} lines of metrics and ${files} files of checkpoints compared`);
  return differences;
}

async function metricsOf(folder: string): Promise<string[]> {
  const path = join(folder, "metrics.jsonl");
  return await exists(path) ? (await readText(path)).trim().split("\n").map(withoutMachine) : [];
}
