import { assert, assertEquals, assertRejects } from "@std/assert";
import { type CountedProgram, countingRuntime } from "../../lib/gpu/counting_runtime.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { flatLayout } from "../../lib/optim/flat.ts";
import { compileText } from "../../lib/stages/conditioning.ts";
import { latents } from "../../lib/stages/sampling_graphs.ts";
import { policyGradientGraph } from "../../lib/stages/training_graphs.ts";
import { bindWeights, compileBound } from "../../lib/stages/weights.ts";
import { checkConfig, type Config, readConfig } from "../../pipelines/config/mod.ts";
import { modelFolder } from "../../pipelines/load/model_folder.ts";
import { standInSource } from "../../pipelines/load/model_source.ts";
import { loadTraining, loadViewer, prepareTraining } from "../../pipelines/open_training.ts";
import type { Request } from "../../pipelines/run/request.ts";
import type { Screen } from "../../pipelines/run/screen.ts";
import { prepareRun } from "../../pipelines/run/prepare_run.ts";
import { withHubCache } from "./tiny_model.ts";
import { planTraining, runEpoch } from "../../pipelines/plan/training_plan.ts";
import { showTrainingPlan } from "../../pipelines/plan/show_plan.ts";

/** The embedded model, the shortest epoch there is. */
const small = checkConfig({
  rewards: { train: "mini_aesthetic", evaluate: ["colourfulness"] },
  sample: { num_steps: 3, batch_size: 2, num_batches_per_epoch: 1 },
  train: { batch_size: 1, gradient_accumulation_steps: 2, drop_last_steps: 2 },
  kl_penalty_coef: 0.1,
});

// All images of an epoch are held until they are scored; a short epoch that stands for it has few.
const heldImages = 256 * 512 * 512 * 3;
const short = ["sample.num_steps=6", "sample.num_batches_per_epoch=1", "train.gradient_accumulation_steps=1"];

Deno.test("a plan counts the bytes that training takes on the GPU, part by part, of all weights, in f32 and in f16", async () => {
  const gpu = await openGpu(navigator.gpu);
  const model = await modelFolder("mini");
  const peaks: number[] = [];
  const cases: readonly Partial<Config>[] = [{ lora: null }, { mixed_precision: "f32" }, {
    mixed_precision: "f16",
  }];
  for (const its of cases) {
    const config = { ...small, ...its };
    const runtime = gpuRuntime(gpu);
    const pipeline = await loadTraining(runtime, model, config);
    const found = [["load", runtime.peakBytes()]];
    const ctx = await prepareTraining(pipeline, config, ["a cat", "a dog"]);
    await loadViewer(pipeline, model, config);
    found.push(["read prompts", runtime.peakBytes()]);
    await runEpoch(ctx, (name) => found.push([name, runtime.peakBytes()]));
    const { parts } = await planTraining(config, {
      limits: gpu.device.limits,
      software: gpu.target.software,
      prompts: ["a cat", "a dog"],
    });
    assertEquals(parts.map(({ name, peakBytes }) => [name, peakBytes]), found, JSON.stringify(its));
    peaks.push(runtime.peakBytes());
    ctx.free();
    await pipeline.free();
  }
  assertEquals(peaks, peaks.toSorted((a, b) => b - a));
});

