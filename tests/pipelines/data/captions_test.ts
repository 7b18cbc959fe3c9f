import { assert, assertEquals } from "@std/assert";
import { key } from "../../../lib/core/random.ts";
import { captionsOf, drawCaptions, withArticle } from "../../../pipelines/data/captions.ts";
import type { EmojiImage, EmojiPack } from "../../../pipelines/data/pack.ts";

const image: EmojiImage = {
  concept: "1f436",
  label: "dog face",
  vendor: "noto",
  group: "animals-nature",
  animal: "dog",
};
const pack: EmojiPack = {
  images: [image, { ...image, label: "orca", animal: null }],
  pixels: new Uint8Array(2 * 4096),
};

Deno.test("captions come in their shares", () => {
  const captions = drawCaptions(pack, Array(4000).fill(0), key(1));
  const share = (wanted: string) => captions.filter((caption) => caption === wanted).length / 4000;
  const shares = { "dog": 0.3, "a dog": 0.3, "dog face": 0.2, "a dog face": 0.2 };
  for (const [caption, expected] of Object.entries(shares)) {
    assert(Math.abs(share(caption) - expected) < 0.03, `seed 1: ${caption} has a share of ${share(caption)}`);
  }
  assertEquals(new Set(captions), new Set(captionsOf(image)));
});

Deno.test("what is no prompt animal goes by its label", () => {
  assertEquals(new Set(drawCaptions(pack, Array(50).fill(1), key(2))), new Set(["orca", "an orca"]));
});

Deno.test("a caption depends on the key and its position alone", () => {
  const captions = drawCaptions(pack, [0, 1, 0, 0], key(3));
  assertEquals(drawCaptions(pack, [0, 1, 0, 0], key(3)), captions);
  assertEquals(drawCaptions(pack, [1, 0, 0], key(3)).slice(2), captions.slice(2, 3));
});

Deno.test("captions are dropped, and backgrounds named, where asked", () => {
  const dropped = drawCaptions(pack, Array(2000).fill(0), key(4), { drop: 0.1 }).filter((caption) =>
    caption === ""
  );
  assert(Math.abs(dropped.length / 2000 - 0.1) < 0.03, `seed 4: ${dropped.length} of 2000 dropped`);
  const [plain, blue] = drawCaptions(pack, [1, 1], key(5), { backgrounds: [null, "blue"] });
  assert(!plain!.includes("background") && blue!.endsWith("orca on a blue background"), `${plain}, ${blue}`);
});

Deno.test("articles follow the sound", () => {
  assertEquals(["ox", "unicorn", "cat", "Ant"].map(withArticle), ["an ox", "a unicorn", "a cat", "an Ant"]);
});
