import { assertAlmostEquals, assertEquals } from "@std/assert";
import { scalar, tensor } from "../../lib/core/tensor.ts";
import { key, normals } from "../../lib/core/random.ts";
import { grad } from "../../lib/engine/autodiff.ts";
import { reshape, slice } from "../../lib/engine/ops/views.ts";
import { contrastiveLoss } from "../../lib/rewards/contrastive_loss.ts";
import { bradleyTerryLoss, rankingLoss } from "../../lib/rewards/preference_loss.ts";
import { run } from "./toys.ts";

const tol = 1e-6;

Deno.test("scores that do not differ have the loss of a guess", () => {
  const even = tensor([2, 3], [1, 1, 1, -4, -4, -4]);
  assertAlmostEquals(run(({ x }) => rankingLoss(x), { x: even }).data[0]!, Math.log(6), tol);
  const two = tensor([2], [3, -1]);
  assertAlmostEquals(run(({ x }) => bradleyTerryLoss(x, x), { x: two }).data[0]!, Math.log(2), tol);
});

Deno.test("pairs are rankings of two", () => {
  const scores = tensor([3, 2], [0.3, -1, 2, 2.5, -0.2, 0.9]);
  const expected = [1.3, -0.5, -1.1].reduce((sum, lead) => sum + Math.log(1 + Math.exp(-lead)), 0) / 3;
  const losses = [
    run(({ x }) => rankingLoss(x), { x: scores }),
    run(({ x }) => {
      const column = (i: number) => reshape(slice(x, 1, i, i + 1), [3]);
      return bradleyTerryLoss(column(0), column(1));
    }, { x: scores }),
  ];
  for (const loss of losses) assertAlmostEquals(loss.data[0]!, expected, tol);
});

Deno.test("a ranking of three is the best of three and then the better of two", () => {
  const [a, b, c] = [0.5, -0.25, 1] as const;
  const all = Math.exp(a) + Math.exp(b) + Math.exp(c), rest = Math.exp(b) + Math.exp(c);
  const loss = run(({ x }) => rankingLoss(x), { x: tensor([1, 3], [a, b, c]) });
  assertAlmostEquals(loss.data[0]!, Math.log(all) - a + Math.log(rest) - b, tol);
});

Deno.test("certain pairs give finite losses and gradients", () => {
  const inputs = { w: tensor([2], [500, -500]), l: tensor([2], [-500, 500]) };
  assertAlmostEquals(run(({ w, l }) => bradleyTerryLoss(w, l), inputs).data[0]!, 500, 1e-3);
  const gradient = run(({ w, l }) => grad(bradleyTerryLoss(w, l), [w])[0]!, inputs);
  assertEquals([...gradient.data], [0, -0.5].map((x) => x + 0));
});

Deno.test("the contrastive loss of pairs told apart is log(1 + e^-scale)", () => {
  const e = tensor([2, 2], [1, 0, 0, 1]);
  const inputs = { e, scale: scalar(3), own: tensor([2], [0, 1]), same: tensor([2], [7, 7]) };
  const apart = run(
    ({ e, scale, own }) => contrastiveLoss({ images: e, texts: e, scale, concepts: own }),
    inputs,
  );
  assertAlmostEquals(apart.data[0]!, Math.log(1 + Math.exp(-3)), tol);
  const together = run(
    ({ e, scale, same }) => contrastiveLoss({ images: e, texts: e, scale, concepts: same }),
    inputs,
  );
  assertAlmostEquals(together.data[0]!, Math.log(1 + Math.exp(-3)) + 1.5, tol);
});

Deno.test("the contrastive loss treats images and texts alike, and does not care about the order", () => {
  const seed = 21;
  const [a, b] = ["a", "b"].map((_, i) => tensor([4, 3], normals(key(seed + i), 12)));
  const turned = (x: typeof a) =>
    tensor([4, 3], [3, 2, 1, 0].flatMap((r) => [...x!.data.slice(3 * r, 3 * r + 3)]));
  const loss = (images: typeof a, texts: typeof a, concepts: number[]) =>
    run(
      ({ images, texts, scale, concepts }) => contrastiveLoss({ images, texts, scale, concepts }),
      { images: images!, texts: texts!, scale: scalar(2), concepts: tensor([4], concepts) },
    ).data[0]!;
  const plain = loss(a, b, [1, 2, 1, 3]);
  assertAlmostEquals(loss(b, a, [1, 2, 1, 3]), plain, 1e-5);
  assertAlmostEquals(loss(turned(a), turned(b), [3, 1, 2, 1]), plain, 1e-5);
});