Deno.test("Stable Diffusion's update fits in 5 GB, and in bindings of 128 MiB what decodes and reads prompts does", async () => {
  const config = await readConfig({ config: "sd14-aesthetic", set: ["rewards.evaluate=[]"] });
  const software = { maxBufferSize: 2 ** 31 - 1, maxStorageBufferBindingSize: 2 ** 27 };
  const open = async (halves: boolean, gradient_checkpointing: boolean) => {
    const runtime = countingRuntime(software);
    const asked = { ...config, train: { ...config.train, gradient_checkpointing } };
    const { models } = await loadTraining(
      runtime,
      await modelFolder("sd14"),
      asked,
      standInSource(runtime, halves),
    );
    return { runtime, models };
  };
  const extents = { batch: 1, context: [77, 768], pooled: 768 } as const;
  const [kept, again] = await Promise.all([false, true].map(async (gradient_checkpointing) => {
    const { runtime, models } = await open(true, gradient_checkpointing);
    await compileBound(
      runtime,
      policyGradientGraph(models, flatLayout(models.policy.specs), extents, config),
    );
    return runtime.programs().at(-1)!;
  })) as [CountedProgram, CountedProgram];
  assert(again.slotBytes < kept.slotBytes / 2, `${again.slotBytes} of ${kept.slotBytes} bytes`);
  const bytes = again.inputBytes + again.slotBytes + again.resultBytes;
  assert(bytes < 5e9 && again.inputBytes > 1.7e9, `${bytes} bytes`);

  const { runtime, models } = await open(false, true);
  await compileText(models, runtime);
  await compileBound(
    runtime,
    bindWeights(
      { decoder: models.decoder.weights },
      { x: latents(models, extents) },
      ({ decoder }, { x }) => ({ images: models.decoder.build(decoder, x) }),
    ),
  );
  for (const { largestBinding } of runtime.programs()) {
    assert(largestBinding <= 2 ** 27, `${largestBinding} bytes are bound`);
  }
});

Deno.test("Stable Diffusion and the published judges fit bindings of 128 MiB, and software adapters finish their loops", async () => {
  const limits = { maxBufferSize: 2 ** 31 - 1, maxStorageBufferBindingSize: 2 ** 27 };
  for (const [batch, halves] of [[4, true], [1, false]] as const) {
    const set = [`sample.batch_size=${batch}`, `train.batch_size=${batch}`, ...short];
    const config = await readConfig({
      config: "sd14-hpsv2",
      set: [...set, "train.gradient_checkpointing=true"],
    });
    const { programs } = await withHubCache(
      "/nowhere",
      () => planTraining(config, { limits, software: true, halves }),
    );
    assert(programs.some(({ stage }) => stage === "scoring by imagereward"));
  }
});

Deno.test("with a formula for a reward, Stable Diffusion's critic looks through the published CLIP", async () => {
  const set = ["rewards={train: jpeg_compressibility, evaluate: []}", "sample.batch_size=1", ...short];
  const { programs } = await planTraining(
    await readConfig({ config: ["sd14-aesthetic", "memory-6gb"], set }),
  );
  const read = (name: string) => programs.find(({ stage }) => stage === name)!.inputBytes;
  // Its tower of 304 million parameters in half precision.
  assert(read("looking for diversity") > 2 * 304e6, `${read("looking for diversity")} bytes`);
  assert(read("what the critic sees") > 2 * (304e6 + 49e6), `${read("what the critic sees")} bytes`);
});

Deno.test("Stable Diffusion without its files is planned by what comes along, in 4 GB to sample and 5 GB to learn", async () => {
  const one = [
    "rewards.evaluate=[]",
    "sample.batch_size=1",
    "train.batch_size=1",
    "train.gradient_checkpointing=true",
  ];
  const config = await readConfig({ config: "sd14-aesthetic", set: [...one, ...short] });
  const plan = await withHubCache("/nowhere", () => planTraining(config));
  assert(showTrainingPlan(plan).startsWith("CompVis/stable-diffusion-v1-4 has not been downloaded"));
  const peak = (part: string) => plan.parts.find(({ name }) => name === part)!.peakBytes;
  assert(peak("load") > 2.6e9 && peak("score") <= 4e9, `${peak("load")}, then ${peak("score")} bytes`);
  assert(peak("update") <= 5e9, `${peak("update")} bytes`);
});

for (const model of ["sd14-aesthetic", "sd14-pickscore", "sd14-hpsv2"]) {
  Deno.test(`${model} takes no more memory than each preset says`, async () => {
    await withHubCache("/nowhere", async () => {
      for (const gigabytes of [6, 8, 12, 16, 24]) {
        const config = await readConfig({ config: [model, `memory-${gigabytes}gb`], set: short });
        await planTraining(config, { memory: gigabytes * 1e9 - heldImages, halves: false });
      }
    });
  });
}

