/**
 * A full-size Stable Diffusion v1.4 with random weights on this machine's GPU, against PyTorch: a command, not a test of the suite.
 *
 *     python tests/full_size_sd14.py FOLDER
 *     deno run -A tests/full_size_sd14.ts FOLDER [text] [unet] [vae] [step] [--half]
 *
 * Each part is loaded, run, compared and given back before the next; without names, all of them. `step` is one optimizer step of
 * the adapters on a guided prediction, whose ratio has to be 1 before it and whose gradient has to be finite and not 0. Exits
 * with 1 where a part fails or is further off than it may be. Takes at most 20 GB, weights on the device included.
 * @module
 */

import { join } from "node:path";
import { key } from "../lib/core/random.ts";
import { type FloatTensor, full, type Tensor, tensor, words } from "../lib/core/tensor.ts";
import { ddimCoefs, ddimSchedule } from "../lib/diffusion/ddim.ts";
import { parseSchedulerConfig } from "../lib/diffusion/scheduler_config.ts";
import { largestBinding } from "../lib/engine/limits.ts";
import type { Program } from "../lib/engine/runtime.ts";
import type { GpuRuntime } from "../lib/gpu/runtime.ts";
import {
  clipText,
  declareAutoencoder,
  declareClipText,
  declareUNet,
  decode,
  parseAutoencoderConfig,
  parseClipTextConfig,
  parseCriticConfig,
  parseLoraConfig,
  parseUNetConfig,
  unet,
} from "../lib/models/mod.ts";
import { initParams } from "../lib/nn/scope.ts";
import { adamwHyper } from "../lib/optim/adamw.ts";
import { adamwEachHyper } from "../lib/optim/adamw_each.ts";
import { flatLayout, packParams } from "../lib/optim/flat.ts";
import { latentDiffusion } from "../lib/stages/latent_diffusion.ts";
import {
  criticRates,
  optimizerGraph,
  policyGradientGraph,
  policyRates,
} from "../lib/stages/training_graphs.ts";
import { bindWeights, type Bound, compileBound, type Weights } from "../lib/stages/weights.ts";
import { checkConfig } from "../pipelines/config/mod.ts";
import { readJson, readWeights } from "../pipelines/files.ts";
import { loadWeights } from "../pipelines/load/weights.ts";
import { openRuntime } from "../pipelines/open_runtime.ts";
import { channelsLast } from "./models/golden.ts";

/** The largest error that a part may have, in units of the largest value. */
const TOLERANCE = { whole: 1e-4, half: 2e-2 };

const DIFFUSERS_WEIGHTS = "diffusion_pytorch_model";

/** What a part works with. */
interface Setting {
  readonly runtime: GpuRuntime;
  readonly expected: Readonly<Record<string, FloatTensor>>;
  readonly config: (part: string) => Promise<unknown>;
  readonly weights: (
    part: string,
    file: string,
    specs: Parameters<typeof loadWeights>[2],
  ) => Promise<Weights>;
}

/** What a part comes to: the largest error in units of the largest value, or a line of its own. */
type Part = (setting: Setting) => Promise<number | string>;

const parts: Readonly<Record<string, Part>> = {
  text,
  unet: guidedPrediction,
  vae: decodedImage,
  step: updateStep,
};

async function text({ runtime, expected, config, weights }: Setting): Promise<number> {
  const parsed = parseClipTextConfig(await config("text_encoder"));
  const own = await weights("text_encoder", "model", declareClipText(parsed));
  const ids = words([2, 77], Uint32Array.from(expected["text.ids"]!.data as Float32Array));
  const bound = bindWeights(
    { own },
    { ids },
    (scopes, inputs) => ({ context: clipText(scopes.own, parsed, inputs.ids) }),
  );
  return errorOf((await runOnce(runtime, bound, { ids })).context!, expected["text.output"]!);
}

async function guidedPrediction({ runtime, expected, config, weights }: Setting): Promise<number> {
  const parsed = parseUNetConfig(await config("unet"));
  const own = await weights("unet", DIFFUSERS_WEIGHTS, declareUNet(parsed));
  const inputs = {
    sample: channelsLast(expected["unet.sample"]!),
    timestep: expected["unet.timestep"]!,
    context: expected["text.output"]!,
  };
  const bound = bindWeights({ own }, inputs, (scopes, values) => ({ eps: unet(scopes.own, parsed, values) }));
  return errorOf((await runOnce(runtime, bound, inputs)).eps!, channelsLast(expected["unet.output"]!));
}

