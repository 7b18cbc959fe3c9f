import { assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import { fold, key, normals } from "../../lib/core/random.ts";
import { pickRows } from "../../lib/core/rows.ts";
import { tensor } from "../../lib/core/tensor.ts";
import { productsOf, squaredDistances } from "../../lib/measures/embeddings.ts";
import { fidelity } from "../../lib/measures/fidelity.ts";
import { kid } from "../../lib/measures/mean_discrepancy.ts";
import { precisionRecall } from "../../lib/measures/precision_recall.ts";
import { assertClose } from "../assert_close.ts";
import { goldenEmbeddings, goldens, TOL } from "./goldens.ts";

Deno.test("distances of two sets are those of torchmetrics and of the authors' formulas", () => {
  for (const [name, { fidelity: expected }] of Object.entries(goldens.embeddings)) {
    const [base, adapted] = [goldenEmbeddings[`${name}.base`]!, goldenEmbeddings[`${name}.adapted`]!];
    const found = fidelity(base, adapted);
    const products = productsOf(base, adapted), distances = squaredDistances(products);
    const reversed = squaredDistances(productsOf(adapted, base));
    const width = base.shape[1]!;
    assertClose([found.kid!], [expected.kid_of_pairs], TOL, `${name}, KID of pairs`);
    assertClose([kid(products, { width, isPaired: false })], [expected.kid], TOL, `${name}, KID`);
    assertClose([found.cmmd], [expected.cmmd], TOL, `${name}, CMMD`);
    for (const [neighbours, shares] of Object.entries(expected.neighbours)) {
      assertEquals(precisionRecall(distances, Number(neighbours)), shares, `${name}, k ${neighbours}`);
      const { precision, recall } = precisionRecall(reversed, Number(neighbours));
      assertEquals([recall, precision], [shares.precision, shares.recall], `${name}, k ${neighbours}`);
    }
  }
});

Deno.test("images are no distance from themselves", () => {
  const images = goldenEmbeddings["deep.base"]!;
  const found = fidelity(images, images);
  assertAlmostEquals(found.kid!, 0, 1e-12);
  assertAlmostEquals(found.cmmd, 0, 1e-9);
  assertEquals([found.precision, found.recall], [1, 1]);
});

Deno.test("KID of pairs is 0 on average where pairs are alike and the distributions the same", () => {
  const [pairs, width, trials] = [8, 6, 200];
  const estimates = (isPaired: boolean) =>
    Array.from({ length: trials }, (_, trial) => {
      const [shared, x, y] = ["shared", "x", "y"].map((name) => normals(fold(fold(key(3), name), trial), 48));
      const set = (own: ArrayLike<number>) =>
        tensor([pairs, width], shared!.map((z, i) => z + 0.3 * own[i]!));
      return kid(productsOf(set(x!), set(y!)), { width, isPaired });
    });
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value) / trials;
  const values = estimates(true);
  const error = Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) / trials);
  assertLess(Math.abs(mean(values)), 4 * error);
  assertLess(mean(estimates(false)), -10 * error);
});

Deno.test("too few images or other widths are refused", () => {
  const images = goldenEmbeddings["wide.base"]!;
  const one = pickRows(images, [0]), three = pickRows(images, [0, 1, 2]);
  const options = { width: 48, isPaired: true };
  assertThrows(() => kid(productsOf(one, one), options), RangeError, "1 and 1");
  assertThrows(() => kid(productsOf(images, three), options), TypeError, "10 and 3");
  assertThrows(() => fidelity(images, three), TypeError, "10 and 3");
  assertThrows(() => precisionRecall(squaredDistances(productsOf(three, three))), RangeError, "3 and 3");
  assertThrows(() => fidelity(images, goldenEmbeddings["deep.base"]!), TypeError, "[10, 48] and [48, 24]");
  const { kid: found, precision, recall } = fidelity(one, one);
  assertEquals([found, precision, recall], [null, null, null]);
});
