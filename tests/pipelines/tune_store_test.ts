import { assertEquals } from "@std/assert";
import type { Gpu } from "../../lib/gpu/device.ts";
import { openTuneFile } from "../../pipelines/tune_store.ts";

const hardware = { name: "Some GPU (TM)/2", target: { software: false }, canTime: true } as Gpu;
const tile = { rows: 8, columns: 4, lanesX: 8, lanesY: 8 };

Deno.test("openTuneFile: keeps what was chosen, by adapter", async () => {
  const folder = await Deno.makeTempDir();
  const file = (await openTuneFile(hardware, { folder }))!;
  file.set("matmul_nn 4x4x4", tile);
  await file.save();
  assertEquals((await openTuneFile(hardware, { folder }))!.get("matmul_nn 4x4x4"), tile);
  const other = await openTuneFile({ ...hardware, name: "another" }, { folder });
  assertEquals(other!.get("matmul_nn 4x4x4"), undefined);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("openTuneFile: what is no tile counts as never timed", async () => {
  const folder = await Deno.makeTempDir();
  const file = (await openTuneFile(hardware, { folder }))!;
  await Deno.writeTextFile(file.path, JSON.stringify({ a: { rows: 1 }, b: tile, c: "8x8" }));
  const again = (await openTuneFile(hardware, { folder }))!;
  assertEquals(["a", "b", "c"].map(again.get), [undefined, tile, undefined]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("openTuneFile: a software adapter is tuned for only where that is asked", async () => {
  const software: Gpu = { ...hardware, target: { software: true } };
  const folder = await Deno.makeTempDir();
  assertEquals(await openTuneFile(software, { folder }), undefined);
  assertEquals((await openTuneFile(software, { folder, asked: true })) !== undefined, true);
  assertEquals(await openTuneFile({ ...hardware, canTime: false }, { folder, asked: true }), undefined);
  await Deno.remove(folder, { recursive: true });
});
