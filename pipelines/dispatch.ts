/**
 * Picks a task by its name, runs it, and turns what it throws into an exit code and a message.
 *
 * @module
 */

import { hint } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/** A task's module. */
export interface TaskModule {
  /** Runs the task with its own arguments; returns the exit code. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

/** A task as the command line knows it. */
export interface Task {
  /** One line on what it does. */
  readonly doc: string;
  /** Loads its module; called only when the task is chosen. */
  readonly load: () => Promise<TaskModule>;
}

/** Where messages go. */
export interface Output {
  /** Takes the text that was asked for. */
  readonly out: (text: string) => void;
  /** Takes errors. */
  readonly err: (text: string) => void;
}

/**
 * Runs the task that the first argument names with the others.
 *
 * @returns The exit code: 0 done, 1 failed, 2 usage.
 */
export async function dispatch(
  args: readonly string[],
  tasks: Readonly<Record<string, Task>>,
  { out, err }: Output,
): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h") {
    out(usage(tasks));
    return name === undefined ? 2 : 0;
  }
  if (!Object.hasOwn(tasks, name)) {
    err(`attune: no such task: ${name}${hint(name, Object.keys(tasks))}`);
    return 2;
  }
  try {
    const { run } = await tasks[name]!.load();
    return await run(rest);
  } catch (error) {
    const { code, text } = explain(error);
    err(`attune ${name}: ${text}`);
    return code;
  }
}

/**
 * The exit code for an error, and what to say of it: one line where it is the person's to mend, the stack where it is
 * ours.
 */
export function explain(error: unknown): { readonly code: number; readonly text: string } {
  if (!(error instanceof Error)) return { code: 1, text: String(error) };
  const denied = /Requires write access to (.*), run again with/s.exec(error.message);
  if (denied !== null) {
    const why =
      "a task writes only below runs/ and the folder it is started in: start it in one that holds this";
    return { code: 2, text: `Cannot write ${denied[1]} as ${why}` };
  }
  if (error instanceof UsageError) return { code: 2, text: error.message };
  return { code: 1, text: isForeseen(error) ? error.message : error.stack ?? error.message };
}

/** Whether an error's message is ours ("Cannot …: …") or the operating system's, both fit to be read alone. */
function isForeseen(error: Error): boolean {
  return /(^|: )Cannot .*: /s.test(error.message) ||
    Object.values(Deno.errors).some((kind) => error instanceof kind);
}

function usage(tasks: Readonly<Record<string, Task>>): string {
  const width = Math.max(...Object.keys(tasks).map((name) => name.length));
  const lines = Object.entries(tasks).map(([name, { doc }]) => `  ${name.padEnd(width)}  ${doc}`);
  return [
    "Aligns text-to-image diffusion models with reward models.",
    "",
    "Usage: attune TASK [options]",
    "",
    ...lines,
    "",
    "attune TASK --help tells a task's options; attune test runs the tests.",
  ].join("\n");
}
