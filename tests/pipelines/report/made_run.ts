/**
 * Makes the folder of a run that never was: an over-optimised one, its numbers plausible and always the same.
 *
 * @module
 */

import { join } from "node:path";
import { fold, key, normals, uniforms } from "../../../lib/core/random.ts";
import { tensor } from "../../../lib/core/tensor.ts";
import { encodePng } from "../../../lib/io/png.ts";
import { checkConfig, type RawConfig, showConfig } from "../../../pipelines/config/mod.ts";
import { captionedGrid } from "../../../pipelines/run/captioned_grid.ts";
import { LORA_FILE } from "../../../pipelines/run/policy_files.ts";
import { epochName } from "../../../pipelines/run/epoch_name.ts";

/** How the run is. */
export interface Made {
  /** Epochs trained. */
  readonly epochs: number;
  /** Epochs planned; default as many. */
  readonly planned?: number;
  /** Epochs between evaluations; 0: never. */
  readonly every?: number;
  /** The run's seed, which moves what its evaluations find; without one, they find what the bends say. */
  readonly seed?: number;
  /** What its gains are multiplied by; default 1. */
  readonly factor?: number;
  /** Fields of its configuration, beside those of the run that never was. */
  readonly config?: RawConfig;
}

const ANIMALS = ["cat", "dog", "horse", "monkey", "rabbit", "zebra", "spider", "bird"];

/** A reward's base mean and deviation, and how many deviations it gains by the end, with a bend. */
const REWARDS: Readonly<Record<string, readonly [number, number, (t: number) => number]>> = {
  mini_aesthetic: [5.1, 0.62, (t) => 2.4 * (1 - Math.exp(-2.5 * t))],
  gold: [-0.21, 1.4, (t) => 2.2 * t - 3.4 * t ** 2],
  mini_pick: [0.42, 1.9, (t) => 0.9 * t - 0.7 * t ** 2],
  mini_hps: [0.61, 2.1, (t) => 0.12 * t],
  colourfulness: [38.2, 17.5, (t) => 1.6 * t],
  sharpness: [62.4, 20.3, (t) => -0.9 * t ** 2],
};

const [train, ...evaluate] = Object.keys(REWARDS);

/** Writes the run below a new temporary folder; returns the run's folder. */
export async function makeRun(
  { epochs, planned = epochs, every = 5, seed, factor = 1, config = {} }: Made,
): Promise<string> {
  const folder = join(await Deno.makeTempDir({ prefix: "attune-report-" }), "0007");
  await Deno.mkdir(join(folder, "images"), { recursive: true });
  await Deno.writeTextFile(
    join(folder, "config.yaml"),
    showConfig(checkConfig({
      num_epochs: planned,
      rewards: { train, evaluate },
      ...seed !== undefined && { seed },
      ...config,
    })),
  );
  await Deno.writeTextFile(join(folder, "manifest.json"), JSON.stringify(MANIFEST, null, 2));
  const lines = Array.from(
    { length: epochs + 1 },
    (_, epoch) => {
      const line = epoch === 0 ? baseLine(every) : epochLine(epoch, planned, every);
      return "evaluation" in line && line.evaluation
        ? { ...line, evaluation: moved(line.evaluation, epoch, factor, seed) }
        : line;
    },
  );
  await Deno.writeTextFile(
    join(folder, "metrics.jsonl"),
    lines.map((line) => JSON.stringify(line) + "\n").join(""),
  );
  for (let epoch = 0; epoch <= epochs; epoch += epochs < 5 ? 1 : 5) {
    await Deno.writeFile(
      join(folder, "images", `${epochName(epoch)}.png`),
      encodePng(grid(epoch / planned)),
    );
  }
  for (let epoch = 5; epoch <= epochs; epoch += 5) {
    const checkpoint = join(folder, "checkpoints", epochName(epoch));
    await Deno.mkdir(checkpoint, { recursive: true });
    await Deno.writeTextFile(join(checkpoint, LORA_FILE), "");
  }
  return folder;
}

const MANIFEST = {
  started: "2030-01-02T03:04:05.000Z",
  versions: { attune: "0.1.0", deno: "2.9.6", v8: "14.9", typescript: "6.0" },
  platform: "linux x86_64",
  adapter: "llvmpipe (LLVM 15.0.6, 256 bits)",
  software_adapter: true,
  seed: 42,
  model: { name: "mini", hash: "ab".repeat(32) },
  prompts: { train: ANIMALS, evaluate: ANIMALS, images: ANIMALS },
  resumed: [],
};

function baseLine(every: number) {
  return {
    epoch: 0,
    reward_queries: 0,
    kl_to_base: 0,
    ...every > 0 && { evaluation: evaluation(0) },
    seconds: { evaluate: 31.2 },
    gpu_peak_bytes: 312e6,
  };
}

