/**
 * What the host does before and between kernels: `deno bench --allow-read --allow-env bench/host_bench.ts`.
 *
 * Tracing, simplifying, fusing and planning happen once a program; encoding happens every step.
 *
 * @module
 */

import { fuse } from "../lib/engine/fuse.ts";
import { planSteps } from "../lib/engine/plan.ts";
import { simplify } from "../lib/engine/simplify.ts";
import { openGpu } from "../lib/gpu/device.ts";
import { gpuRuntime } from "../lib/gpu/runtime.ts";
import { prepare } from "../lib/stages/context.ts";
import { tdpoR } from "../lib/methods/mod.ts";
import { readConfig } from "../pipelines/config/mod.ts";
import { trainingGraphs, unscored } from "../pipelines/profile.ts";
import { miniModels } from "./mini_models.ts";

const gpu = await openGpu(navigator.gpu);
const runtime = gpuRuntime(gpu);
const options = await readConfig({});
const models = await miniModels(runtime, options);
const rewards = { train: unscored, evaluate: [] };
const ctx = await prepare({ method: tdpoR, options, models, runtime, prompts: ["a cat"], rewards });
const { graph } = trainingGraphs(ctx)["policy's gradient"]!;
const simple = simplify(graph);
const fused = fuse(simple);

Deno.bench({ name: "trace all graphs of training", fn: () => void trainingGraphs(ctx) });
Deno.bench({ name: "simplify the policy's gradient", fn: () => void simplify(graph) });
Deno.bench({ name: "fuse the policy's gradient", fn: () => void fuse(simple) });
Deno.bench({ name: "plan the policy's gradient", fn: () => void planSteps(simple, fused, gpu.target) });
