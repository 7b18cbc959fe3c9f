import { assert, assertEquals, assertMatch } from "@std/assert";
import { size } from "../../lib/core/tensor.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { attune } from "../../bench/attune.ts";
import { timeContender } from "../../bench/contender.ts";
import { type Bout, fight } from "../../bench/contest.ts";
import { drawOperands, flopsOf, type GemmCase, operandsOf, PASSES, showCase } from "../../bench/gemm_case.ts";
import { verdict } from "../../bench/results.ts";

const conv: GemmCase["layer"] = { op: "conv3x3", batch: 2, side: 4, inputs: 8, outputs: 12 };
const matmul: GemmCase["layer"] = { op: "matmul", rows: 20, inputs: 8, outputs: 12 };
const runtime = gpuRuntime(await openGpu(navigator.gpu));

Deno.test("timeContender: calls once to compile, once to see how long it takes, then often enough", async () => {
  const counts: number[] = [];
  const contender = {
    run: (count: number) => {
      counts.push(count);
      return Promise.resolve(() => new Float32Array([counts.length]));
    },
    free: () => {},
  };
  const { timing, result } = await timeContender(contender, () => Promise.resolve(0));
  assertEquals(counts, [1, 1, 200]);
  assertEquals([timing.isFirst, result.length], [false, 1]);
});

Deno.test("fight: every pass is computed and has a time; libraries that agree are compared", async () => {
  for (const layer of [conv, matmul]) {
    for (const pass of PASSES) {
      const gemm: GemmCase = { layer, pass, model: "toy" };
      assertEquals(drawOperands(gemm).map(({ data }) => data.length), operandsOf(gemm).shapes.map(size));
      const twin = { ...attune(runtime), name: "twin" };
      const bout = await fight(gemm, { runtime, peak: null, peers: [twin] });
      assertEquals(bout.flops, flopsOf(gemm));
      assert(bout.ms > 0 && bout.ratio! > 0 && Number.isFinite(bout.ratio), `${showCase(gemm)} ${bout.ms}`);
    }
  }
});

Deno.test("verdict: names what is missed, and only large products count", () => {
  const bout = (inputs: number, ratio: number, shareOfPeak: number): Bout => {
    const gemm: GemmCase = { layer: { ...matmul, inputs }, pass: "forward", model: "toy" };
    return { gemm, flops: inputs * 1e8, gflops: 1, shareOfPeak, ms: 1, peers: {}, ratio };
  };
  const [summary, ...missed] = verdict([bout(10, 5, 0.25), bout(20, 3.5, 0.15), bout(1, 1, 0.01)]);
  assertMatch(summary!, /^2 products .* at least 3\.5 times .* at least 15 % of the peak/);
  assertEquals(missed, [
    "missed by matmul 20 20->12 forward: 3.5 times",
    "missed by matmul 20 20->12 forward: 15 % of the peak",
  ]);
});