async function decodedImage({ runtime, expected, config, weights }: Setting): Promise<number> {
  const parsed = parseAutoencoderConfig(await config("vae"));
  const own = await weights("vae", DIFFUSERS_WEIGHTS, declareAutoencoder(parsed));
  const latents = channelsLast(expected["vae.latents"]!);
  const bound = bindWeights({ own }, { latents }, (scopes, inputs) => ({
    image: decode(scopes.own, parsed, inputs.latents, { bandBytes: largestBinding(runtime.limits!) }),
  }));
  return errorOf((await runOnce(runtime, bound, { latents })).image!, channelsLast(expected["vae.image"]!));
}

async function updateStep({ runtime, expected, config, weights }: Setting): Promise<string> {
  const parsed = parseUNetConfig(await config("unet"));
  const scheduler = parseSchedulerConfig(await config("scheduler"));
  const options = checkConfig({
    sample: { num_steps: 50, guidance_scale: 5, batch_size: 1, num_batches_per_epoch: 1 },
    train: { batch_size: 1, gradient_accumulation_steps: 1, learning_rate: 1e-4, clip_range: 1e-4 },
  });
  const none = { weights: {} };
  const models = latentDiffusion({
    encode: () => words([1, 1], [0]),
    scheduler,
    text: { config: parseClipTextConfig(await config("text_encoder")), ...none },
    unet: {
      config: parsed,
      weights: await weights("unet", DIFFUSERS_WEIGHTS, declareUNet(parsed)),
      rematerialise: true,
    },
    autoencoder: { config: parseAutoencoderConfig(await config("vae")), ...none },
    encoder: { build: (_, images) => images, ...none },
    lora: parseLoraConfig({}),
    critic: parseCriticConfig({ embedding_dim: 1, hidden: [1] }),
  });
  const layouts = { policy: flatLayout(models.policy.specs), critic: flatLayout(models.critic.specs) };
  const start = tensor(
    [layouts.policy.length],
    packParams(layouts.policy, initParams(models.policy.specs, key(1))),
  );
  const zeros = full([layouts.policy.length], 0);
  const [step] = ddimSchedule(scheduler, 50, 1);
  const row = ({ shape, data }: FloatTensor, b: number) => {
    const each = data.length / shape[0]!;
    return tensor([1, ...shape.slice(1)], data.slice(b * each, (b + 1) * each));
  };
  const x = row(channelsLast(expected["unet.sample"]!), 0);
  const given = {
    policy: start,
    policyGrad: zeros,
    x,
    prev: x,
    timestep: tensor([1], [step!.timestep]),
    coefs: ddimCoefs([step!]),
    context: row(expected["text.output"]!, 0),
    uncond: row(expected["text.output"]!, 1),
    advantage: tensor([1], [1]),
  };
  const extents = { batch: 1, context: [77, parsed.cross_attention_dim] as const, pooled: 1 };
  const bound = policyGradientGraph(models, layouts.policy, extents, options);
  const program = await compileBound(runtime, bound);
  // The first run tells the log-probability, from which the second has the ratio 1.
  const first = await readAll(runtime, program, { ...given, oldLogProb: tensor([1], [0]) });
  const logProb = Math.log(first.ratio!.data[0]!);
  if (!Number.isFinite(logProb)) {
    throw new Error(`Cannot compare as the log-probability is not finite: ${logProb}`);
  }
  const second = await readAll(runtime, program, { ...given, oldLogProb: tensor([1], [logProb]) });
  program.free();
  const gradient = second.policyGrad!;
  const norm = Math.sqrt(gradient.data.reduce((sum, v) => sum + v * v, 0));
  const ratioError = Math.abs(second.ratio!.data[0]! - 1);
  if (!(Number.isFinite(norm) && norm > 0)) {
    throw new Error(`Cannot step as the gradient's norm is wrong: ${norm}`);
  }
  if (ratioError > 1e-6) throw new Error(`Cannot step as the ratio is not 1 before it: 1 ± ${ratioError}`);
  const critic = full([layouts.critic.length], 0);
  const after = await runOnce(runtime, { graph: optimizerGraph(layouts, options), weights: {} }, {
    policy: start,
    policyM: zeros,
    policyV: zeros,
    policyGrad: gradient,
    policyHyper: adamwHyper(policyRates(options.train), 1),
    critic,
    criticM: critic,
    criticV: critic,
    criticSince: critic,
    criticGrad: critic,
    criticHyper: adamwEachHyper(criticRates(options.train), 1),
  });
  const moved = after.policy!.data.reduce((most, v, i) => Math.max(most, Math.abs(v - start.data[i]!)), 0);
  if (!(moved > 0)) throw new Error("Cannot step as no parameter moved: 0");
  return `ratio 1 ± ${ratioError.toExponential(1)}, gradient norm ${norm.toPrecision(4)}, largest step ${
    moved.toPrecision(3)
  }`;
}

