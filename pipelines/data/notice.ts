/**
 * The notice that goes with the pack: who drew what, under which licence, and what was changed.
 * @module
 */

import type { EmojiPack } from "./pack.ts";
import { labels, packageOf, type Vendor } from "./sources.ts";

/** Writes the notice of a pack. */
export function notice({ images }: EmojiPack, vendors: readonly Vendor[]): string {
  const sections = vendors.map((vendor) => {
    const count = images.filter((image) => image.vendor === vendor.name).length;
    return [
      `${vendor.name} (${count} images)`,
      `  Author:   ${vendor.author}`,
      `  Source:   ${vendor.origin}`,
      `            by way of the npm package ${packageOf(vendor.icons)}`,
      `  Licence:  ${vendor.license}, ${LICENSES[vendor.license]}`,
      `  Notice:   ${vendor.notice}`,
      `  Changed:  rasterised to 32x32 pixels`,
    ].join("\n");
  });
  return [HEADER, ...sections, footer(), ""].join("\n\n").replace(/\n+$/, "\n");
}

const HEADER = `The images of emoji.bin.gz are emoji of six vendors, rasterised to 32x32 pixels.
Neither the vendors nor the authors of their drawings endorse this project.
The drawings come as they are, without warranty of any kind.`;

const LICENSES: Readonly<Record<string, string>> = {
  "MIT": "licenses/MIT-fluentui-emoji.txt",
  "Apache-2.0": "licenses/Apache-2.0.txt",
  "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/legalcode",
};

function footer(): string {
  return `Labels (emoji.json)
  Source:   npm package ${packageOf(labels)}, MIT, Copyright (c) 2019 Mu-An Chiou;
            the names are the CLDR short names, Copyright (c) Unicode, Inc., Unicode License V3,
            https://www.unicode.org/license.txt`;
}
