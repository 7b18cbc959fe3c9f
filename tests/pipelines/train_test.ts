import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { interpreter } from "../../lib/engine/mod.ts";
import { key, normals } from "../../lib/core/random.ts";
import { tensor } from "../../lib/core/tensor.ts";
import { estimate } from "../../lib/measures/estimate.ts";
import { shownPolicy, type State } from "../../lib/stages/records.ts";
import { exists, readJson, readWeights, withWeights } from "../../pipelines/files.ts";
import { readCheckpoint, saveCheckpoint, stateOf } from "../../pipelines/run/checkpoint.ts";
import { withoutMachine } from "../../pipelines/run/metrics_file.ts";
import { LORA_FILE } from "../../pipelines/run/policy_files.ts";
import { prepareRun } from "../../pipelines/run/prepare_run.ts";
import { readRequest } from "../../pipelines/run/request.ts";
import { findRun, readBaseScores, runFolder } from "../../pipelines/run/run_folder.ts";
import { screenOn } from "../../pipelines/run/screen.ts";
import type { Run } from "../../pipelines/run/run.ts";
import { runRequest, train } from "../../pipelines/train.ts";
import { UsageError } from "../../pipelines/usage_error.ts";
import { rewriteTensors, UNET_FILE, withTinyModel } from "./tiny_model.ts";

const EPOCHS = 3;
const adapter = { name: "interpreter", isSoftware: true, runtime: interpreter() };
const silent = () => screenOn({ line: () => {}, over: null, columns: Infinity, clock: () => 0 });
const never = new AbortController().signal;

/** A run of some ten seconds made of milliseconds: two prompts, two steps, resets and evaluations every other epoch. */
const settings = (model: string, prompts: string, unseen: string): string[] => [
  `model=${model}`,
  `prompts=${prompts}`,
  `num_epochs=${EPOCHS}`,
  "save_freq=2",
  "rewards={train: colourfulness, evaluate: [mini_aesthetic, gold]}",
  "sample={num_steps: 2, batch_size: 2, num_batches_per_epoch: 1}",
  "train.batch_size=1",
  "train.drop_last_steps=0",
  "train.gradient_accumulation_steps=2",
  "lora={rank: 2, targets: [to_q, to_out.0]}",
  "critic.hidden=[6, 4]",
  "reset.frequency=2",
  "per_prompt_stat_tracking={buffer_size: 3, min_count: 2}",
  `evaluate={every: 2, prompts: ${prompts}, unseen: ${unseen}, seeds: 2}`,
  `images={every: 1, prompts: ${prompts}, seeds: 1}`,
];

