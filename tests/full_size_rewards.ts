/**
 * The reward models in their published sizes, with random weights, against PyTorch: a command, not part of the suite, as it takes
 * gigabytes and minutes.
 *
 * ```
 * deno run -A tests/full_size_rewards.ts clip_l|hpsv2|imagereward [PYTHON] [FOLDER]
 * ```
 *
 * PYTHON has the packages of tests/golden/requirements.txt; FOLDER is where the files are written, or taken from if they are there,
 * a temporary one by default, which is removed. Prints the largest difference over the largest value, and exits with 1 where it is above 1e-4.
 * @module
 */

import { join } from "node:path";
import { type ParamTree, words, type WordTensor } from "../lib/core/tensor.ts";
import { openGpu } from "../lib/gpu/device.ts";
import { gpuRuntime } from "../lib/gpu/runtime.ts";
import { imageTypes } from "../lib/rewards/embedder.ts";
import { batchedModel } from "../lib/rewards/batched.ts";
import { clipImage } from "../lib/models/clip_vision.ts";
import { clipText, pooledText, textEnds, textProjection } from "../lib/models/clip_text.ts";
import type { ClipVisionConfig } from "../lib/models/clip_config.ts";
import { imageReward } from "../lib/rewards/image_reward.ts";
import { preparer } from "../lib/rewards/prepare_images.ts";
import type { Runtime } from "../lib/engine/runtime.ts";
import type { JudgeName } from "../pipelines/load/judge_configs.ts";
import { type Judges, openJudges } from "../pipelines/load/judges.ts";
import { exists, readWeights } from "../pipelines/files.ts";

/** Largest difference that passes, as a part of the largest value. */
const TOLERANCE = 1e-4;

/** What computes, and what it is compared with. */
interface Case {
  readonly runtime: Runtime;
  readonly judges: Judges;
  readonly expected: ParamTree;
}

type Outputs = Readonly<Record<string, ArrayLike<number>>>;

/** Each model's outputs. */
const models: Readonly<Record<string, (given: Case) => Promise<Outputs>>> = {
  clip_l: (given) => embeddings(given, "clip_l"),
  hpsv2: (given) => embeddings(given, "hpsv2"),
  imagereward: score,
};

const [name = "", python = "python3", given] = Deno.args;
const folder = given ?? await Deno.makeTempDir();
try {
  const model = models[name];
  if (model === undefined) {
    throw new Error(`Cannot compare ${name} as there is ${Object.keys(models).join(", ")}`);
  }
  if (!await exists(join(folder, "expected.safetensors"))) await runPython();
  const runtime = gpuRuntime(await openGpu(navigator.gpu));
  const expected = await readWeights(join(folder, "expected.safetensors"));
  const found = await model({ runtime, judges: openJudges(runtime, folder), expected });
  for (const [output, values] of Object.entries(found)) {
    const off = difference(values, expected[output]!.data);
    console.log(
      `${name}, ${values.length} ${output}: largest difference ${off.toExponential(1)} of the largest value`,
    );
    if (!(off <= TOLERANCE)) Deno.exitCode = 1;
  }
} finally {
  if (given === undefined) await Deno.remove(folder, { recursive: true });
}

async function runPython(): Promise<void> {
  const script = new URL("./golden/full_size_rewards.py", import.meta.url).pathname;
  const { success } = await new Deno.Command(python, { args: [script, name, folder] }).spawn().status;
  if (!success) throw new Error(`Cannot compare ${name} as PyTorch failed`);
}

async function score({ runtime, judges, expected }: Case): Promise<Outputs> {
  const { config, weights } = await judges.imageReward();
  const tokenize = () => ({ ids: idsOf(expected), mask: expected.mask! });
  const reward = await imageReward({ runtime, weights, batchSize: 1, tokenize }, config);
  return { reward: await reward.score(expected.image!, [""]) };
}

async function embeddings({ runtime, judges, expected }: Case, name: JudgeName): Promise<Outputs> {
  const { config, weights } = await judges.encoder(name);
  const { text_config: text, vision_config: vision } = config;
  const context = { runtime, weights, batchSize: 1 };
  const look = await batchedModel(
    (scope, { images }) => clipImage(scope, vision as ClipVisionConfig, images),
    imageTypes(vision, 1),
    context,
  );
  const ids = idsOf(expected);
  const ends = textEnds(ids, text);
  const read = await batchedModel(
    (scope, { ids, ends }) => textProjection(scope, text, pooledText(clipText(scope, text, ids), ends)),
    { ids, ends },
    context,
  );
  const images = await preparer(vision, context)(expected.image!);
  return {
    images: (await look(1, () => ({ images }))).data,
    texts: (await read(1, () => ({ ids, ends }))).data,
  };
}

function idsOf({ ids }: ParamTree): WordTensor {
  return words(ids!.shape, [...ids!.data]);
}

function difference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let most = 0, largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(found[i]! - expected[i]!);
    most = Number.isNaN(off) ? Infinity : Math.max(most, off);
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return found.length === expected.length ? most / largest : Infinity;
}
