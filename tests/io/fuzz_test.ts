import { assert } from "@std/assert";
import { fuzz } from "./fuzz.ts";

/** Another one each day would find more; the same one tells whether a change broke something. */
const SEED = 20_240_208;

Deno.test(`damaged files are read or refused in one line of ours (seed ${SEED})`, async () => {
  const { read, refused, reasons } = await fuzz({ count: 3000, seed: SEED });
  assert(read > 100 && refused > 1000 && reasons.size > 60, `${read} ${refused} ${reasons.size}`);
});
