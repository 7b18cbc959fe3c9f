import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { full } from "../../lib/core/tensor.ts";
import { interpreter } from "../../lib/engine/mod.ts";
import { readTask } from "../../pipelines/evaluate.ts";
import { evaluate } from "../../pipelines/evaluate/evaluation.ts";
import { loadCustomReward } from "../../pipelines/load/custom_reward_file.ts";
import { loadPipeline } from "../../pipelines/load_pipeline.ts";
import { UsageError } from "../../pipelines/usage_error.ts";
import { withTinyModel } from "./tiny_model.ts";

const IMAGES = full([2, 8, 8, 3], 0.25);
const PROMPTS = ["a cat", "a dog"];

/** Runs something with files of these contents, by names of their own. */
async function withFiles<T>(
  contents: Readonly<Record<string, string>>,
  use: (paths: Readonly<Record<string, string>>, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const paths = Object.fromEntries(Object.keys(contents).map((name) => [name, join(folder, name)]));
    for (const [name, content] of Object.entries(contents)) await Deno.writeTextFile(paths[name]!, content);
    return await use(paths, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a function or a record is a reward", async () => {
  const record = `import type { CustomReward } from "@attune/attune";
export default {
  name: "prompt_length",
  scale: { unit: "letters", range: [0, 100] },
  doc: "How long the prompt is.",
  score: async (images, prompts) => Float32Array.from(prompts, (prompt) => prompt.length + images.shape[0]),
} satisfies CustomReward;
`;
  const alone = "export default ({ data }, prompts) => prompts.map((_, b) => data[192 * b]);\n";
  await withFiles({ "length.ts": record, "My reward-2.ts": alone }, async (paths) => {
    const { path, sha256, reward: { score, ...info } } = await loadCustomReward(paths["length.ts"]!);
    assertEquals([path, sha256.length], [paths["length.ts"], 64]);
    assertEquals(info, {
      name: "prompt_length",
      needs: ["prompts"],
      scale: { unit: "letters", range: [0, 100] },
      doc: "How long the prompt is.",
    });
    assertEquals([...await score(IMAGES, ["a cat", ""])], [7, 2]);
    const { reward } = await loadCustomReward(paths["My reward-2.ts"]!);
    assertEquals([reward.name, ...await reward.score(IMAGES, PROMPTS)], ["my_reward_2", 0.25, 0.25]);
  });
});

Deno.test("a file that is no reward is refused by its name", async () => {
  const cases: Readonly<Record<string, readonly [string, string]>> = {
    "nothing.ts": ["export const reward = 1;", "exports no reward by default: nothing"],
    "number.ts": ["export default 7;", "exports no reward by default: number"],
    "scale.ts": ["export default { scale: { unit: 3, range: [0] }, score: () => [] };", '"unit":3'],
    "taken.ts": [`export default { name: "gold", score: () => [] };`, "a reward of that name: gold"],
    "spoken.ts": [`export default { name: "My reward", score: () => [] };`, "underscores: My reward"],
    "wrong.ts": ["export default (", "cannot be run: "],
    "throws.ts": [`throw new Error("no such luck");`, "cannot be run: no such luck"],
  };
  const contents = Object.fromEntries(Object.entries(cases).map(([name, [text]]) => [name, text]));
  await withFiles(contents, async (paths, folder) => {
    for (const [name, [, expected]] of Object.entries(cases)) {
      const { message } = await assertRejects(() => loadCustomReward(paths[name]!), UsageError);
      assertStringIncludes(message, expected);
      assertStringIncludes(message, paths[name]!);
    }
    const missing = join(folder, "missing.ts");
    const { message } = await assertRejects(() => loadCustomReward(missing), UsageError);
    assertEquals(message, `Cannot use rewards as there is no such file: ${missing}`);
    await assertRejects(() => loadCustomReward(folder), UsageError, "it is a folder");
  });
});

Deno.test("scores that are none are refused, and the error names the file", async () => {
  const cases: Readonly<Record<string, readonly [string, string]>> = {
    "short.ts": ["() => [1]", "one number for each of 2 images: 1 values"],
    "scalar.ts": ["() => 1", "one number for each of 2 images: number"],
    "text.ts": [`() => ["1", "2"]`, "one number for each of 2 images"],
    "nan.ts": ["() => [1, NaN]", "score of image 1 is not finite: NaN"],
    "throws.ts": [`() => { throw new Error("no such luck"); }`, "fails: no such luck"],
    "rejects.ts": [`async () => { throw "luck"; }`, "fails: luck"],
  };
  const contents = Object.fromEntries(
    Object.entries(cases).map(([name, [text]]) => [name, `export default ${text};`]),
  );
  await withFiles(contents, async (paths) => {
    for (const [name, [, expected]] of Object.entries(cases)) {
      const { reward } = await loadCustomReward(paths[name]!);
      const { message } = await assertRejects(() => reward.score(IMAGES, PROMPTS), Error);
      assertStringIncludes(message, expected);
      assertStringIncludes(message, paths[name]!);
    }
  });
});

Deno.test("files stand beside names, and two rewards of one name are refused", async () => {
  const contents = { "a.ts": "export default (_, prompts) => prompts.map(() => 2);\n" };
  await withFiles(
    { ...contents, "b.ts": `export default { name: "a", score: () => [] };\n` },
    async (paths) => {
      await withTinyModel(async (model) => {
        const [a, b] = [paths["a.ts"]!, paths["b.ts"]!];
        const task = await readTask([
          "--model",
          model,
          "--steps",
          "2",
          "--seeds",
          "0",
          "--rewards",
          `${a},brightness`,
        ]);
        const { lists: [found] } = await evaluate(interpreter(), model, task!);
        assertEquals(Object.keys(found!.rewards), ["a", "brightness"]);
        assertEquals(found!.rewards.a!.base.mean, 2);
        const twice = loadPipeline(interpreter(), model, { rewards: [a, b] });
        await assertRejects(() => twice, UsageError, `two have the name a: ${a} and ${b}`);
      });
    },
  );
});
