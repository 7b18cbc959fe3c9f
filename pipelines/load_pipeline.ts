/**
 * A model's folder in the diffusers layout, read to where it runs: what stages, rewards and pictures are made with.
 *
 * `model_index.json`, `scheduler/scheduler_config.json`, `tokenizer/{vocab.json, merges.txt, tokenizer_config.json}`,
 * `text_encoder/{config.json, model.safetensors}`, `vae/` and `unet/{config.json, diffusion_pytorch_model.safetensors}`, each
 * also in half precision (`.fp16.`), in shards or as a torch file; the weights of rewards below `rewards/`.
 *
 * @module
 */

import { join } from "node:path";
import type { Value } from "../lib/engine/graph.ts";
import { input } from "../lib/engine/graph.ts";
import { largestBinding } from "../lib/engine/limits.ts";
import type { Runtime } from "../lib/engine/runtime.ts";
import { parseSchedulerConfig } from "../lib/diffusion/scheduler_config.ts";
import type { Tokenizer } from "../lib/io/tokenizer.ts";
import { type AutoencoderKLConfig, parseAutoencoderConfig } from "../lib/models/autoencoder_config.ts";
import { declareAutoencoder, decode } from "../lib/models/autoencoder_kl.ts";
import { type ClipTextConfig, parseClipTextConfig } from "../lib/models/clip_config.ts";
import { declareClipText } from "../lib/models/clip_text.ts";
import { parseCriticConfig } from "../lib/models/critic_config.ts";
import { parseLoraConfig } from "../lib/models/lora.ts";
import { declareUNet } from "../lib/models/unet_2d_condition.ts";
import { parseUNetConfig, type UNet2DConditionConfig } from "../lib/models/unet_config.ts";
import { declareParams } from "../lib/nn/scope.ts";
import type { Reward } from "../lib/rewards/reward.ts";
import { type LatentDiffusion, latentDiffusion } from "../lib/stages/latent_diffusion.ts";
import type { Frozen, Models } from "../lib/stages/models.ts";
import { latentSightWidth } from "../lib/stages/sights.ts";
import { criticConfigOf, type CriticSection } from "./config/critic_config.ts";
import { criticTower, judgeOf, towerOf } from "./load/critic_tower.ts";
import { type Judges, openJudges } from "./load/judges.ts";
import { readConfigFile } from "./load/model_folder.ts";
import { checkModelIndex } from "./load/model_index.ts";
import { fileSource, type ModelSource } from "./load/model_source.ts";
import { type Precision, sourceIn } from "./load/precision.ts";
import { loadRewards } from "./load_rewards.ts";
import { UsageError } from "./usage_error.ts";

/** What is wanted of a model. */
export interface LoadOptions {
  /** The adapters' rank and targets, by default rank 4 on all projections; `null`: all weights of the UNet in their place. */
  readonly lora?: { readonly rank?: number; readonly targets?: readonly string[] } | null;
  /** The critic; without one nobody may ask for its residuals, and no image tower is read. */
  readonly critic?: {
    /** Its section of the configuration. */
    readonly config: CriticSection;
    /** The training reward, whose image tower it looks through unless its section says otherwise. */
    readonly reward: string;
  };
  /** Names of the rewards to load. */
  readonly rewards?: readonly string[];
  /** Whether the backward pass computes the UNet's layers again instead of keeping them; default no. */
  readonly rematerialise?: boolean;
  /** Whether images are decoded in bands as thin as can be, and not only where the adapter wants it; default no. */
  readonly tiling?: boolean;
  /** Images that rewards look at together; default 32, of published rewards 4. Scores do not depend on it, memory does. */
  readonly batch?: number;
  /** How frozen models are held in memory; default weights as the files hold them, all else f32. */
  readonly precision?: Precision;
  /** Where the folder's contents come from; default its files. */
  readonly source?: ModelSource;
}

/** A model ready to be used. */
export interface Pipeline {
  /** Its folder. */
  readonly folder: string;
  /** Where it is. */
  readonly runtime: Runtime;
  /** As the stages see it. */
  readonly models: Models;
  /** What reads prompts. */
  readonly tokenizer: Tokenizer;
  /** Its trained judges, each loaded when it is first asked for. */
  readonly judges: Judges;
  /** The rewards that were asked for, by name. */
  readonly rewards: Readonly<Record<string, Reward>>;
  /** The SHA-256 of all files of weights that were read. */
  readonly hash: string;
  /** Gives the weights' memory back. */
  readonly free: () => Promise<void>;
}

/**
 * Loads a model.
 *
 * @param folder A model in the diffusers layout.
 * @throws {UsageError | SyntaxError} If a file is missing, damaged or of another model; the message is one line that names it.
 */
