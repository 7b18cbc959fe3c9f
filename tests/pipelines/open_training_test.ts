import { assertEquals, assertRejects } from "@std/assert";
import { interpreter } from "../../lib/engine/mod.ts";
import { train } from "../../lib/stages/train.ts";
import { openTraining } from "../../pipelines/open_training.ts";
import { UsageError } from "../../pipelines/usage_error.ts";
import { withTinyModel } from "./tiny_model.ts";

Deno.test("a model's folder, prompts and a few settings are all that training takes", async () => {
  await withTinyModel(async (folder) => {
    const { ctx, free } = await openTraining(interpreter(), folder, ["a cat", "a dog"], {
      method: "ddpo",
      num_epochs: 1,
      sample: { num_steps: 2, batch_size: 2, num_batches_per_epoch: 1 },
      train: { batch_size: 2, gradient_accumulation_steps: 1, drop_last_steps: 0 },
      rewards: { train: "jpeg_compressibility", evaluate: ["gold"] },
    });
    const epochs = await Array.fromAsync(train(ctx));
    await free();
    assertEquals(epochs.map(({ metrics }) => Object.keys(metrics.rewards)), [[
      "jpeg_compressibility",
      "gold",
    ]]);
    assertEquals(ctx.options.train.learning_rate, 8e-3);
  });
  await assertRejects(
    () => openTraining(interpreter(), "nowhere", ["a cat"], { methode: "ddpo" }),
    UsageError,
    "methode",
  );
});
