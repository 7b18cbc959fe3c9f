import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { type FloatTensor, tensor } from "../../lib/core/tensor.ts";
import { grad, input, sum, type Value } from "../../lib/engine/mod.ts";
import { vector } from "../../lib/engine/ops/vector.ts";
import {
  logSoftmax,
  normalize,
  patchify,
  softmax,
  timestepEmbedding,
  upsampleNearest2x,
} from "../../lib/nn/mod.ts";
import { assertClose, readGolden, readGoldenJson, run, runtimes } from "../models/golden.ts";

for (const { name: where, runtime } of runtimes) {
  const compute = async (x: FloatTensor, fn: (x: Value) => Value): Promise<FloatTensor> => {
    const value = input("x", x.shape);
    return (await run(runtime, { inputs: { x: value }, outputs: { y: fn(value) } }, { x })).y!;
  };

  Deno.test(`timesteps become the waves that diffusers computes, on the ${where}`, async () => {
    const { timesteps } = await readGoldenJson("unet_three_levels") as { timesteps: number[] };
    const expected = (await readGolden("unet_three_levels"))["output.time_proj"]!;
    const options = { flip_sin_to_cos: true, freq_shift: 0 };
    const found = await compute(
      tensor([2], timesteps),
      (t) => timestepEmbedding(t, expected.shape[1]!, options),
    );
    assertClose(found, expected, 1e-5, "waves");
  });

  Deno.test(`the embedding of timestep 981 at Stable Diffusion's width, on the ${where}`, async () => {
    const { data } = await compute(
      tensor([1], [981]),
      (t) => timestepEmbedding(t, 320, { flip_sin_to_cos: true, freq_shift: 0 }),
    );
    const expected = [[0, 0.6799572], [1, -0.7984292], [2, 0.5780641], [159, 0.9946059], [160, 0.7332518]];
    for (const [at, value] of [...expected, [161, 0.6020887], [319, 0.1037259]]) {
      assertAlmostEquals(data[at!]!, value!, 1e-4, `element ${at}`);
    }
  });

  Deno.test(`softmax sums to 1 where exponentials would overflow, on the ${where}`, async () => {
    const x = tensor([2, 3], [1000, 1000, 1000 + Math.log(2), -5, -200, -5]);
    assertClose(await compute(x, softmax), tensor([2, 3], [0.25, 0.25, 0.5, 0.5, 0, 0.5]), 2e-5, "softmax");
    const logs = tensor([2, 3], [
      -Math.log(4),
      -Math.log(4),
      -Math.log(2),
      -Math.log(2),
      -195.69315,
      -Math.log(2),
    ]);
    assertClose(await compute(x, logSoftmax), logs, 5e-5, "logarithm");
    const slope = await compute(x, (x) => grad(sum(logSoftmax(x)), [x])[0]!);
    assertClose(slope, tensor([2, 3], [0.25, 0.25, -0.5, -0.5, 1, -0.5]), 1e-4, "gradient");
  });

  Deno.test(`vectors become of length 1, and that of length 0 stays, on the ${where}`, async () => {
    const x = tensor([2, 2], [3, -4, 0, 0]);
    assertClose(await compute(x, normalize), tensor([2, 2], [0.6, -0.8, 0, 0]), 1e-6, "normalised");
  });

  Deno.test(`pixels are repeated twice along both sides, on the ${where}`, async () => {
    const x = tensor([1, 2, 2, 1], [1, 2, 3, 4]);
    const y = await compute(x, upsampleNearest2x);
    assertEquals(y.shape, [1, 4, 4, 1]);
    assertEquals([...y.data], [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    assertEquals([...(await compute(x, (x) => grad(sum(upsampleNearest2x(x)), [x])[0]!)).data], [4, 4, 4, 4]);
  });

  Deno.test(`patches come row by row, their channels last, on the ${where}`, async () => {
    const x = tensor([1, 2, 4, 2], Array.from({ length: 16 }, (_, i) => i));
    const y = await compute(x, (x) => patchify(x, 2));
    assertEquals(y.shape, [1, 2, 8]);
    assertEquals([...y.data], [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15]);
  });

  Deno.test(`a constant vector is the same to the bit, on the ${where}`, async () => {
    const values = [Math.PI, -0.1, 1e-30, 0, 123456.789];
    const y = await compute(tensor([1], [0]), () => vector(values));
    assertEquals([...y.data], values.map(Math.fround));
  });
}

Deno.test("what cannot be a vector, a patch or a wave is refused", () => {
  assertThrows(() => vector([]), RangeError, "1 to 4096 numbers: 0");
  assertThrows(() => vector([1, NaN]), RangeError, "not finite: NaN");
  assertThrows(() => patchify(input("x", [1, 6, 8, 3]), 4), RangeError, "6x8 pixels");
  assertThrows(
    () => timestepEmbedding(input("t", [1]), 7, { flip_sin_to_cos: true, freq_shift: 0 }),
    RangeError,
    "7 channels",
  );
  assert(timestepEmbedding(input("t", [1]), 8, { flip_sin_to_cos: false, freq_shift: 1 }).shape[1] === 8);
});
