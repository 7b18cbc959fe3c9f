/**
 * `attune fetch`: downloads a model from the Hugging Face hub. No other task asks for the network.
 *
 * @module
 */

import { readArguments } from "./arguments.ts";
import { fetchRepository } from "./fetch/fetch_repository.ts";
import { hubCache } from "./load/hub_cache.ts";
import { parseRepository, showRepository } from "./load/repository.ts";
import { listenForInterrupt } from "./run/interrupt.ts";
import { screenOn, systemTerminal } from "./run/screen.ts";
import { UsageError } from "./usage_error.ts";

const HELP = `Downloads a Stable Diffusion model from the Hugging Face hub, to be used as --model OWNER/NAME.

Usage: attune fetch OWNER/NAME [options]

  OWNER/NAME        the repository: CompVis/stable-diffusion-v1-4; OWNER/NAME@REVISION is one of its revisions
  --revision R      a branch, a tag or a commit's whole hash             (main)
  --variant NAME    the weights of this variant: fp16 is half precision, half the download
  --token-env NAME  the environment variable that holds an access token, for models that are not given to everyone  (HF_TOKEN)
  --help            print this

Only what training reads is downloaded, weights as safetensors where there are any, into the cache that tools for the hub share: HF_HUB_CACHE,
or hub below HF_HOME, or ~/.cache/huggingface/hub. Each file is checked by its hash. Ctrl-C stops; the same command goes on
where it was. HF_ENDPOINT names a mirror.
`;

/** The hub where the environment names no other. */
const HUB = "https://huggingface.co";

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const options = readArguments(args, { text: ["revision", "variant", "token-env"], words: 1 });
  if (options.help) {
    console.log(HELP.trimEnd());
    return 0;
  }
  const request = {
    repository: repositoryOf(options.words[0], options.revision),
    variant: options.variant ?? null,
    token: tokenIn(options["token-env"]),
    hub: (Deno.env.get("HF_ENDPOINT") || HUB).replace(/\/+$/, ""),
    cache: hubCache((name) => Deno.env.get(name)),
  };
  const screen = screenOn(systemTerminal());
  const interrupt = listenForInterrupt(() => screen.line("Stopping."));
  const name = showRepository(request.repository);
  try {
    const folder = await fetchRepository(request, {
      progress: (path, bytes, total) =>
        screen.progress(bytes / total, `${path}  ${inWords(bytes)} of ${inWords(total)}`),
      done: (path, bytes) => screen.line(`${path}  ${inWords(bytes)}`),
      signal: interrupt.signal,
      pause: (ms) => pause(ms, interrupt.signal),
    });
    screen.clear();
    screen.line(`${name} is in ${folder}`);
    return 0;
  } catch (error) {
    screen.clear();
    if (!interrupt.signal.aborted) throw error;
    screen.line(`Stopped. The same command goes on where it was.`);
    return 1;
  } finally {
    interrupt.end();
  }
}

function repositoryOf(word: string | undefined, revision: string | undefined) {
  if (word === undefined) throw new UsageError("Cannot fetch as there is no OWNER/NAME: see --help");
  const repository = parseRepository(revision === undefined ? word : `${word}@${revision}`);
  if (repository !== null) return repository;
  throw new UsageError(
    `Cannot fetch as this is no OWNER/NAME${revision === undefined ? "" : " with a --revision"}: ` +
      `${word}${revision === undefined ? "" : ` ${revision}`}`,
  );
}

/** The access token in an environment variable, which has to be there if it is named. */
function tokenIn(variable: string | undefined): string | null {
  const token = Deno.env.get(variable ?? "HF_TOKEN")?.trim();
  if (token) {
    if (token.startsWith("hf_")) return token;
    throw new UsageError(
      `Cannot use the access token as it does not begin with hf_: see ${variable ?? "HF_TOKEN"}`,
    );
  }
  if (variable === undefined) return null;
  throw new UsageError(`Cannot use --token-env as there is no such environment variable: ${variable}`);
}

/** A number of bytes in words: `3.4 GB`. */
function inWords(bytes: number): string {
  const [unit, each] = bytes < 1e3
    ? ["B", 1]
    : bytes < 1e6
    ? ["kB", 1e3]
    : bytes < 1e9
    ? ["MB", 1e6]
    : ["GB", 1e9];
  return `${(bytes / each).toFixed(each === 1 ? 0 : 1)} ${unit}`;
}

/** Waits, and no longer than until it is told to stop. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
