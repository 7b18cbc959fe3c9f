/**
 * The programs that a cell is made by: `attune train` and `attune evaluate`, each a process of its own, so that one that
 * crashes takes no other cell with it and its memory is given back.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { fromCaller } from "../paths.ts";
import type { EvaluationSettings } from "./schema.ts";

/** What trains and evaluates cells, given their folders. */
export interface CellPrograms {
  /** Trains, going on from the last checkpoint. */
  readonly train: (folder: string, io: CellIo) => Promise<void>;
  /** Evaluates what was trained; the base model's images are kept in the folder `base`. */
  readonly evaluate: (
    folder: string,
    base: string,
    settings: EvaluationSettings,
    io: CellIo,
  ) => Promise<void>;
}

/** How a program is told to stop, and where its lines go. */
export interface CellIo {
  /** Tells to stop. */
  readonly stop: AbortSignal;
  /** Takes each line; `null`: the program has the terminal to itself. */
  readonly line: ((text: string) => void) | null;
}

/** The project's folder, whose tasks the programs are. */
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The programs as the command line has them. */
export const taskPrograms: CellPrograms = {
  train: (folder, io) => runTask(["train", "--resume", folder], io),
  evaluate: (folder, base, { prompts, seeds, rewards, judge }, io) =>
    // Its tables are in the report.
    runTask(
      [
        "evaluate",
        folder,
        ...prompts.flatMap((list) => ["--prompts", list]),
        ...["--seeds", `0-${seeds - 1}`],
        ...rewards === null ? [] : ["--rewards", rewards.join(",")],
        ...["--judge", judge, "--base", base],
      ],
      io,
      { isQuiet: true },
    ),
};

/**
 * Runs a task to its end.
 *
 * @param options `isQuiet`: whether nobody reads what it prints; errors and the bar are shown anyway.
 * @throws {Error} If it fails.
 */
async function runTask(
  args: readonly string[],
  { stop, line }: CellIo,
  { isQuiet = false } = {},
): Promise<void> {
  const to = line === null ? "inherit" : "piped";
  const process = new Deno.Command("deno", {
    args: ["task", "--quiet", "--cwd", ROOT, ...args],
    cwd: fromCaller("."),
    stdin: "null",
    stdout: isQuiet ? "null" : to,
    stderr: to,
  }).spawn();
  let isRunning = true;
  const ended = process.status.finally(() => isRunning = false);
  const pass = () => isRunning && process.kill("SIGINT");
  stop.addEventListener("abort", pass);
  try {
    const passed = line === null ? [] : [
      passLines(process.stderr, line),
      ...isQuiet ? [] : [passLines(process.stdout, line)],
    ];
    const [{ code }, errors = ""] = await Promise.all([ended, ...passed]);
    if (code !== 0) throw new Error(errors || `Cannot ${args[0]}: it ended with exit code ${code}`);
  } finally {
    stop.removeEventListener("abort", pass);
  }
}

/** Passes lines on; returns the last one. */
async function passLines(text: ReadableStream<Uint8Array>, line: (text: string) => void): Promise<string> {
  let last = "", rest = "";
  for await (const piece of text.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop()!;
    for (const each of lines) line(last = each);
  }
  if (rest !== "") line(last = rest);
  return last;
}
