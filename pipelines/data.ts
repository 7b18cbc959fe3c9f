/**
 * The `data:build` task: builds the emoji pack, its notice and the mini model's tokenizer, or checks that what is there is what would be built.
 * @module
 */

import { gzipSync } from "fflate";
import { key } from "../lib/core/random.ts";
import { tensor } from "../lib/core/tensor.ts";
import { encodePng } from "../lib/io/png.ts";
import { numberOption, readArguments } from "./arguments.ts";
import { augment, MILD, PLAIN } from "./data/augment.ts";
import { buildPack } from "./data/build.ts";
import type { AnimalMap } from "./data/concepts.ts";
import { notice } from "./data/notice.ts";
import { describePack, type EmojiPack, IMAGE_BYTES, loadPack, select, SIZE } from "./data/pack.ts";
import { vendors } from "./data/sources.ts";
import { packVocabulary, tokenizerFiles } from "./data/vocabulary.ts";
import { writeAtomically } from "./files.ts";
import { imageGrid } from "./image_grid.ts";
import { fromCaller } from "./paths.ts";
import { UsageError } from "./usage_error.ts";

const HELP = `Builds the emoji data set of the mini model from pinned packages.

Usage: attune data:build [--check] [--vendor NAME] [--sheet FILE] [--seed N]

  --check        build, and compare with the files that are there instead of writing them
  --vendor NAME  with --check: build and compare the images of one vendor only
                 (${vendors.map(({ name }) => name).join(", ")})
  --sheet FILE   build nothing: write a contact sheet (PNG) of the pack that is there
  --seed N       with --sheet: augment the images with this seed
  --help         print this
`;

const MODEL = new URL("../models/mini/", import.meta.url);

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code: 0 done, 1 the files differ from what would be built.
 * @throws {UsageError} If an argument is wrong.
 */
export async function run(args: readonly string[]): Promise<number> {
  const options = readArguments(args, { text: ["vendor", "sheet", "seed"], flags: ["check"] });
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const chosen = vendors.filter(({ name }) => options.vendor === undefined || name === options.vendor);
  if (chosen.length === 0) {
    const names = vendors.map(({ name }) => name).join(", ");
    throw new UsageError(`Cannot use --vendor as it takes one of ${names}: ${options.vendor}`);
  }
  if (options.vendor !== undefined && !options.check) {
    throw new UsageError(`Cannot use --vendor ${options.vendor} without --check: see --help`);
  }
  if (options.seed !== undefined && options.sheet === undefined) {
    throw new UsageError(`Cannot use --seed ${options.seed} without --sheet: see --help`);
  }
  const seed = options.seed === undefined
    ? null
    : numberOption("seed", options.seed, [0, Number.MAX_SAFE_INTEGER], { whole: true });
  if (options.sheet !== undefined) return await writeSheet(fromCaller(options.sheet), seed);

  const animals = JSON.parse(await Deno.readTextFile(new URL("data/animals.json", MODEL))) as AnimalMap;
  const pack = await buildPack(chosen, animals);
  if (options.vendor !== undefined) return await comparePack(pack, options.vendor);
  const files = packFiles(pack);
  return options.check ? await compareFiles(files) : await writeFiles(files);
}

/** Every file made from the pack, by its path in the model's folder. */
function packFiles(pack: EmojiPack): Readonly<Record<string, Uint8Array>> {
  const texts: Record<string, string> = {
    "data/emoji.json": describePack(pack),
    "data/NOTICE": notice(pack, vendors),
  };
  for (const [name, text] of Object.entries(tokenizerFiles(packVocabulary(pack)))) {
    texts[`tokenizer/${name}`] = text;
  }
  const encoded = Object.entries(texts).map(([path, text]) =>
    [path, new TextEncoder().encode(text)] as const
  );
  // A compressor of our own choosing: that of the runtime may change its bytes from version to version.
  return {
    ...Object.fromEntries(encoded),
    "data/emoji.bin.gz": gzipSync(pack.pixels, { level: 9, mtime: 0 }),
  };
}

async function writeFiles(files: Readonly<Record<string, Uint8Array>>): Promise<number> {
  for (const [path, bytes] of Object.entries(files)) {
    await writeAtomically(new URL(path, MODEL), bytes);
    console.log(`${path}: ${bytes.length} bytes`);
  }
  return 0;
}

async function compareFiles(files: Readonly<Record<string, Uint8Array>>): Promise<number> {
  let differing = 0;
  for (const [path, bytes] of Object.entries(files)) {
    const same = equalBytes(await Deno.readFile(new URL(path, MODEL)), bytes);
    console.log(`${path}: ${same ? "same" : "differs"}`);
    if (!same) differing++;
  }
  return differing === 0 ? 0 : 1;
}

async function comparePack(built: EmojiPack, vendor: string): Promise<number> {
  const committed = await loadPack();
  const picks = select(committed, (image) => image.vendor === vendor);
  const same = picks.length === built.images.length &&
    picks.every((pick, index) =>
      JSON.stringify(committed.images[pick]) === JSON.stringify(built.images[index]) &&
      equalBytes(imageBytes(committed, pick), imageBytes(built, index))
    );
  console.log(`${vendor}: ${built.images.length} images ${same ? "same" : "differ"}`);
  return same ? 0 : 1;
}

async function writeSheet(file: string, seed: number | null): Promise<number> {
  const pack = await loadPack();
  const picks = pack.images.map((_, index) => index);
  const images = augment(pack, picks, key(seed ?? 0), seed === null ? PLAIN : MILD);
  const sheet = imageGrid(tensor([picks.length, SIZE, SIZE, 3], images), { columns: 48, gap: 0 });
  await writeAtomically(file, encodePng(sheet));
  return 0;
}

function imageBytes({ pixels }: EmojiPack, index: number): Uint8Array {
  return pixels.subarray(index * IMAGE_BYTES, (index + 1) * IMAGE_BYTES);
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
