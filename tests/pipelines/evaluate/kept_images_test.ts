import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { tensor } from "../../../lib/core/tensor.ts";
import { keptImages } from "../../../pipelines/evaluate/kept_images.ts";

const what = { prompts: ["cat"], seeds: [0] };
const images = tensor([1, 3, 1, 1], [0.25, 0.5, 0.75]);

Deno.test("images are kept under all that they depend on, by several at the same time as well", async () => {
  const home = await Deno.makeTempDir();
  try {
    const folder = join(home, "base_images");
    let drawn = 0;
    const keep = (more = {}) =>
      keptImages(folder, { ...what, ...more }, () => (drawn++, Promise.resolve(images)));
    const kept = await Promise.all(Array.from({ length: 8 }, () => keep()));
    for (const { data } of kept) assertEquals([...data], [...images.data]);
    const before = drawn;
    assertEquals([...(await keep()).data], [...images.data]);
    assertEquals(drawn, before);
    await keep({ seeds: [1] });
    assertEquals(drawn, before + 1);
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).length, 2);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
