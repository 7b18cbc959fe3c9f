/**
 * `attune export`: adapters in the layout that another tool reads.
 *
 * @module
 */

import { basename, dirname, extname } from "node:path";
import { writeLora } from "../lib/io/lora_file.ts";
import { type LoraFormat, loraLayouts } from "../lib/io/lora_layouts.ts";
import { formatMetadata, ownMetadata } from "../lib/io/lora_metadata.ts";
import { type AdapterFile, readAdapterFile } from "./adapters.ts";
import { dtypeOption, readArguments } from "./arguments.ts";
import { exists, makeFolder, writeAtomically } from "./files.ts";
import { hint } from "./nearest.ts";
import { fromCaller, fromHere } from "./paths.ts";
import { LORA_FILE } from "./run/policy_files.ts";
import { ofFile, UsageError } from "./usage_error.ts";

const HELP = `Writes adapters in the layout that another tool reads.

Usage: attune export PATH --format NAME [options]

  PATH           a run's folder, a checkpoint's, or a safetensors or torch file in any of the layouts
  --format NAME  diffusers  load_lora_weights of any version, ComfyUI
                 kohya      AUTOMATIC1111, ComfyUI, load_lora_weights
                 peft       load_lora_weights of newer versions, names as PEFT has them
                 reference  load_attn_procs, as the reference implementation saves them
  --dtype TYPE   f32 or f16                                  (f32)
  --out FILE     the file                                    (NAME.FORMAT.safetensors here)
  --help         print this

A UNet all of whose weights were trained has no adapters: attune merge writes a model with it.

What the adapters do stays the same: a strength other than 1 goes into their second matrices. The file's
metadata tells base model, method, reward, epoch, step and scores, as far as PATH does.
`;

/** What is to be written. */
export interface ExportRequest {
  /** The adapters. */
  readonly lora: AdapterFile;
  /** In which layout. */
  readonly format: LoraFormat;
  /** In which element type. */
  readonly dtype: "F32" | "F16";
  /** The file, which is not there yet. */
  readonly out: string;
}

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const request = await readRequest(args);
  if (request === null) {
    console.log(HELP.trimEnd());
    return 0;
  }
  await exportLora(request);
  const { lora, format, out } = request;
  console.log(
    `${lora.layers} layers of rank ${lora.rank}, ${lora.formats.join(" and ")} to ${format}: ` +
      fromHere(out),
  );
  return 0;
}

/**
 * Reads the task's arguments.
 *
 * @returns `null` if help is asked for.
 * @throws {UsageError} If an argument is wrong or missing, or the file is there already.
 */
export async function readRequest(args: readonly string[]): Promise<ExportRequest | null> {
  const options = readArguments(args, { text: ["format", "dtype", "out"], words: 1 });
  if (options.help) return null;
  const [path] = options.words;
  if (path === undefined) throw new UsageError("Cannot export as there are no adapters: see --help");
  const format = formatNamed(options.format);
  const dtype = dtypeOption(options.dtype) ?? "F32";
  const lora = await readAdapterFile(path);
  const out = fromCaller(options.out ?? `${nameOf(lora)}.${format}.safetensors`);
  if (await exists(out)) {
    throw new UsageError(`Cannot write the adapters as this is there already: ${out}; choose another --out`);
  }
  return { lora, format, dtype, out };
}

/** Writes the file. */
export async function exportLora({ lora, format, dtype, out }: ExportRequest): Promise<void> {
  const { adapters, path, run } = lora;
  const own = ownMetadata(lora.metadata);
  const title = {
    name: basename(out, extname(out)),
    date: ((await Deno.stat(path)).mtime ?? new Date(0)).toISOString(),
    base: own["attune.base"] ?? (run === null ? null : basename(run.config.model)),
  };
  const metadata = { ...own, ...formatMetadata(format, adapters, title) };
  const file = ofFile(path, () => writeLora(adapters, { format, dtype, metadata }));
  await makeFolder(dirname(out));
  await writeAtomically(out, file);
}

function formatNamed(name: string | undefined): LoraFormat {
  const names = Object.keys(loraLayouts) as LoraFormat[];
  const list = names.join(", ");
  if (name === undefined) throw new UsageError(`Cannot export as there is no --format: it is one of ${list}`);
  const format = names.find((each) => each === name);
  if (format !== undefined) return format;
  throw new UsageError(`Cannot use --format as it takes one of ${list}: ${name}${hint(name, names)}`);
}

/** A checkpoint's file has the name of its run and its epoch; any other keeps its own. */
function nameOf({ path, run }: AdapterFile): string {
  if (run === null || basename(path) !== LORA_FILE) return basename(path, extname(path));
  return `${basename(run.path)}-${basename(dirname(path))}`;
}
