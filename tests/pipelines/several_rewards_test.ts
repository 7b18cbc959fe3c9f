import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { interpreter } from "../../lib/engine/mod.ts";
import { readConfig } from "../../pipelines/config/mod.ts";
import { readText, readWeights } from "../../pipelines/files.ts";
import { modelOptions } from "../../pipelines/open_training.ts";
import { planTraining } from "../../pipelines/plan/training_plan.ts";
import { withoutMachine } from "../../pipelines/run/metrics_file.ts";
import { readRequest, type TrainArguments } from "../../pipelines/run/request.ts";
import { screenOn } from "../../pipelines/run/screen.ts";
import { runRequest } from "../../pipelines/train.ts";
import { UsageError } from "../../pipelines/usage_error.ts";
import { withTinyModel } from "./tiny_model.ts";

/** A reward of one's own: the mean of all channels, on a scale of its own. */
const LIGHT = `export default (images, prompts) => prompts.map((_, n) =>
  100 * images.data.slice(192 * n, 192 * (n + 1)).reduce((sum, x) => sum + x, 0));\n`;

const settings = (model: string, prompts: string): string[] => [
  `model=${model}`,
  `prompts=${prompts}`,
  "num_epochs=3",
  "sample={num_steps: 2, batch_size: 2, num_batches_per_epoch: 2}",
  ...["batch_size=2", "drop_last_steps=0", "gradient_accumulation_steps=2"].map((each) => `train.${each}`),
  "critic.hidden=[6, 4]",
  "reset.relearn=1",
  "per_prompt_stat_tracking={buffer_size: 3, min_count: 2}",
  `evaluate={every: 3, prompts: ${prompts}, seeds: 1}`,
  `images={every: 0, prompts: ${prompts}}`,
];

async function start(options: TrainArguments): Promise<readonly string[]> {
  const lines: string[] = [];
  const screen = screenOn({
    line: (text) => lines.push(text),
    over: null,
    columns: Infinity,
    clock: () => 0,
  });
  const adapter = { name: "interpreter", isSoftware: true, runtime: interpreter() };
  const stop = new AbortController().signal;
  assertEquals(await runRequest(await readRequest(options), () => Promise.resolve(adapter), screen, stop), 0);
  return lines;
}

Deno.test("several rewards: a run that is resumed is byte for byte as never having stopped, and tells of each", async (t) => {
  await withTinyModel(async (model, home) => {
    const prompts = join(home, "prompts.txt");
    await Deno.writeTextFile(prompts, "cat\na dog, with a/slash\n");
    const light = join(home, "light.ts");
    await Deno.writeTextFile(light, LIGHT);
    const cases = {
      constraints:
        `{train: [mini_pick, ${light}], combine: constraints, constraints: {levels: {${light}: 9999}}, evaluate: [gold]}`,
      per_reward: `{train: {${light}: 1, mini_pick: 2}, combine: per_reward, evaluate: [gold, mini_pick]}`,
    };
    for (const [name, rewards] of Object.entries(cases)) {
      await t.step(name, async () => {
        const set = [...settings(model, prompts), `rewards=${rewards}`];
        const [whole, parts] = [join(home, `${name} whole`), join(home, `${name} parts`)];
        const lines = await start({ set, out: whole });
        await start({ set: [...set, "num_epochs=1"], out: parts });
        await start({ set: ["num_epochs=2"], resume: parts });
        await start({ set: ["num_epochs=3"], resume: parts });
        const last = "checkpoints/epoch-0003";
        for (const file of ["state.json", "state.safetensors", "pytorch_lora_weights.safetensors"]) {
          assertEquals(
            await Deno.readFile(join(parts, last, file)),
            await Deno.readFile(join(whole, last, file)),
            file,
          );
        }
        // A run that ends with an epoch looks at it.
        const seen = async (folder: string) =>
          (await metricsIn(folder)).map(({ evaluation: _, ...line }) => line);
        assertEquals(await seen(parts), await seen(whole));
        const [base, ...epochs] = await metricsIn(whole);
        const trained = name === "constraints" ? ["mini_pick", "light"] : ["light", "mini_pick"];
        assert(lines.some((line) => line.includes(` for ${trained.join(" + ")}: `)), lines.join("\n"));
        const head = lines.find((line) => line.includes("gold"))!.trim().split(/\s+/);
        assertEquals(head.slice(0, 4), [...trained, "combined", "gold"]);
        assertEquals(Object.keys(base.evaluation.rewards), [...trained, "gold"]);
        for (const { rewards, combined, constraints } of epochs) {
          assertEquals(Object.keys(rewards), [...trained, "gold"]);
          assert(Number.isFinite(combined.mean) && combined.std > 0);
          assertEquals(constraints?.light?.level, name === "constraints" ? 9999 : undefined);
        }
        const statistics = Object.keys(await readWeights(join(whole, last, "state.safetensors")))
          .filter((tensor) => tensor.startsWith("reward_statistics/"));
        assertEquals(
          statistics.toSorted(),
          name === "constraints"
            ? []
            : ["light", "mini_pick"].flatMap((reward) =>
              ["a dog, with a/slash", "cat"].map((prompt) => `reward_statistics/${reward}/${prompt}`)
            ),
        );
        const report = await readText(join(whole, "report.html"));
        assertStringIncludes(report, `trained on ${trained.join(" + ")} by tdpo-r`);
        assertStringIncludes(report, "What the training rewards come to");
        assertEquals(report.includes("What constraints cost"), name === "constraints");
        assertEquals(report.includes("<td>kept at a level</td>"), name === "constraints");
      });
    }
    await t.step("another weight is another run", async () => {
      await assertRejects(
        () =>
          start({
            set: ["num_epochs=4", `rewards.train={${light}: 1, mini_pick: 3}`],
            resume: join(home, "per_reward whole"),
          }),
        UsageError,
        "rewards.train.mini_pick is 2 there and 3 here",
      );
    });
  });
});

Deno.test("several rewards are planned with the towers of all, and the critic looks through the first's", async () => {
  const set = ["rewards={train: [mini_pick, gold], combine: constraints, evaluate: []}"];
  const config = await readConfig({ set });
  const { programs } = await planTraining(config, { prompts: ["a cat"] });
  const scoring = programs.map(({ stage }) => stage).filter((stage) => stage.startsWith("scoring by"));
  assertEquals(scoring, ["scoring by mini_pick", "scoring by gold"]);
  assertEquals(modelOptions(config).critic?.reward, "mini_pick");
});

// deno-lint-ignore no-explicit-any
async function metricsIn(folder: string): Promise<any[]> {
  const text = await readText(join(folder, "metrics.jsonl"));
  return text.trimEnd().split("\n").map((line) => JSON.parse(withoutMachine(line)));
}