function epochLine(epoch: number, planned: number, every: number) {
  const t = epoch / planned;
  const noise = (name: string) => normals(fold(fold(key(7), name), epoch), 1)[0]!;
  const resets = epoch % 5 === 0;
  return {
    epoch,
    reward_queries: 64 * epoch,
    rewards: Object.fromEntries(
      Object.entries(REWARDS).map(([name, [mean, std, gain]]) => [name, {
        mean: mean + std * (gain((epoch - 1) / planned) + 0.12 * noise(name)),
        std: std * (1 - 0.2 * t),
      }]),
    ),
    policy_loss: -0.01 * noise("loss"),
    critic_loss: 0.5 - 0.2 * t,
    critic_explained_variance: 0.55 * (1 - Math.exp(-4 * t)) - (epoch === 1 ? 2.1 : resets ? 0.2 : 0),
    critic_explained_variance_by_step: Array.from(
      { length: 8 },
      (_, i) => 0.08 * i * Math.min(1, 3 * t) - 0.05,
    ),
    approx_kl: 2.1e-4 * (1 + 0.3 * noise("kl")),
    clip_fraction: 0.11 + 0.03 * noise("clip"),
    critic_clip_fraction: 0.05 + 0.01 * noise("critic clip"),
    ratio_before_update_max_error: 0,
    grad_norm: {
      policy: 0.21 * (1 + 0.2 * noise("policy")),
      critic: 2.4 * Math.exp(-t + 0.3 * noise("critic")),
    },
    dormant_fraction: {
      layers: [0.31, 0.22, 0.12, 0.06].map((level) => level * (epoch % 5) / 5 + 0.02),
      total: 0.29 * (epoch % 5) / 5 + 0.02,
    },
    dormant_by_tau: Object.fromEntries(
      [0, 0.025, 0.1].map((tau) => [tau, { layers: [], total: 0.29 * (epoch % 5) / 5 + 0.02 + 2 * tau }]),
    ),
    dormant_overlap: 0.94 + 0.01 * noise("overlap"),
    gradient_noise: {
      variance: 0.04 * (1 + 0.2 * noise("variance")),
      signal_share: 0.09 + 0.08 * noise("share"),
      variance_by_step: Array.from(
        { length: 8 },
        (_, i) => resets && i < 7 ? 0.03 + 0.02 * t + 0.004 * i : null,
      ),
      signal_share_by_step: Array(8).fill(null),
    },
    effective_rank: [41, 23, 12, 5.1].map((rank) => rank * (1 - 0.3 * t)),
    weight_norm: { policy: 2 * t, critic: 31 + 4 * t },
    ...resets && { plasticity: { current_loss: 0.31 + 0.2 * t, fresh_loss: 0.4 - 0.05 * t } },
    neurons_reset: resets ? 931 : 0,
    diversity: { within: 0.2 - 0.11 * t + 0.005 * noise("diversity"), between: 0.6 - 0.2 * t },
    kl_to_base: 2.4 * t ** 1.5,
    ...every > 0 && (epoch % every === 0 || epoch === planned) && { evaluation: evaluation(t) },
    seconds: {
      sample: 14.2,
      score: 1.1,
      critique: 0.01,
      update: 35 + noise("time"),
      reset: 0.3,
      evaluate: 4,
    },
    gpu_peak_bytes: 412e6,
  };
}

function evaluation(t: number) {
  const unseen = { images: 40, rewards: rewards(t, 0.7), kl_to_base: 2.4 * t ** 1.5 };
  const seen_gap = t === 0 ? null : { mean: 0.3 * REWARDS.mini_aesthetic![2](t), standard_error: 0.09 };
  return {
    images: 90,
    rewards: rewards(t, 1),
    diversity: { within: 0.19 - 0.1 * t, between: 0.62 - 0.2 * t },
    kl_to_base: 86 * t ** 1.5,
    unseen,
    seen_gap,
  };
}

/** An evaluation as another seed would have found it. */
function moved(found: ReturnType<typeof evaluation>, epoch: number, factor: number, seed?: number) {
  const noise = (name: string) =>
    seed === undefined || epoch === 0 ? 0 : normals(fold(fold(key(seed), name), epoch), 1)[0]!;
  const rewards = Object.entries(found.rewards).map(([name, reward]) => {
    const change = reward.change * factor + 0.12 * reward.std * noise(name);
    return [name, { ...reward, change, mean: reward.mean + change - reward.change }];
  });
  const within = found.diversity.within * (1 + 0.05 * noise("diversity"));
  return { ...found, rewards: Object.fromEntries(rewards), diversity: { ...found.diversity, within } };
}

function rewards(t: number, part: number) {
  return Object.fromEntries(
    Object.entries(REWARDS).map(([name, [mean, std, gain]]) => [name, {
      mean: mean + part * std * gain(t),
      std: std * (1 - 0.2 * t),
      change: part * std * gain(t),
      change_error: 0.08 * std * Math.sqrt(t),
    }]),
  );
}

/** Faces that turn from many colours to one. */
function grid(t: number) {
  const [prompts, seeds, side] = [ANIMALS.length, 4, 16];
  const draws = uniforms(key(3), prompts * seeds * 4);
  const pixels = Float32Array.from({ length: prompts * seeds * side * side * 3 }, (_, i) => {
    const image = Math.floor(i / (side * side * 3)), rest = i % (side * side * 3);
    const [y, x, channel] = [Math.floor(rest / (side * 3)), Math.floor(rest / 3) % side, rest % 3];
    const r = Math.hypot(x - side / 2, y - side / 2) / side;
    const own = draws[image * 4 + channel]!, common = [0.95, 0.5, 0.1][channel]!;
    if (r > 0.3 + 0.15 * draws[image * 4 + 3]!) return 1;
    return (1 - t) * own + t * common;
  });
  return captionedGrid(
    tensor([prompts * seeds, side, side, 3], pixels),
    ANIMALS,
    Array.from({ length: seeds }, (_, seed) => `seed ${seed}`),
  );
}
