/**
 * Drawing images of prompts from seeds, by the base model or a trained one, of any strength: one program for all of them.
 *
 * @module
 */

import { blend } from "../lib/core/blend.ts";
import { joinRows } from "../lib/core/rows.ts";
import { type F32, type FloatTensor, type ParamTree, tensor } from "../lib/core/tensor.ts";
import { ddimSchedule } from "../lib/diffusion/ddim.ts";
import type { Runtime } from "../lib/engine/runtime.ts";
import { type FlatLayout, flatLayout, packParams } from "../lib/optim/flat.ts";
import { basePolicy } from "../lib/stages/base_policy.ts";
import { compileText } from "../lib/stages/conditioning.ts";
import { drawBatches } from "../lib/stages/generate.ts";
import type { Models } from "../lib/stages/models.ts";
import { decodeGraph, stepGraph } from "../lib/stages/sampling_graphs.ts";
import { compileBound } from "../lib/stages/weights.ts";
import { pairKey } from "./pair_key.ts";

/** How images are drawn. */
export interface SamplerOptions {
  /** Denoising steps. */
  readonly num_steps: number;
  /** Noise of a step, in [0, 1]; 0: an image depends on its first noise alone. */
  readonly eta: number;
  /** Classifier-free guidance; 1: none. */
  readonly guidance_scale: number;
  /** Images drawn together. They do not depend on it. */
  readonly batch_size: number;
}

/** An image to draw. The same prompt and seed give the same image, also in training. */
export interface Wish {
  /** What it should show. */
  readonly prompt: string;
  /** Where its noise comes from: a whole number from 0 on. */
  readonly seed: number;
}

/** What was trained, and how much of it is wanted. */
export interface Adapted {
  /** Its parameters, by the names of the policy's specs: adapters, or all weights. */
  readonly params: ParamTree;
  /** What adapters are multiplied by, or how far the weights go from the base model's; 0 is the base model, 1 all. */
  readonly strength: number;
}

/** Draws images. */
export interface Sampler {
  /**
   * Draws images batch by batch.
   *
   * @param adapted `null`: the base model draws.
   * @returns The images of one batch after the other, `[n, H, W, 3]`, RGB in [0, 1], in the order of the wishes.
   */
  readonly draw: (wishes: readonly Wish[], adapted: Adapted | null) => AsyncGenerator<FloatTensor>;
  /** Gives the programs' memory back. */
  readonly free: () => void;
}

/**
 * Compiles what draws images.
 *
 * @throws {RangeError} If the steps or eta are not possible.
 */
export async function makeSampler(
  runtime: Runtime,
  models: Models,
  options: SamplerOptions,
): Promise<Sampler> {
  const schedule = ddimSchedule(models.scheduler, options.num_steps, options.eta);
  const layout = flatLayout(models.policy.specs);
  const base = await basePolicy(models.policy, layout, runtime);
  const { isWhole = false } = models.policy;
  const text = await compileText(models, runtime);
  const { context: uncond, pooled } = await text.encode([""]);
  const [, tokens, width] = uncond.shape as readonly [number, number, number];
  const size = options.batch_size;
  const extents = { batch: size, context: [tokens, width], pooled: pooled.shape[1]! } as const;
  const step = await compileBound(runtime, stepGraph(models, layout, extents, options.guidance_scale));
  const decode = await compileBound(runtime, decodeGraph(models, extents));
  const drawing = { runtime, models, step, uncond, decode, schedule, batchSize: size };
  const vectorOf = ({ params, strength }: Adapted) =>
    isWhole ? blend(base, packParams(layout, params), strength) : adapterVector(layout, params, strength);
  return {
    draw: async function* (wishes, adapted) {
      const prompts = [...new Set(wishes.map(({ prompt }) => prompt))];
      const request = {
        conditioning: await text.encode(prompts),
        promptRows: wishes.map(({ prompt }) => prompts.indexOf(prompt)),
        keys: wishes.map(({ prompt, seed }) => pairKey(prompt, seed)),
      };
      const policy = runtime.put(tensor([layout.length], adapted ? vectorOf(adapted) : base));
      try {
        for await (const { images } of drawBatches(drawing, policy, request)) yield images;
      } finally {
        runtime.free([policy]);
      }
    },
    free: () => [text.program, step, decode].forEach((program) => program.free()),
  };
}

/** Waits for all images. */
export async function drawAll(
  batches: AsyncIterable<FloatTensor>,
  onProgress: (images: number) => void = () => {},
): Promise<FloatTensor> {
  const parts: FloatTensor[] = [];
  let done = 0;
  for await (const part of batches) {
    parts.push(part);
    onProgress(done += part.shape[0]!);
  }
  return joinRows(parts);
}

/** Adapters as one vector. Their second matrices carry the strength, so that 0 is the base model to the bit. */
function adapterVector(layout: FlatLayout, adapters: ParamTree, strength: number): F32 {
  return packParams(
    layout,
    Object.fromEntries(
      Object.entries(adapters).map(([name, param]) => {
        const isUp = name.endsWith(".lora_B.weight");
        return [name, isUp ? tensor(param.shape, param.data.map((x) => x * strength)) : param];
      }),
    ),
  );
}
