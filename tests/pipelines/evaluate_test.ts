import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { key } from "../../lib/core/random.ts";
import { tensor } from "../../lib/core/tensor.ts";
import { interpreter } from "../../lib/engine/mod.ts";
import { writeLora } from "../../lib/io/lora_file.ts";
import { writeSafetensors } from "../../lib/io/safetensors.ts";
import { declareUNetLora } from "../../lib/models/unet_2d_condition.ts";
import { attentionTargets } from "../../lib/models/lora.ts";
import { parseUNetConfig } from "../../lib/models/unet_config.ts";
import { initParams } from "../../lib/nn/scope.ts";
import { rewardCatalogue } from "../../lib/rewards/catalogue.ts";
import { readConfig, showConfig } from "../../pipelines/config/mod.ts";
import { readTask, run } from "../../pipelines/evaluate.ts";
import { evaluate, type Evaluation } from "../../pipelines/evaluate/evaluation.ts";
import { showEvaluation } from "../../pipelines/evaluate/show.ts";
import { readJson, readWeights } from "../../pipelines/files.ts";
import { withTinyModel } from "./tiny_model.ts";

async function evaluated(model: string, ...args: string[]): Promise<Evaluation> {
  const task = await readTask([...args, "--model", model, "--steps", "2", "--seeds", "0-1"]);
  assert(task !== null);
  return await evaluate(interpreter(), model, task);
}

/** A run's folder with adapters and nothing else that counts. */
async function writeRun(folder: string, model: string, checkpoint = "epoch-0003"): Promise<string> {
  const path = join(folder, "run");
  await Deno.mkdir(join(path, "checkpoints", checkpoint), { recursive: true });
  const set = [`model=${model}`, "prompts=./none.txt", "rewards.train=brightness", "sample.num_steps=3"];
  const config = await readConfig({ set: [...set, "train.drop_last_steps=0"] });
  const prompts = join(folder, "prompts.txt");
  await Deno.writeTextFile(prompts, "cat\ndog\ncat\n");
  await Deno.writeTextFile(join(path, "config.yaml"), showConfig({ ...config, prompts }));
  const unet = parseUNetConfig(await readJson(join(model, "unet/config.json")));
  const specs = declareUNetLora(unet, { rank: 2, scale: 1, targets: attentionTargets });
  const adapters = initParams(specs.map((spec) => ({ ...spec, init: { kind: "normal", std: 2 } })), key(6));
  const file = join(path, "checkpoints", checkpoint, "pytorch_lora_weights.safetensors");
  await Deno.writeFile(file, writeLora(adapters, { format: "diffusers" }));
  return path;
}

Deno.test("the base model is measured by every reward, and told of in one sentence", async () => {
  await withTinyModel(async (model, folder) => {
    const list = join(folder, "some.txt");
    await Deno.writeTextFile(list, "cat\ndog\nbee\n");
    const evaluation = await evaluated(model, "--prompts", list);
    const [found, ...others] = evaluation.lists;
    assertEquals(others, []);
    const { left_out } = evaluation;
    assertEquals(Object.keys(left_out), ["aesthetic", "pickscore", "hpsv2", "imagereward"]);
    assertEquals(
      Object.keys(found!.rewards),
      Object.keys(rewardCatalogue).filter((name) => !(name in left_out)),
    );
    assertEquals(found!.base.recognition!.choices, 45);
    assertEquals([found!.adapted, found!.seen_in_training, evaluation.lora], [null, null, null]);
    const { clip_score, base: { recognition, diversity } } = found!;
    // The mean of what is cut off at 0 is not below that of the cosines.
    assert(clip_score!.base.mean >= 100 * recognition!.alignment - 1e-9 && clip_score!.base.mean <= 100);
    assert(clip_score!.base.standard_error! > 0 && clip_score!.change === null);
    assertEquals(await evaluated(model, "--prompts", list, "--batch", "5"), evaluation);
    const text = showEvaluation(evaluation).join("\n");
    assertStringIncludes(text, "CLIP score of the prompt");
    const copies = (100 * diversity!.near_duplicates).toFixed(1);
    assert(new RegExp(`copies among a prompt's pairs +${copies} %`).test(text), text);
    assertStringIncludes(text, `${model}, guidance 3, 3 prompts x 2 seeds: right animal in `);
    assert(/ in \d+ of 100 \(told from 45\)$/m.test(text), text);
  });
});

