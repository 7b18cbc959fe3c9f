import { type Tensor, tensor, words } from "../../lib/core/tensor.ts";
import { mul, sum } from "../../lib/engine/mod.ts";
import { bert, blipVision } from "../../lib/models/mod.ts";
import {
  declareImageReward,
  imageRewardScores,
  parseImageRewardConfig,
} from "../../lib/rewards/image_reward.ts";
import { reshape, slice } from "../../lib/engine/ops/views.ts";
import { channelsLast, checkGolden, readGolden, readGoldenJson, runtimes } from "./golden.ts";

for (const { name: where, runtime } of runtimes) {
  for (const name of ["imagereward_small", "imagereward_wide"]) {
    Deno.test(`${name}: towers and head compute what transformers does, on the ${where}`, async () => {
      const record = await readGoldenJson(name);
      const config = parseImageRewardConfig(record.config);
      const file = await readGolden(name);
      await checkGolden(runtime, {
        inputs: {
          pixel_values: channelsLast(file["input.pixel_values"]!),
          ids: matrix(record.ids, words),
          mask: matrix(record.mask, tensor),
          cotangent: file.cotangent!,
        },
        params: [{ specs: declareImageReward(config), values: await readGolden(`${name}.weights`) }],
        build: ([scope], { pixel_values, ids, mask, cotangent }) => {
          const tokens = blipVision(scope!.at("blip.visual_encoder"), config.vision_config, pixel_values!);
          const inputs = { ids: ids!, mask: mask!, context: tokens };
          const hidden = bert(scope!.at("blip.text_encoder"), config.text_config, inputs);
          const first = reshape(slice(hidden, 1, 0, 1), [-1, config.text_config.hidden_size]);
          const reward = imageRewardScores(scope!, config, { pixels: pixel_values!, ids: ids!, mask: mask! });
          return { outputs: { tokens, first, reward }, losses: { grad_input: sum(mul(reward, cotangent!)) } };
        },
        outputs: {
          tokens: file["output.tokens"]!,
          first: file["output.first"]!,
          reward: file["output.reward"]!,
        },
        gradients: {},
        inputGradients: { "grad_input.pixel_values": channelsLast(file["grad_input.pixel_values"]!) },
      });
    });
  }
}

function matrix<T extends Tensor>(rows: unknown, make: (shape: number[], data: number[]) => T): T {
  const table = rows as number[][];
  return make([table.length, table[0]!.length], table.flat());
}