Deno.test("train", async (t) => {
  await withTinyModel(async (model, home) => {
    await enliven(join(model, UNET_FILE));
    const prompts = join(home, "prompts.txt");
    await Deno.writeTextFile(prompts, "cat\na dog, running\n");
    const others = join(home, "others.txt");
    await Deno.writeTextFile(others, "bee\ncat\nowl\n");
    const set = settings(model, prompts, others);
    const prepared = await prepareRun(
      await readRequest({ set, out: join(home, "prepared") }),
      adapter,
      silent(),
      never,
    );
    const { ctx, origin } = prepared;
    // The same context serves all runs, with a clock that stands still.
    const runIn = (path: string, more: Partial<Run> = {}): Run => ({
      ...prepared,
      ctx: { ...ctx, clock: () => 0 },
      folder: runFolder(path),
      now: () => 0,
      ...more,
    });
    const begin = async (name: string, more: Partial<Run> = {}): Promise<Run> => {
      const path = join(home, name);
      await Deno.mkdir(path);
      await Deno.copyFile(prepared.folder.config, join(path, "config.yaml"));
      return runIn(path, more);
    };
    const goOn = async (path: string): Promise<State> => {
      const { folder, checkpoint } = await findRun(path);
      const start = checkpoint === null
        ? prepared.start
        : stateOf(await readCheckpoint(checkpoint), ctx.layouts, origin);
      const base = start.epoch === 0 ? null : await readBaseScores(folder);
      return await train(runIn(folder.path, { start, viewing: { ...prepared.viewing, base } }));
    };

    const whole = await begin("whole");
    const end = await train(whole);
    const expected = await filesOf(whole.folder.path);

    await t.step("leaves what a run should have", async () => {
      assertEquals(end.epoch, EPOCHS);
      assertEquals(Object.keys(expected), [
        ...[2, 3].flatMap((epoch) =>
          ["pytorch_lora_weights.safetensors", "state.json", "state.safetensors"].map((file) =>
            `checkpoints/epoch-000${epoch}/${file}`
          )
        ),
        "config.yaml",
        "evaluations/epoch-0000.json",
        "evaluations/epoch-0002.json",
        "evaluations/epoch-0003.json",
        "events.out.tfevents.attune",
        ...[0, 1, 2, 3].map((epoch) => `images/epoch-000${epoch}.png`),
        "metrics.jsonl",
      ]);
      const lines = await linesOf(whole);
      assertEquals(lines.map(({ epoch }) => epoch), [0, 1, 2, 3]);
      assertEquals(lines.map(({ reward_queries }) => reward_queries), [0, 4, 6, 8]);
      assertEquals(lines.map((line) => "evaluation" in line), [true, false, true, true]);
      assertEquals(lines.slice(1).map((line) => line.ratio_before_update_max_error), [0, 0, 0]);
      assertEquals(lines[0]!.kl_to_base, 0);
      assert(lines.slice(1).every(({ kl_to_base }) => kl_to_base > 0), "the policy has not moved");
      const { colourfulness } = lines[3]!.evaluation.rewards;
      const gained = colourfulness.mean - lines[0]!.evaluation.rewards.colourfulness.mean;
      assert(Math.abs(gained - colourfulness.change) < 1e-9, `${gained} is not ${colourfulness.change}`);
      assert(colourfulness.change_error > 0);
    });

    await t.step("measures prompts that training draws, and beside them others", async () => {
      const [base, , , last] = await linesOf(whole);
      const scores = await readBaseScores(whole.folder);
      assertEquals(scores!.unseen!.prompts, ["bee", "bee", "owl", "owl"]);
      const { rewards, unseen, seen_gap, kl_to_base, diversity } = last!.evaluation;
      assertEquals([unseen.images, Object.keys(unseen.rewards)], [4, Object.keys(rewards)]);
      const lost = rewards.colourfulness.change - unseen.rewards.colourfulness.change;
      const { std } = estimate(scores!.rewards.colourfulness!);
      assert(Math.abs(seen_gap.mean - lost / std) < 1e-9, `${seen_gap.mean} is not ${lost} of ${std}`);
      assertEquals([base!.evaluation.seen_gap, base!.evaluation.kl_to_base], [null, 0]);
      assert(kl_to_base > 0 && unseen.kl_to_base > 0 && diversity.vendi >= 1);
    });

    await t.step("writes adapters that other tools find, and that tell where they come from", async () => {
      const path = join(whole.folder.checkpoints, "epoch-0003/pytorch_lora_weights.safetensors");
      const { rewards, evaluation } = (await linesOf(whole))[3]!;
      await withWeights(path, ({ entries, metadata }) => {
        const names = [...entries.keys()];
        assert(names.length > 0);
        for (const name of names) {
          assert(/^unet\..*\.processor\.to_(q|out)_lora\.(up|down)\.weight$/.test(name), name);
        }
        const means = (numbers: Record<string, { mean: number }>) =>
          JSON.stringify(Object.fromEntries(Object.entries(numbers).map(([name, { mean }]) => [name, mean])));
        assertEquals(metadata, {
          format: "pt",
          "attune.base": "model",
          "attune.base_hash": origin.model,
          "attune.method": "tdpo-r",
          "attune.reward": "colourfulness",
          "attune.epoch": "3",
          "attune.step": String(end.policy.step),
          "attune.scores": means(rewards),
          "attune.evaluation": means(evaluation.rewards),
        });
        return Promise.resolve();
      });
    });

    await t.step(
      "keeps the adapters that an epoch was judged by beside a state that has others",
      async () => {
        const shown = prepared.start.policy.params;
        const [kept, plain] = await Promise.all(
          [end, prepared.start].map((state, i) =>
            saveCheckpoint(join(home, `judged-${i}`), state, shown, ctx.layouts, origin)
          ),
        );
        const adapters = (folder: string) => Deno.readFile(join(folder, LORA_FILE));
        assertEquals(await adapters(kept!), await adapters(plain!));
        assertEquals(stateOf(await readCheckpoint(kept!), ctx.layouts, origin), end);
      },
    );

    await t.step("does the same again", async () => {
      const again = await begin("again");
      assertEquals(await train(again), end);
      assertEquals(await filesOf(again.folder.path), expected);
    });

    for (const epoch of [1, 2]) {
      await t.step(`stopped after epoch ${epoch} and gone on, is as never having stopped`, async () => {
        const stop = new AbortController();
        const line = (text: string) => {
          if (text.startsWith(`epoch ${epoch}/`)) stop.abort();
        };
        const screen = screenOn({ line, over: null, columns: Infinity, clock: () => 0 });
        const run = await begin(`stopped ${epoch}`, { screen, stop: stop.signal });
        assertEquals((await train(run)).epoch, epoch);
        assertEquals((await linesOf(run)).length, epoch + 1);
        assertEquals(await goOn(run.folder.path), end);
        assertEquals(
          await filesOf(run.folder.path, `checkpoints/epoch-000${epoch === 2 ? 9 : epoch}`),
          expected,
        );
      });
    }

    await t.step("stopped inside an epoch, drops that epoch", async () => {
      const stop = new AbortController();
      const screen = { ...silent(), progress: (done: number) => done > 1.5 / EPOCHS && stop.abort() };
      const run = await begin("inside", { screen, stop: stop.signal });
      assertEquals((await train(run)).epoch, 1);
      assertEquals((await linesOf(run)).map(({ epoch }) => epoch), [0, 1]);
      assert(await exists(join(run.folder.checkpoints, "epoch-0001/state.json")));
      assertEquals(await goOn(run.folder.path), end);
    });

    await t.step(
      "goes on from an earlier checkpoint, over what came later and what a crash left",
      async () => {
        const run = await begin("earlier");
        await train(run);
        await Deno.mkdir(join(run.folder.checkpoints, "epoch-0004.part"));
        for (const file of [run.folder.metrics, run.folder.events]) {
          await Deno.writeTextFile(file, `{"epoch":5,"rew`, { append: true });
        }
        assertEquals(await goOn(join(run.folder.checkpoints, "epoch-0002")), end);
        assertEquals(await filesOf(run.folder.path), expected);
      },
    );

    await t.step("an error keeps what is complete and leaves no half checkpoint", async () => {
      let calls = 0;
      const failing = { ...ctx.rewards.train, score: () => Promise.reject(new Error(`call ${++calls}`)) };
      const rewards = { ...ctx.rewards, train: failing };
      const run = await begin("failing", {
        ctx: { ...ctx, rewards },
        viewing: { ...prepared.viewing, evaluation: null },
        start: await stateAfter(1),
      });
      await assertRejects(() => train(run), Error, "call 1");
      assertEquals(await exists(run.folder.checkpoints), false);
      const inTheWay = (path: string) => Deno.writeTextFileSync(join(path, "checkpoints"), "in the way");
      const line = () => inTheWay(join(home, "blocked"));
      const screen = screenOn({ line, over: null, columns: Infinity, clock: () => 0 });
      const blocked = await begin("blocked", { start: await stateAfter(2), screen });
      const error = await assertRejects(() => train(blocked), Error, "Cannot write the checkpoint");
      assertStringIncludes(error.message, "epoch-0003");
      assertEquals((await linesOf(blocked)).map(({ epoch }) => epoch), [3]);
    });

    await t.step(
      "refuses a checkpoint of another version, model or configuration, and a damaged one",
      async () => {
        const folder = await saveCheckpoint(join(home, "kept"), end, shownPolicy(end), ctx.layouts, origin);
        const checkpoint = await readCheckpoint(folder);
        assertEquals(stateOf(checkpoint, ctx.layouts, origin), end);
        const refused = async (other: Partial<typeof origin>, message: string) =>
          await assertRejects(
            () => Promise.resolve().then(() => stateOf(checkpoint, ctx.layouts, { ...origin, ...other })),
            UsageError,
            message,
          );
        await refused({ version: "9.9.9" }, "written by version");
        await refused({ model: "0123456789abcdef" }, "of another model: its weights have the hash");
        await refused(
          { config: { ...origin.config, seed: 43 } },
          "configuration: seed is 42 there and 43 here",
        );
        await refused(
          { config: { ...origin.config, train: { ...Object(origin.config.train), clip_range: 1 } } },
          "train.clip_range is 0.1 there and 1 here",
        );
        const json = join(folder, "state.json");
        const text = await Deno.readTextFile(json);
        for (
          const [field, value] of Object.entries({ epoch: "3", key: [1], steps: null, config: undefined })
        ) {
          await Deno.writeTextFile(json, JSON.stringify({ ...JSON.parse(text), [field]: value }));
          await assertRejects(
            () => readCheckpoint(folder),
            UsageError,
            `damaged: Cannot read state.json as its ${field}`,
          );
        }
        await Deno.writeTextFile(json, text);
        const file = join(folder, "state.safetensors");
        const bytes = await Deno.readFile(file);
        await Deno.writeFile(file, bytes.subarray(0, bytes.length - 100));
        await assertRejects(() => readCheckpoint(folder), UsageError, "the checkpoint is damaged");
        await assertRejects(() => readCheckpoint(home), UsageError, "is no checkpoint");
      },
    );

    await t.step("tells what cannot be used", async () => {
      const request = (more: readonly string[], options = {}) =>
        readRequest({ set: [...set, ...more], out: join(home, "refused"), ...options });
      await Deno.writeTextFile(join(home, "empty.txt"), "\n\n");
      const cases: readonly (readonly [() => Promise<unknown>, string])[] = [
        [() => request(["prompts=./nowhere.txt"]), "nowhere.txt"],
        [() => request([`prompts=${home}/empty.txt`]), "the list is empty"],
        [() => request(["train.clip_rang=1"]), "no such field: train.clip_rang"],
        [() => request([], { out: model }), "the folder is not empty"],
        [() => request([], { out: prompts }), "there is a file of this name"],
        [() => request([], { resume: whole.folder.path }), "Cannot use --out"],
        [() => readRequest({ set: [], resume: model }), "the folder is no run"],
        [() => readRequest({ set: [], config: ["x"], resume: model }), "Cannot use --config"],
      ];
      for (const [ask, message] of cases) await assertRejects(ask, UsageError, message);
      assertEquals(await exists(join(home, "refused")), false);
      await assertRejects(() => request([], { out: join(prompts, "run") }), Error, "Cannot write");
    });

    await t.step(
      "as a task: reports, goes on for longer, and leaves no folder where it could not begin",
      async () => {
        const lines: string[] = [];
        const screen = screenOn({
          line: (text) => lines.push(text),
          over: null,
          columns: 100,
          clock: () => 0,
        });
        const open = () => Promise.resolve(adapter);
        const out = join(home, "task");
        const twice = join(home, "twice.txt");
        await Deno.writeTextFile(twice, "cat\na dog, running\ncat\n");
        const redness = join(home, "redness.ts");
        await Deno.writeTextFile(redness, RED);
        const first = await readRequest({
          set: [
            ...set,
            ...["prompts", "evaluate.prompts", "images.prompts"].map((field) => `${field}=${twice}`),
            "num_epochs=1",
            "images.every=0",
            `rewards.evaluate=[gold, ${redness}, colourfulness, gold]`,
          ],
          out,
        });
        const all = ["cat", "a dog, running"];
        const unseen = ["bee", "owl"];
        assertEquals(first.prompts, { train: [...all, "cat"], evaluate: all, unseen, images: all });
        assertEquals(await runRequest(first, open, screen, never), 0);
        const more = await readRequest({ set: ["num_epochs=2"], resume: out });
        assertEquals(await runRequest(more, open, screen, never), 0);
        assert(await exists(join(out, "report.html")));
        const head = lines.find((line) => line.includes("gold"))!;
        assertEquals(head.trim().split(/\s+/).slice(0, 3), ["colourfulness", "gold", "redness"]);
        assertEquals((await linesOf({ folder: runFolder(out) })).map(({ epoch }) => epoch), [0, 1, 2]);
        const manifest = Object(await readJson(join(out, "manifest.json")));
        assertEquals(manifest.software_adapter, true);
        assertEquals(manifest.reward_files, {
          redness: { path: redness, sha256: createHash("sha256").update(RED).digest("hex") },
        });
        assertEquals(manifest.resumed.map(({ epoch }: { epoch: number }) => epoch), [1]);
        assertEquals(lines.filter((line) => line.startsWith("Report: ")).length, 2);
        assertEquals(lines.filter((line) => line.endsWith(": line 3 is line 1 again.")).length, 2);
        const before = await filesOf(out);
        const less = await readRequest({ set: ["num_epochs=1"], resume: out });
        await assertRejects(
          () => runRequest(less, open, screen, never),
          UsageError,
          "the checkpoint's epoch 2: 1",
        );
        assertEquals(await filesOf(out), before);
        await Deno.writeTextFile(redness, `${RED}// The same, but who knows?\n`);
        const changed = await readRequest({ set: ["num_epochs=3"], resume: out });
        await assertRejects(
          () => runRequest(changed, open, screen, never),
          UsageError,
          'rewards.evaluate is ["gold","redness with the hash',
        );
        assertEquals(await filesOf(out), before);

        const broken = await readRequest({
          set: [...set, "rewards.train=mini_pick"],
          out: join(home, "broken"),
        });
        await Deno.remove(join(model, "rewards/mini_pick/model.safetensors"));
        await assertRejects(() => runRequest(broken, open, screen, never), UsageError, "mini_pick");
        assertEquals(await exists(join(home, "broken")), false);
      },
    );

    async function stateAfter(epoch: number): Promise<State> {
      const folder = join(home, `stopped ${epoch}`, "checkpoints", `epoch-000${epoch}`);
      return stateOf(await readCheckpoint(folder), ctx.layouts, origin);
    }
  });
});