Deno.test("the base model's images are kept, and serve for what draws the same", async () => {
  await withTinyModel(async (model, folder) => {
    const [list, base] = [join(folder, "some.txt"), join(folder, "base")];
    await Deno.writeTextFile(list, "cat\ndog\n");
    const args = ["--prompts", list, "--base", base];
    const kept = async () => (await Array.fromAsync(Deno.readDir(base))).map(({ name }) => name).sort();
    const first = await evaluated(model, ...args);
    const [file, ...others] = await kept();
    assertEquals(others, []);
    // Whether it is read is told by what it says.
    const images = (await readWeights(join(base, file!))).images!;
    const dark = tensor(images.shape, new Float32Array(images.data.length));
    await Deno.writeFile(join(base, file!), writeSafetensors({ images: dark }));
    const again = await evaluated(model, ...args, "--batch", "3");
    assertEquals(again.lists[0]!.rewards.brightness!.base.mean, 0);
    assertNotEquals(first.lists[0]!.rewards.brightness!.base.mean, 0);
    await evaluated(model, ...args, "--guidance", "2");
    assertEquals((await kept()).length, 2);
  });
});

Deno.test("prompts that are read in part only are told of", async () => {
  await withTinyModel(async (model, folder) => {
    const list = join(folder, "long.txt");
    await Deno.writeTextFile(list, `cat\n${"bee ".repeat(80)}\n`);
    const evaluation = await evaluated(model, "--prompts", list, "--rewards", "brightness");
    const note = evaluation.lists[0]!.notes.join();
    assert(
      /^Of longer prompts the model reads the first \d+ tokens: prompt 2 has \d+ tokens\.$/.test(note),
      note,
    );
    assert(showEvaluation(evaluation).includes(note));
  });
});

Deno.test("a run is compared with its base model on its own prompts and on others", async () => {
  await withTinyModel(async (model, folder) => {
    const path = await writeRun(folder, model);
    const task = await readTask([path]);
    assertEquals(task?.sampling.num_steps, 3);
    assertEquals(task?.model, model);
    assertEquals(task?.out, join(path, "evaluation.json"));
    assertEquals(Object.keys(task!.lists), [join(folder, "prompts.txt"), "unseen_animals"]);
    const other = join(folder, "others.txt");
    await Deno.writeTextFile(other, "zebra crossing\ndog\n");
    const unknown = join(folder, "unknown.txt");
    await Deno.writeTextFile(unknown, "bee\nowl\n");
    const lists = [join(folder, "prompts.txt"), other, unknown].flatMap((list) => ["--prompts", list]);
    const args = [...lists, "--rewards", "mini_pick,brightness"];
    const evaluation = await evaluated(model, path, ...args);
    const [seen, unseen, never] = evaluation.lists;
    assertEquals(evaluation.lists.map((list) => list.seen_in_training), [2, 1, 0]);
    assertEquals([seen?.prompts.length, unseen?.base.recognition?.choices], [2, 2]);
    const { base, adapted, change } = seen!.rewards.brightness!;
    assertAlmostEquals(change!.mean, adapted!.mean - base.mean, 1e-6);
    assertNotEquals(change!.mean, 0);
    const gain = seen!.cross_reward!;
    assertEquals([gain.trained, Object.keys(gain.watched)], ["brightness", ["mini_pick"]]);
    assertAlmostEquals(gain.in_domain.mean, change!.in_base_std!, 1e-12);
    assertEquals([seen!.seen_gap, unseen!.seen_gap], [null, null]);
    const gap = (change!.mean - never!.rewards.brightness!.change!.mean) / base.std;
    assertAlmostEquals(never!.seen_gap!.mean, gap, 1e-12);
    const expected = [
      ...["all seen in training", "1 seen in training", "in base std", "trained: right"],
      ...[
        "against the base's images: KID ",
        "in base std: brightness ",
        "gain on seen prompts less that on these",
      ],
    ];
    const text = showEvaluation(evaluation).join("\n");
    for (const words of expected) {
      assertStringIncludes(text, words);
    }
    const none = await evaluated(model, path, ...args, "--strength", "0");
    const { rewards, diversity_ratio, fidelity, cross_reward } = none.lists[0]!;
    assertEquals(rewards.brightness!.change!.mean, 0);
    assertEquals(diversity_ratio, { within: 1, between: 1, vendi: 1 });
    assertAlmostEquals(fidelity!.cmmd, 0, 1e-9);
    assertEquals([fidelity!.precision, fidelity!.recall, cross_reward!.net_gain], [1, 1, 0]);
  });
});

