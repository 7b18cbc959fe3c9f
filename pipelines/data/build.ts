/**
 * Builds the emoji pack from the pinned packages: the same bytes on every machine.
 * @module
 */

import { animalByHex, type AnimalMap, type Concept, readConcepts } from "./concepts.ts";
import { type EmojiImage, type EmojiPack, IMAGE_BYTES, SIZE } from "./pack.ts";
import { type Icon, type Rasterise, startRasteriser } from "./rasterise.ts";
import { readJson, type Vendor } from "./sources.ts";

/** Space left around a sprawling icon, in boxes: enough for all there are. */
const ROOM = 2;

/**
 * Draws every concept that the vendors have, in the order of Unicode, then of the vendors.
 *
 * @param animals The prompt animals and their pictures.
 * @throws {RangeError} If a package is not the pinned one.
 */
export async function buildPack(vendors: readonly Vendor[], animals: AnimalMap): Promise<EmojiPack> {
  const concepts = await readConcepts();
  const animalOf = animalByHex(animals);
  const rasterise = await startRasteriser();
  const drawn: Drawing[] = [];
  for (const vendor of vendors) {
    const set = await readJson<IconSet>(vendor.icons);
    for (const [order, concept] of concepts.entries()) {
      const pixels = draw(vendor, set, concept, rasterise);
      const { hex, label, group } = concept;
      const animal = animalOf.get(hex) ?? null;
      if (pixels) {
        drawn.push({ image: { concept: hex, label, vendor: vendor.name, group, animal }, order, pixels });
      }
    }
  }
  drawn.sort((a, b) => a.order - b.order);
  const pixels = new Uint8Array(drawn.length * IMAGE_BYTES);
  drawn.forEach((drawing, index) => pixels.set(drawing.pixels, index * IMAGE_BYTES));
  return { images: drawn.map(({ image }) => image), pixels };
}

/** An Iconify set; see https://iconify.design/docs/types/iconify-json.html. */
export interface IconSet {
  /** Icons by name; a box that is absent is that of the set. */
  readonly icons: Readonly<Record<string, { readonly body: string } & Partial<Icon>>>;
  /** Other names of icons. */
  readonly aliases?: Readonly<Record<string, { readonly parent: string }>>;
  /** Width of a box. */
  readonly width: number;
  /** Height of a box. */
  readonly height: number;
}

/**
 * Finds an icon by its name or alias; null if the set has none.
 *
 * @throws {RangeError} If the alias turns or mirrors its icon, which the data set does not need.
 */
export function findIcon({ icons, aliases = {}, width, height }: IconSet, name: string): Icon | null {
  const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  if (alias && Object.keys(alias).length > 1) {
    throw new RangeError(`Cannot draw icon ${name} as its alias transforms it: ${JSON.stringify(alias)}`);
  }
  const icon = icons[alias?.parent ?? name];
  return icon ? { width, height, ...icon } : null;
}

interface Drawing {
  readonly image: EmojiImage;
  readonly order: number;
  readonly pixels: Uint8Array;
}

function draw(vendor: Vendor, set: IconSet, { slug }: Concept, rasterise: Rasterise): Uint8Array | null {
  const icon = findIcon(set, vendor.renamed?.[slug] ?? slug);
  return icon && rasterise(icon, SIZE, vendor.sprawling?.includes(slug) ? ROOM : 0);
}