Deno.test("a plan is printed with a line for each part and program", async () => {
  const plan = await planTraining(small);
  const text = showTrainingPlan(plan);
  for (const { stage } of plan.programs) assert(text.includes(`\n${stage}  `), `${stage}: ${text}`);
  const update = plan.programs.find(({ stage }) => stage === "the policy's update")!;
  assertEquals(update.runsAnEpoch, 2);
  assert(update.flops > 1e8 && update.dispatches > 500, JSON.stringify(update));
});

Deno.test("a plan counts what its method runs: without a critic no step is decoded", async () => {
  const plan = await planTraining({ ...small, method: "ddpo", kl_penalty_coef: 0 });
  const runs = Object.fromEntries(plan.programs.map(({ stage, runsAnEpoch }) => [stage, runsAnEpoch]));
  assertEquals([runs.decoding, runs["what the critic sees"], runs["the critic's update"]], [
    1,
    undefined,
    undefined,
  ]);
  assertEquals([runs["a sampling step"], runs["the policy's update"]], [3, 2]);
});

Deno.test("a plan counts what the critic sees: latents and the UNet's middle without decoding", async () => {
  const seen = async (encoder: string, every = 1, sees: "noisy" | "predicted" = "noisy") => {
    const plan = await planTraining({ ...small, critic: { ...small.critic, encoder, every, sees } });
    const named = (name: string) => plan.programs.find(({ stage }) => stage === name);
    const look = named("what the critic sees")!;
    // Between looks it predicts from what it last saw.
    const looks = Math.ceil(3 / every);
    assertEquals([look.runsAnEpoch, named("the critic's prediction")?.runsAnEpoch ?? 0], [looks, 3 - looks]);
    return look.flops;
  };
  await seen("reward", 2);
  const [images, unet, latents] = [await seen("reward"), await seen("unet"), await seen("latents")];
  const predicted = await seen("reward", 1, "predicted");
  assert(predicted > images && predicted < 1.001 * images, `${predicted} operations, and ${images}`);
  assert(unet < images / 2 && latents < images / 20, `${images}, ${unet} and ${latents} operations`);
});

Deno.test("what does not fit is refused with the stage, the bytes, the limit and what to change", async () => {
  const large = { ...small, sample: { ...small.sample, batch_size: 64 } };
  const limits = { maxBufferSize: 1e9, maxStorageBufferBindingSize: 15e5 };
  const cases: readonly [Parameters<typeof planTraining>[1], readonly string[]][] = [
    [{ memory: 5e6 }, ["5000000 bytes", "to load", "mixed_precision=f16_weights"]],
    [{ memory: 15e6 }, ["15000000 bytes", "lower sample.batch_size"]],
    [{ limits }, ["in a sampling step", "allows 1500000", "lower sample.batch_size"]],
  ];
  for (const [options, parts] of cases) {
    const { message } = await assertRejects(() => planTraining(large, options), RangeError);
    for (const part of parts) assert(message.includes(part), `${part}: ${message}`);
  }
  // Done as the last one says, it fits.
  await planTraining(small, { limits });
});

Deno.test("training that does not fit is refused before anything is loaded", async () => {
  const runtime = countingRuntime({ maxBufferSize: 1e9, maxStorageBufferBindingSize: 1e5 });
  const adapter = { name: "small", isSoftware: false, runtime };
  const request = {
    config: small,
    prompts: {},
    folder: {},
    checkpoint: null,
    isNew: true,
  } as unknown as Request;
  const screen = { progress: () => {} } as unknown as Screen;
  const { message } = await assertRejects(
    () => prepareRun(request, adapter, screen, new AbortController().signal),
    RangeError,
  );
  assert(/Cannot bind \d+ bytes to .* in .* as the adapter allows 100000/.test(message), message);
  assertEquals(runtime.peakBytes(), 0);
});
