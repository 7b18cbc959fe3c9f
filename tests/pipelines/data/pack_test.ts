import { assert, assertEquals } from "@std/assert";
import { animalByHex, type AnimalMap } from "../../../pipelines/data/concepts.ts";
import { notice } from "../../../pipelines/data/notice.ts";
import {
  describePack,
  IMAGE_BYTES,
  isHeldOut,
  loadPack,
  PACK_FOLDER,
  select,
} from "../../../pipelines/data/pack.ts";
import { vendors } from "../../../pipelines/data/sources.ts";

const pack = await loadPack();
const animals: AnimalMap = JSON.parse(await Deno.readTextFile(new URL("animals.json", PACK_FOLDER)));

Deno.test("the pack holds the images it should", () => {
  assertEquals(pack.images.length, 1552);
  assertEquals(pack.pixels.length, 1552 * IMAGE_BYTES);
  assertEquals(select(pack, ({ group }) => group === "animals-nature").length, 854);
  assertEquals(select(pack, ({ animal }) => animal !== null).length, 370);
  assertEquals(new Set(pack.images.map(({ concept }) => concept)).size, 291);
  assertEquals(new Set(pack.images.map(({ vendor }) => vendor)), new Set(vendors.map(({ name }) => name)));
});

Deno.test("every image shows something", () => {
  for (const [index, { label, vendor }] of pack.images.entries()) {
    const image = pack.pixels.subarray(index * IMAGE_BYTES, (index + 1) * IMAGE_BYTES);
    const opaque = image.filter((value, i) => i % 4 === 3 && value > 127).length;
    assert(opaque >= 20, `${label} of ${vendor} has ${opaque} opaque pixels of 1024`);
  }
});

Deno.test("animals are those of the map, each drawn at least four times", () => {
  const animalOf = animalByHex(animals);
  for (const { concept, animal } of pack.images) assertEquals(animal, animalOf.get(concept) ?? null);
  for (const name of Object.keys(animals)) {
    const count = select(pack, ({ animal }) => animal === name).length;
    assert(count >= 4, `${name} has ${count} images`);
  }
});

Deno.test("a twelfth of the concepts is held out, none of an animal, of all vendors at once", () => {
  const held = pack.images.filter(isHeldOut);
  assertEquals(new Set(held.map(({ concept }) => concept)).size, 19);
  assert(held.every(({ animal }) => animal === null));
  assert(held.some(({ label }) => label === "koala"));
});

Deno.test("description and notice are the committed ones", async () => {
  assertEquals(describePack(pack), await Deno.readTextFile(new URL("emoji.json", PACK_FOLDER)));
  const committed = await Deno.readTextFile(new URL("NOTICE", PACK_FOLDER));
  assertEquals(notice(pack, vendors), committed);
  for (const [, path = ""] of committed.matchAll(/, (licenses\/\S+)/g)) {
    assert((await Deno.stat(new URL(path, PACK_FOLDER))).size > 500, path);
  }
});

Deno.test("the prompts are the 45 animals, and 20 others that the pack draws", async () => {
  const prompts = async (name: string) => {
    const text = await Deno.readTextFile(new URL(`../../../pipelines/prompts/${name}`, import.meta.url));
    return text.trimEnd().split("\n");
  };
  assertEquals(await prompts("simple_animals.txt"), Object.keys(animals));
  const unseen = await prompts("unseen_animals.txt");
  assertEquals(new Set(unseen).size, 20);
  for (const label of unseen) {
    const shown = pack.images.filter((image) => image.label === label);
    assert(shown.length > 0 && shown.every(({ animal }) => animal === null), label);
    assert(!shown.some(isHeldOut), `${label} is held out`);
  }
});