Deno.test("what a folder lacks is left out and said", async () => {
  await withTinyModel(async (model, folder) => {
    const list = join(folder, "some.txt");
    await Deno.writeTextFile(list, "cat\n");
    const evaluation = await evaluated(model, "--prompts", list);
    assertEquals(Object.keys(evaluation.left_out), [
      "mini_aesthetic",
      "mini_pick",
      "mini_hps",
      "gold",
      "aesthetic",
      "pickscore",
      "hpsv2",
      "imagereward",
      "what a judge sees",
    ]);
    assertEquals([evaluation.judge, evaluation.lists[0]!.base.recognition], [null, null]);
    assertStringIncludes(showEvaluation(evaluation).join("\n"), "left out: gold");
    const error = await assertRejects(
      () => evaluated(model, "--prompts", list, "--rewards", "gold"),
      SyntaxError,
    );
    assertStringIncludes(error.message, "rewards/gold/model.safetensors");
  }, { rewards: false });
});

Deno.test("mistakes in the arguments are said in one line", async () => {
  await withTinyModel(async (model, folder) => {
    const empty = join(folder, "empty.txt");
    await Deno.writeTextFile(empty, "");
    const noRun = join(folder, "no_run");
    await Deno.mkdir(noRun);
    const begun = await writeRun(folder, model);
    await Deno.remove(join(begun, "checkpoints"), { recursive: true });
    const cases: readonly [string[], string][] = [
      [["--rewards", "mini_pick,golt"], "did you mean gold?"],
      [["--prompts", "animals"], "none embedded of this name: animals"],
      [["--prompts", "./none.txt"], "no such file: ./none.txt"],
      [["--prompts", empty], "the list is empty"],
      [["--judge", "me"], "takes one of clip, mini_pick, mini_hps, gold, clip_l, pickscore, hpsv2: me"],
      [["--seeds", "many"], "Cannot read seeds"],
      [[begun, "b"], "Cannot use b as it is one argument too many"],
      [["--strength", "2"], "there are no adapters"],
      [["--judges", "clip"], "did you mean --judge?"],
      [[noRun], "the folder is no run and has no pytorch_lora_weights.safetensors, "],
      [[begun], "the run has no checkpoint"],
      [["--model", folder], "no model_index.json"],
    ];
    for (const [args, expected] of cases) {
      const { message } = await assertRejects(() => run(args), SyntaxError);
      assertStringIncludes(message, expected);
      assertEquals(message.split("\n").length, 1, message);
    }
  }, { rewards: false });
});

Deno.test("what a reward's authors report stands below its scores", () => {
  const base = { mean: 0.2134, std: 0.01, standard_error: 0.002 };
  const text = showEvaluation({
    model: "m",
    model_hash: "",
    lora: null,
    sampling: { steps: 2, eta: 1, guidance: 1 },
    seeds: [0],
    rewards: null,
    judge: null,
    left_out: {},
    lists: [{
      name: "list",
      prompts: ["a cat"],
      notes: [],
      seen_in_training: null,
      rewards: {
        pickscore: {
          base,
          adapted: null,
          change: null,
          official: {
            unit: "PickScore",
            base: { mean: 21.34, std: 1, standard_error: 0.2 },
            adapted: null,
          },
        },
      },
      clip_score: null,
      base: { diversity: null, recognition: null },
      adapted: null,
      ...{ diversity_ratio: null, fidelity: null, cross_reward: null, seen_gap: null },
    }],
  });
  assertEquals(text.filter((line) => /pick/i.test(line)), [
    "  pickscore       0.2134 ± 0.0020",
    "    as PickScore  21.34 ± 0.20",
  ]);
});
