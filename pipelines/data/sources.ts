/**
 * Where the emoji come from: pinned packages, what they license, and where an icon's name departs from its label.
 * @module
 */

/** A file of a pinned npm package. */
export interface Source {
  /** Package, version and file, as an `npm:` specifier takes them. */
  readonly specifier: string;
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
}

/** One drawing of the emoji. */
export interface Vendor {
  /** Its name in the data set. */
  readonly name: string;
  /** Its icons, as an Iconify set. */
  readonly icons: Source;
  /** Who drew them. */
  readonly author: string;
  /** Where they were published. */
  readonly origin: string;
  /** SPDX name of the artwork's licence. */
  readonly license: string;
  /** What the licence asks to be said. */
  readonly notice: string;
  /** Icon names by label slug, where the two differ. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Icons with strokes far outside their box, which the rasteriser survives only with room around it. */
  readonly sprawling?: readonly string[];
}

const FLUENT = {
  author: "Microsoft Corporation",
  origin: "https://github.com/microsoft/fluentui-emoji",
  license: "MIT",
  notice: "Copyright (c) Microsoft Corporation.",
  renamed: { "black-bird": "blackbird", "phoenix": "phoenix-bird" },
};

const NOTO = {
  author: "Google, Inc.",
  origin: "https://github.com/googlefonts/noto-emoji",
  license: "Apache-2.0",
  notice: "Copyright 2013 Google, Inc. All Rights Reserved.",
};

/** The six drawings of the data set: openly licensed, none share-alike. */
export const vendors: readonly Vendor[] = [
  {
    ...NOTO,
    name: "noto",
    icons: icons("noto@1.2.9", "9eac6ef4e7ec122b6f0e7ac281d61008afdbc720d0ce861e398b939daaa347c6"),
  },
  {
    ...NOTO,
    name: "noto-v1",
    icons: icons("noto-v1@1.2.5", "ce70d8aa90345cf389875c3571ecd245bd943401822a0c5a0f62336bf8487333"),
    sprawling: ["lady-beetle", "hot-beverage", "cocktail-glass"],
  },
  {
    ...FLUENT,
    name: "fluent-emoji",
    icons: icons("fluent-emoji@1.2.7", "87f3336be6f46747d40d046a15ffa8b23809ff7a1a280b5d3521d3782fb85de7"),
  },
  {
    ...FLUENT,
    name: "fluent-emoji-flat",
    icons: icons(
      "fluent-emoji-flat@1.2.6",
      "f5f4cf457c0db2ad5a2e42e033e02e0c87d10e43d0164cfffb3bb84914970a63",
    ),
  },
  {
    name: "twemoji",
    icons: icons("twemoji@1.2.5", "5d5d820790565b764f2728675d487c9ee4c1fc83916d8567d5aca8ba7527c242"),
    author: "Twitter, Inc and other contributors",
    origin: "https://github.com/jdecked/twemoji",
    license: "CC-BY-4.0",
    notice: "Twemoji graphics, copyright Twitter, Inc and other contributors.",
  },
  {
    name: "emojione",
    icons: icons("emojione@1.2.3", "e9a865faed523a7c3535b5319ae533d09fac1a62b4e96920eb178bb60e707e80"),
    author: "Ranks.com (https://www.emojione.com) and the EmojiTwo community",
    origin: "https://github.com/EmojiTwo/emojitwo",
    license: "CC-BY-4.0",
    notice:
      "Emoji artwork is provided by EmojiTwo, originally released as EmojiOne 2 by Ranks.com with contributions from the EmojiTwo community.",
  },
];

/** Labels and groups of the emoji, in the order of Unicode (MIT; the labels are the CLDR short names). */
export const labels: Source = {
  specifier: "unicode-emoji-json@0.9.0/data-by-emoji.json",
  sha256: "2ebd44d5c66459b48aadbb34ad21161850da6c9b74036dce9097b2bfad9b2c23",
};

/** The program that draws SVG (resvg, MPL-2.0), as WebAssembly: the same pixels on every machine. */
export const rasteriser: Source = {
  specifier: "@resvg/resvg-wasm@2.6.2/index_bg.wasm",
  sha256: "22bf6e9f9a100d972da0411a69c5ba504367fc1fa87b3b64e3f35e53926d2d70",
};

/** The package of a source, without the file. */
export function packageOf({ specifier }: Source): string {
  return specifier.slice(0, specifier.lastIndexOf("/"));
}

/**
 * Reads a source from the package cache. Something of its package has to be imported before, which downloads it once.
 *
 * @throws {RangeError} If the file is not the one that was pinned.
 */
export async function readSource(source: Source): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await Deno.readFile(new URL(import.meta.resolve(`npm:${source.specifier}`)));
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  if (found !== source.sha256) {
    throw new RangeError(`Cannot use ${source.specifier} as its SHA-256 is not ${source.sha256}: ${found}`);
  }
  return bytes;
}

/** Reads a source of JSON, as {@linkcode readSource} does, and downloads its package where that is needed. */
export async function readJson<T>(source: Source): Promise<T> {
  await import(`npm:${packageOf(source)}/package.json`, { with: { type: "json" } });
  return JSON.parse(new TextDecoder().decode(await readSource(source)));
}

function icons(name: string, sha256: string): Source {
  return { specifier: `@iconify-json/${name}/icons.json`, sha256 };
}