/** A reward of one's own. */
const RED = `export default (images, prompts) => prompts.map((_, b) => images.data[3 * 64 * b]);\n`;

Deno.test("metrics: what the machine decides is left out of comparisons", () => {
  const line = { epoch: 1, seconds: { sample: 1 }, gpu_peak_bytes: 5, policy_loss: 0.5 };
  assertEquals(withoutMachine(JSON.stringify(line)), `{"epoch":1,"policy_loss":0.5}`);
});

/** Gives the UNet's last layer weights: an untrained one predicts 0, whatever its adapters. */
async function enliven(path: string): Promise<void> {
  const tree = await readWeights(path);
  const name = "conv_out.weight";
  const { shape, data } = tree[name]!;
  await rewriteTensors(path, {
    ...tree,
    [name]: tensor(shape, normals(key(5), data.length).map((x) => x / 4)),
  });
}

/** All files of a folder with their content, but for a part of it. */
async function filesOf(folder: string, except?: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const walk = async (below: string) => {
    const entries = await Array.fromAsync(Deno.readDir(join(folder, below)));
    for (const { name, isDirectory } of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
      const path = below === "" ? name : `${below}/${name}`;
      if (path === except) continue;
      if (isDirectory) await walk(path);
      else files[path] = new TextDecoder("latin1").decode(await Deno.readFile(join(folder, path)));
    }
  };
  await walk("");
  return files;
}

// deno-lint-ignore no-explicit-any
async function linesOf({ folder }: Pick<Run, "folder">): Promise<any[]> {
  const text = await Deno.readTextFile(folder.metrics);
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}
