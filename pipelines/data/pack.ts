/**
 * The emoji pack: every drawing at 32x32 with its transparency, and what each of them shows.
 *
 * `emoji.bin.gz` holds the pixels one image after the other, `emoji.json` says what they are, in the same order.
 * @module
 */

import type { Group } from "./concepts.ts";

/** Pixels across and down an image of the pack. */
export const SIZE = 32;

/** Bytes of an image of the pack. */
export const IMAGE_BYTES = SIZE * SIZE * 4;

/** What one image of the pack shows. */
export interface EmojiImage {
  /** Code points of the emoji in hexadecimal, joined by `-`. */
  readonly concept: string;
  /** CLDR short name of the emoji. */
  readonly label: string;
  /** Who drew it. */
  readonly vendor: string;
  /** Group of the emoji. */
  readonly group: Group;
  /** The prompt animal it is a picture of, or null. */
  readonly animal: string | null;
}

/** The pack in memory. */
export interface EmojiPack {
  /** What the images show. */
  readonly images: readonly EmojiImage[];
  /** `[images, 32, 32, 4]` RGB and straight alpha, 0 to 255. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** The folder of the pack in the repository. */
export const PACK_FOLDER: URL = new URL("../../models/mini/data/", import.meta.url);

/**
 * Loads the pack from its folder.
 *
 * @throws {SyntaxError} If the two files do not belong together.
 */
export async function loadPack(folder: URL = PACK_FOLDER): Promise<EmojiPack> {
  const [text, zipped] = await Promise.all([
    Deno.readTextFile(new URL("emoji.json", folder)),
    Deno.readFile(new URL("emoji.bin.gz", folder)),
  ]);
  const { images } = JSON.parse(text) as { readonly images: readonly EmojiImage[] };
  const plain = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  const pixels = new Uint8Array(await new Response(plain).arrayBuffer());
  if (pixels.length !== images.length * IMAGE_BYTES) {
    throw new SyntaxError(
      `Cannot load the pack as ${images.length} images are ${
        images.length * IMAGE_BYTES
      } bytes: found ${pixels.length}`,
    );
  }
  return { images, pixels };
}

/** The indices of the images that `keep` accepts, in order. */
export function select(pack: EmojiPack, keep: (image: EmojiImage) => boolean): number[] {
  return pack.images.flatMap((image, index) => keep(image) ? [index] : []);
}

/** Tells whether an image belongs to the concepts held out from the training of VAE and CLIP: no prompt animal is among them. */
export function isHeldOut({ animal, concept }: EmojiImage): boolean {
  return animal === null && parseInt(concept, 16) % 12 === 0;
}

/** Writes `emoji.json`, one image a line. */
export function describePack({ images }: EmojiPack): string {
  const lines = images.map((image) => `    ${JSON.stringify(image)}`);
  return `{\n  "size": ${SIZE},\n  "channels": 4,\n  "images": [\n${lines.join(",\n")}\n  ]\n}\n`;
}