export async function loadPipeline(
  runtime: Runtime,
  folder: string,
  options: LoadOptions = {},
): Promise<Pipeline> {
  await readConfigFile(join(folder, "model_index.json"), checkModelIndex);
  const configs = await readConfigs(folder);
  const { precision = "stored" } = options;
  const source = sourceIn(precision, options.source ?? fileSource);
  const halfActivations = precision === "f16";
  const tokenizer = await source.tokenizer(folder, configs.text);
  const files = {
    text: await source.find(folder, "text_encoder/model.safetensors"),
    vae: await source.find(folder, `vae/${DIFFUSERS_WEIGHTS}`),
    unet: await source.find(folder, `unet/${DIFFUSERS_WEIGHTS}`),
  };
  const judges = openJudges(runtime, folder, source, halfActivations);
  const seen = options.critic && await seenBy(options.critic, tokenizer, judges, configs);
  const rewards = await loadRewards(
    { runtime, judges, tokenizer, batch: options.batch },
    options.rewards ?? [],
  );
  const path = (file: string) => join(folder, file);
  const text = await source.load(runtime, path(files.text), declareClipText(configs.text));
  const decoder = decoderNames(configs.vae);
  const vae = await source.load(runtime, path(files.vae), declareAutoencoder(configs.vae), {
    pieces: (name) => [{ name: newAttentionName(name) }],
    keep: (name) => decoder.has(name),
  });
  const unet = await source.load(runtime, path(files.unet), declareUNet(configs.unet));
  const models = latentDiffusion({
    encode: (prompts) => tokenizer.encode(prompts),
    scheduler: configs.scheduler,
    text: { config: configs.text, weights: text },
    unet: {
      config: configs.unet,
      weights: unet,
      rematerialise: options.rematerialise ?? false,
      mostBytes: bandBytesOf(runtime, {}),
    },
    autoencoder: { config: configs.vae, weights: vae, bandBytes: bandBytesOf(runtime, options) },
    encoder: seen?.encoder ?? NO_TOWER,
    lora: options.lora === null ? null : parseLoraConfig(options.lora ?? {}),
    halfActivations,
    critic: seen && options.critic
      ? criticConfigOf(options.critic.config, seen.width, configs.text.hidden_size)
      : parseCriticConfig({ embedding_dim: 1, hidden: [1] }),
  });
  return {
    folder,
    runtime,
    models,
    tokenizer,
    judges,
    rewards,
    hash: await source.hash({
      ...Object.fromEntries(Object.values(files).map((file) => [file, path(file)])),
      ...judges.files(),
    }),
    free: async () => {
      for (const weights of [text, vae, unet]) runtime.free(Object.values(weights));
      await judges.free();
    },
  };
}

/** The name of the UNet's and the autoencoder's file of weights. */
const DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors";

/** Stands where no image tower was asked for. */
const NO_TOWER: Frozen<Value, Value> = {
  weights: {},
  build: () => {
    throw new TypeError("Cannot look through an image tower as none was loaded: options.critic is missing");
  },
};

/** What the critic sees, and how wide that is. */
async function seenBy(
  { config: { encoder }, reward }: NonNullable<LoadOptions["critic"]>,
  tokenizer: Tokenizer,
  judges: Judges,
  configs: Configs,
): Promise<{ readonly encoder: LatentDiffusion["encoder"]; readonly width: number }> {
  const { unet } = configs;
  if (encoder === "latents") {
    const side = unet.sample_size ?? 1;
    return { encoder, width: latentSightWidth([side, side, unet.in_channels]) };
  }
  if (encoder === "unet") return { encoder, width: unet.block_out_channels.at(-1)! };
  const name = encoder === "reward" ? criticTower(tokenizer, reward) : judgeOf(encoder);
  const tower = await judges.towerFor(name, imageSide(configs));
  return { encoder: towerOf(tower), width: tower.config.projection_dim };
}

interface Configs {
  readonly scheduler: ReturnType<typeof parseSchedulerConfig>;
  readonly text: ClipTextConfig;
  readonly vae: AutoencoderKLConfig;
  readonly unet: UNet2DConditionConfig;
}

async function readConfigs(folder: string): Promise<Configs> {
  const read = <T>(file: string, parse: (json: unknown) => T) => readConfigFile(join(folder, file), parse);
  const configs = {
    scheduler: await read("scheduler/scheduler_config.json", parseSchedulerConfig),
    text: await read("text_encoder/config.json", parseClipTextConfig),
    vae: await read("vae/config.json", parseAutoencoderConfig),
    unet: await read("unet/config.json", parseUNetConfig),
  };
  const { text, vae, unet } = configs;
  const fits = (what: string, a: number, b: number) => {
    if (a !== b) {
      throw new UsageError(`Cannot load ${folder} as its parts do not fit: ${what}, ${a} and ${b}`);
    }
  };
  fits(
    "unet's cross_attention_dim is not text_encoder's hidden_size",
    unet.cross_attention_dim,
    text.hidden_size,
  );
  fits("unet's in_channels is not vae's latent_channels", unet.in_channels, vae.latent_channels);
  return configs;
}

/** Bytes that no tensor of the decoder should exceed. */
function bandBytesOf({ limits }: Runtime, { tiling = false }: LoadOptions): number {
  if (tiling) return 0;
  return limits === undefined ? Infinity : largestBinding(limits);
}

/** Height and width of the images in pixels. */
function imageSide({ unet, vae }: Configs): number {
  return (unet.sample_size ?? 1) * 2 ** (vae.block_out_channels.length - 1);
}

/** The parameters that decoding reads; encoding is not needed. */
function decoderNames(config: AutoencoderKLConfig): ReadonlySet<string> {
  const specs = declareParams((scope) =>
    decode(scope, config, input("latents", [1, 1, 1, config.latent_channels]))
  );
  return new Set(specs.map(({ name }) => name));
}

/** Old files of autoencoders name the projections of the attention otherwise. */
function newAttentionName(name: string): string {
  const names: Readonly<Record<string, string>> = {
    query: "to_q",
    key: "to_k",
    value: "to_v",
    proj_attn: "to_out.0",
  };
  return name.replace(
    /(\.attentions\.0\.)(query|key|value|proj_attn)\./,
    (_, place, old) => `${place}${names[old]}.`,
  );
}