/** Compiles a graph, runs it once and reads its results. */
async function runOnce(
  runtime: GpuRuntime,
  bound: Bound,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, FloatTensor>> {
  const program = await compileBound(runtime, bound);
  const results = await readAll(runtime, program, inputs);
  program.free();
  return results;
}

async function readAll(
  runtime: GpuRuntime,
  program: Program,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, FloatTensor>> {
  const arrays = program.run(inputs);
  const tensors = await runtime.get(Object.values(arrays));
  runtime.free(Object.values(arrays));
  return Object.fromEntries(Object.keys(arrays).map((name, i) => [name, tensors[i] as FloatTensor]));
}

/** The largest error in units of the largest expected value. */
function errorOf({ data: found }: FloatTensor, { data: expected }: FloatTensor): number {
  let [error, largest] = [0, 0];
  expected.forEach((value, i) => {
    const off = Math.abs(found[i]! - value);
    error = Math.max(error, Number.isNaN(off) ? Infinity : off);
    largest = Math.max(largest, Math.abs(value));
  });
  return error / largest;
}

/** Runs the parts that are asked for; tells whether all are right. */
async function compareParts(folder: string, names: readonly string[], isHalf: boolean): Promise<boolean> {
  const { runtime, gpu } = await openRuntime();
  console.log(gpu.name);
  const expected = await readWeights(join(folder, "expected.safetensors")) as Setting["expected"];
  const tolerance = isHalf ? TOLERANCE.half : TOLERANCE.whole;
  let isRight = true;
  for (const name of names) {
    const start = performance.now();
    const loaded: Weights[] = [];
    const setting: Setting = {
      runtime,
      expected,
      config: (part) =>
        readJson(join(folder, "model", part, part === "scheduler" ? "scheduler_config.json" : "config.json")),
      weights: async (part, file, specs) => {
        const path = join(folder, "model", part, `${file}${isHalf ? ".fp16" : ""}.safetensors`);
        const own = await loadWeights(runtime, path, specs);
        loaded.push(own);
        console.log(`${name}: loaded after ${seconds(start)}`);
        return own;
      },
    };
    try {
      const found = await parts[name]!(setting);
      const isFine = typeof found === "string" || found <= tolerance;
      isRight &&= isFine;
      const words = typeof found === "string"
        ? found
        : `largest error ${found.toExponential(2)} of ${tolerance}`;
      console.log(`${name}: ${isFine ? "right" : "WRONG"}, ${words}; ${seconds(start)}, ${memory(runtime)}`);
    } catch (error) {
      isRight = false;
      console.log(`${name}: FAILED after ${seconds(start)}: ${(error as Error).message}; ${memory(runtime)}`);
    }
    for (const own of loaded) runtime.free(Object.values(own));
  }
  return isRight;
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

function memory(runtime: GpuRuntime): string {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  return `${gigabytes(runtime.peakBytes())} of buffers, ${gigabytes(Deno.memoryUsage().rss)} resident`;
}

if (import.meta.main) {
  const isHalf = Deno.args.includes("--half");
  const [folder, ...named] = Deno.args.filter((arg) => arg !== "--half");
  const unknown = named.find((name) => !Object.hasOwn(parts, name));
  if (folder === undefined || unknown !== undefined) {
    console.error(
      `Cannot compare as ${folder === undefined ? "no folder is named" : "there is no such part"}: ` +
        `${unknown ?? "FOLDER"}; the parts are ${Object.keys(parts).join(", ")}`,
    );
    Deno.exit(2);
  }
  Deno.exit(await compareParts(folder, named.length > 0 ? named : Object.keys(parts), isHalf) ? 0 : 1);
}
