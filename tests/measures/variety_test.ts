import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { tensor } from "../../lib/core/tensor.ts";
import { nearDuplicates } from "../../lib/measures/near_duplicates.ts";
import { spectrum } from "../../lib/measures/spectrum.ts";
import { truncatedEntropy } from "../../lib/measures/truncated_entropy.ts";
import { variety } from "../../lib/measures/variety.ts";
import { vendiScore } from "../../lib/measures/vendi_score.ts";
import { assertClose } from "../assert_close.ts";
import { goldenEmbeddings, goldens, promptsOf, TOL } from "./goldens.ts";

Deno.test("the variety of embeddings is that of scipy and of the Vendi score's authors", () => {
  for (const [name, golden] of Object.entries(goldens.embeddings)) {
    const embeddings = goldenEmbeddings[`${name}.base`]!;
    const expected = golden.variety;
    const found = variety(embeddings, promptsOf(golden));
    for (const measure of ["within", "vendi", "near_duplicates"] as const) {
      assertClose([found[measure]], [expected[measure]], TOL, `${name}, ${measure}`);
    }
    assertClose([vendiScore(embeddings)], [expected.vendi_of_all], TOL, `${name}, Vendi score of all`);
    const entropy = truncatedEntropy(embeddings, expected.directions);
    assertClose([entropy], [expected.truncated_entropy], TOL, `${name}, truncated entropy`);
    assertEquals(found.truncated_entropy, golden.seeds * golden.prompts > 20 ? entropy : null);
  }
});

Deno.test("the Vendi score counts different images", () => {
  const axes = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  assertAlmostEquals(vendiScore(tensor([3, 3], axes)), 3, 1e-12);
  assertAlmostEquals(vendiScore(tensor([2, 3], [0, 1, 0, 0, 1, 0])), 1, 1e-12);
  assertAlmostEquals(vendiScore(tensor([6, 3], [...axes, ...axes])), 3, 1e-12);
  assertEquals(vendiScore(tensor([0, 3], [])), NaN);
});

Deno.test("copies have no entropy, and too few images no such measure", () => {
  const copies = tensor([4, 3], [1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0]);
  assertEquals(spectrum(copies, true).slice(1), [0, 0]);
  assertEquals(truncatedEntropy(copies, 2), -Infinity);
  assertThrows(() => truncatedEntropy(copies, 4), RangeError, "4 embeddings of width 3 vary in 3");
  assertEquals(nearDuplicates(copies, ["a", "a", "a", "b"]), 1 / 3);
  assertEquals(nearDuplicates(copies, ["a", "b", "c", "d"]), NaN);
});
