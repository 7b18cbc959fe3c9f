/**
 * What the data set draws: the animals, plants, food and drink of Unicode's emoji, and the animal each of them is a picture of.
 * @module
 */

import { labels, readJson } from "./sources.ts";

/** One emoji, whoever draws it. */
export interface Concept {
  /** Its code points in lower-case hexadecimal, joined by `-`, without the variation selector fe0f. */
  readonly hex: string;
  /** Its CLDR short name. */
  readonly label: string;
  /** The name with its words joined by `-`. */
  readonly slug: string;
  /** Its group. */
  readonly group: Group;
}

/** A group of emoji. */
export type Group = "animals-nature" | "food-drink";

/** Code points of the pictures of each prompt animal, as {@linkcode Concept.hex}. */
export type AnimalMap = Readonly<Record<string, readonly string[]>>;

/** Reads the concepts in the order of Unicode: 160 of animals and nature, 131 of food and drink. */
export async function readConcepts(): Promise<readonly Concept[]> {
  const rows = Object.entries(await readJson<Readonly<Record<string, Row>>>(labels));
  return rows.flatMap(([emoji, { name, slug, group }]) => {
    const known = GROUPS[group];
    return known ? [{ hex: hexOf(emoji), label: name, slug: slug.replaceAll("_", "-"), group: known }] : [];
  });
}

/** Turns the map round: the animal of each concept. */
export function animalByHex(map: AnimalMap): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(map).flatMap(([animal, hexes]) => hexes.map((hex) => [hex, animal] as const)),
  );
}

interface Row {
  readonly name: string;
  readonly slug: string;
  readonly group: string;
}

const GROUPS: Readonly<Record<string, Group>> = {
  "Animals & Nature": "animals-nature",
  "Food & Drink": "food-drink",
};

function hexOf(emoji: string): string {
  return [...emoji].map((point) => point.codePointAt(0)!.toString(16)).filter((hex) => hex !== "fe0f").join(
    "-",
  );
}
