import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { paired, welch } from "../../../lib/measures/mean_difference.ts";
import { parseHTML } from "linkedom";
import { dirname, join } from "node:path";
import { checkConfig } from "../../../pipelines/config/mod.ts";
import { run } from "../../../pipelines/compare.ts";
import { bandFigures, COSTS } from "../../../pipelines/compare/band_figures.ts";
import { groupRuns } from "../../../pipelines/compare/group_runs.ts";
import { frontOf } from "../../../pipelines/compare/pareto_figures.ts";
import type { ReadOptions } from "../../../pipelines/compare/read_runs.ts";
import type { Results } from "../../../pipelines/compare/results.ts";
import { tableAsLatex, tableAsMarkdown, tablesOf } from "../../../pipelines/compare/table.ts";
import { evaluationsOf } from "../../../pipelines/compare/unet_evaluations.ts";
import { claimsOf, outcomeSentence } from "../../../pipelines/compare/words.ts";
import { writeComparison } from "../../../pipelines/compare/write_comparison.ts";
import { UsageError } from "../../../pipelines/usage_error.ts";
import { makeRun } from "../report/made_run.ts";
import { makeRuns } from "./made_runs.ts";

/** The part of a document that is looked at here. */
interface Element {
  readonly textContent: string;
  readonly outerHTML: string;
  querySelector(selector: string): Element | null;
  querySelectorAll(selector: string): Iterable<Element>;
}

const seeds = [1, 2, 3];
const TWO_EVALUATIONS = "it takes two evaluations: the base model’s and a later one";
const OPTIONS: ReadOptions = { inDomain: null, outOfDomain: null, mixesModels: false };

/** What the grids of a report are called. */
function gridsOf(page: string): readonly string[] {
  const { document } = parseHTML(page) as unknown as { readonly document: Element };
  return [...document.querySelectorAll(".grids h3")].map(({ textContent }) => textContent);
}

Deno.test("a comparison of arms with three seeds", async (t) => {
  const folders = await makeRuns([
    { seeds, config: { reset: { mode: "active" } } },
    { seeds: [3, 1, 2], factor: 0.4, config: { reset: { mode: "none" } } },
    { seeds: [7, 8, 9], factor: 1.02, config: { reset: { mode: "all" } } },
  ], true);
  const out = await Deno.makeTempDir();
  const entries = await groupRuns(folders.flat());
  const request = {
    ...OPTIONS,
    heading: { title: "A <b>", question: "Why?", command: "attune compare", reference: "mode=active", arms },
    entries,
    folder: out,
  };
  const { results, page } = await writeComparison(request);
  const text = await Deno.readTextFile(page);

  await t.step("sorts runs into arms by what their configurations differ in", () => {
    assertEquals(entries.map(({ arm }) => arm), arms.flatMap((arm) => [arm, arm, arm]));
    assertEquals(results.results.map(({ set }) => set), [
      { "reset.mode": "active" },
      { "reset.mode": "none" },
      { "reset.mode": "all" },
    ]);
  });

  await t.step("calls more or less only what noise does not explain, with its interval", () => {
    assertStringIncludes(outcomeSentence(results), "Against mode=active, mode=none gains less in domain");
    for (const claim of claimsOf(results)) assert(/^mode=none .*95 % interval/.test(claim), claim);
    for (const { arm, values } of results.results) {
      for (const [key, { against, count }] of Object.entries(values)) {
        assertEquals(count, 3, key);
        assertEquals(against === null, arm === "mode=active", key);
        if (key === "matched_1") assertEquals(arm === "mode=none", false, "one of its runs never got there");
        assertEquals(against?.isApart ?? false, against !== null && (against.low > 0 || against.high < 0));
      }
    }
    const { values } = results.results[2]!;
    assertEquals(values.in_domain!.against!.isApart, false);
    const none = results.results[1]!.values;
    const gains = (arm: number) => results.results[arm]!.runs.map(({ values }) => values.in_domain!);
    const level = 1 - 0.05 / 2;
    const partners = [2, 0, 1].map((i) => gains(0)[i]!);
    assertEquals(none.in_domain!.against, paired(gains(1), partners, level), "the same seeds");
    assertEquals(values.in_domain!.against, welch(gains(2), gains(0), level), "other seeds");
    assertLess(none.in_domain!.mean, 1);
    assertGreater(none.diversity!.mean, 0.85);
    assertLess(Math.abs(none.seen_gap!.mean - 0.3 * 0.4 * 2.2), 0.3);
  });

  await t.step("has curves at every cost from the base on", () => {
    const [first] = results.results[0]!.runs;
    assertEquals(first!.curve.length, 11);
    const { seconds, ...base } = first!.curve[0]!;
    assertEquals(seconds, 0);
    assertEquals(base, {
      epoch: 0,
      reward_queries: 0,
      unet_evaluations: 0,
      sqrt_kl: 0,
      in_domain: 0,
      out_of_domain: 0,
      diversity: 1,
    });
    for (const step of first!.curve.slice(1)) {
      assert(Object.values(step).every((value) => value !== null && value !== 0), JSON.stringify(step));
    }
  });

  await t.step("has no figure of what no run tells", () => {
    const arms = results.results.map((arm) => ({
      ...arm,
      runs: arm.runs.map((run) => ({
        ...run,
        curve: run.curve.map((step) => ({ ...step, diversity: null })),
      })),
    }));
    const titles = bandFigures({ ...results, results: arms }, COSTS[0]).map(({ title }) => title);
    assertEquals(titles, ["Gain in domain", "Gain out of domain"]);
  });

  await t.step("is one file that asks for nothing, with words for who cannot see its figures", () => {
    const { document } = parseHTML(text) as unknown as { readonly document: Element };
    assertEquals([...document.querySelectorAll("script, link, iframe, object, embed, base")].length, 0);
    assertEquals(text.match(/https?:|\burl\(|@import|\son\w+=/g), null);
    assertEquals(text.includes("A <b>"), false);
    const figures = [...document.querySelectorAll("main .figures svg")];
    assertEquals(figures.length, 2 + 4 * 3);
    for (const svg of figures) {
      assertGreater(svg.querySelector("desc")!.textContent.length, 10);
      assert(!/NaN|undefined|Infinity/.test(svg.outerHTML), svg.querySelector("title")!.textContent);
    }
    assertEquals(gridsOf(text), ["base model", ...arms.map((arm) => `${arm}, epoch 20`)]);
    assertLess(text.length, 3_000_000);
  });

  await t.step("is the same when it is made again", async () => {
    const numbers = await Deno.readTextFile(join(out, "results.json"));
    await writeComparison(request);
    assertEquals(await Deno.readTextFile(join(out, "results.json")), numbers);
    assertEquals(await Deno.readTextFile(page), text);
  });

  await t.step(
    "leaves out and names what is of another version or model, or was looked at otherwise",
    async () => {
      const [first, version, model, prompts] = folders[0]!.concat(folders[1]!);
      await edit(join(version!, "manifest.json"), (manifest) => manifest.replace('"0.1.0"', '"0.0.9"'));
      await edit(join(model!, "manifest.json"), (manifest) => manifest.replace("abab", "cdcd"));
      const same = await writeComparison({ ...request, entries: await groupRuns([first!, model!]) });
      assertEquals(same.results.left_out, [], "weights of other rewards make no other model");
      await edit(join(model!, "metrics.jsonl"), (lines) => lines.replace('"mean":5.1,', '"mean":5.2,'));
      await edit(
        join(prompts!, "manifest.json"),
        (manifest) => manifest.replace(/"evaluate": \[\s*"cat"/, '"evaluate": ["owl"'),
      );
      const words = [first!, version!, model!, prompts!];
      const { results } = await writeComparison({ ...request, entries: await groupRuns(words) });
      const reasons = ["by version 0.0.9: this is 0.1.0", "of another model", "on other prompts or seeds"];
      assertEquals(results.left_out.length, reasons.length);
      for (const [i, reason] of reasons.entries()) assertStringIncludes(results.left_out[i]!.why, reason);
      assertEquals(results.results.map(({ runs }) => runs.length), [1]);
      const said = await Deno.readTextFile(page);
      for (const { name, why } of results.left_out) {
        assertStringIncludes(said, `Left out, as ${why}: ${name}.`);
      }
      await assertRejects(() => groupRuns([first!, out]), UsageError, `there is no run in ${out}`);
    },
  );

  await t.step("a run that tells nothing takes nothing from the others", async () => {
    const [first, second] = folders[2]!;
    const unwatched = await makeRun({ epochs: 20, every: 0 });
    const begun = await makeRun({ epochs: 0, planned: 20, every: 2 });
    const { results } = await writeComparison({
      ...request,
      entries: await groupRuns([`x=${first}`, `x=${unwatched}`, `x=${begun}`]),
    });
    assertEquals(results.left_out.map(({ why }) => why), Array(2).fill(TWO_EVALUATIONS));
    assertEquals(results.evaluated, true);
    const alone = await writeComparison({ ...request, entries: await groupRuns([`x=${first}`]) });
    assertEquals(results.results, alone.results.results);
    // Of part of what was trained: no evaluation of the run.
    const file = join(second!, "evaluation.json");
    const whole = await Deno.readTextFile(file);
    await edit(file, (text) => text.replace('"strength":1', '"strength":0.5'));
    const both = await writeComparison({ ...request, entries: await groupRuns([first!, second!]) });
    assertEquals(both.results.evaluated, false);
    await Deno.writeTextFile(file, whole);
    for (const folder of [unwatched, begun]) await Deno.remove(dirname(folder), { recursive: true });
  });

  await t.step(
    "what is in domain of one arm is out of domain of none, and is held against its like",
    async () => {
      const rewards = { train: "gold", evaluate: ["mini_aesthetic", "mini_pick", "sharpness"] };
      const [others] = await makeRuns([{ seeds, config: { rewards } }], true);
      const words = [
        ...folders[2]!.map((folder) => `a=${folder}`),
        ...others!.map((folder) => `b=${folder}`),
      ];
      const heading = { ...request.heading, reference: "a", arms: ["a", "b"] };
      const { results } = await writeComparison({ ...request, heading, entries: await groupRuns(words) });
      assertEquals(results.results.map(({ in_domain }) => in_domain), [["mini_aesthetic"], ["gold"]]);
      const { values, runs } = results.results[1]!;
      assertEquals([values.in_domain!.against, values.net_gain!.against], [null, null]);
      assert(values.out_of_domain!.against !== null && values.reward_gold!.against !== null);
      for (const { values } of runs) {
        const gains = ["mini_pick", "mini_hps", "colourfulness", "sharpness"].map((name) =>
          values[`reward_${name}`]!
        );
        assertAlmostEquals(values.out_of_domain!, gains.reduce((sum, gain) => sum + gain / gains.length, 0));
      }
      assertStringIncludes(await Deno.readTextFile(page), "held against arms of the same ones only");
      for (const folder of others!) await Deno.remove(dirname(folder), { recursive: true });
    },
  );

  await t.step("with labels and without evaluations, tells of the last evaluation of training", async () => {
    const [first, ...others] = folders[2]!;
    await Deno.remove(join(first!, "evaluation.json"));
    const words = [`ours=${first}`, ...others.map((folder) => `theirs=${folder}`), "--out", out];
    assertEquals(await run([...words, "--reference", "theirs"]), 0);
    const results: Results = JSON.parse(await Deno.readTextFile(join(out, "results.json")));
    assertEquals(results.results.map(({ arm, runs }) => [arm, runs.length]), [["ours", 1], ["theirs", 2]]);
    assertEquals(results.evaluated, false);
    assertEquals(results.quantities.some(({ table }) => table === "unseen"), false);
    const { in_domain } = results.results[0]!.values;
    assertEquals(in_domain!.mean, results.results[0]!.runs[0]!.curve.at(-1)!.in_domain);
    await assertRejects(
      () => run([...words, "--reference", "nobody's"]),
      UsageError,
      "there are ours, theirs",
    );
    await assertRejects(() => run(["--out", out]), UsageError, "no run is named");
  });

  await t.step("a run that the guard rolled back ends at its best checkpoint", async () => {
    const folder = folders[2]![1]!;
    const endOf = async () => {
      const { results, page } = await writeComparison({
        ...request,
        entries: [{ folder, name: "it", arm: arms[2]! }],
      });
      return { ...results.results[0]!.runs[0]!, grids: gridsOf(await Deno.readTextFile(page)) };
    };
    await Deno.remove(join(folder, "evaluation.json"));
    const { values, curve } = await endOf();
    assertEquals([values.sqrt_kl, values.in_domain], [curve.at(-1)!.sqrt_kl, curve.at(-1)!.in_domain]);
    const guard = { action: "rollback", verdicts: [], best: { epoch: 10, net_gain: 0.1 } };
    await edit(
      join(folder, "metrics.jsonl"),
      (lines) => lines.trimEnd().replace(/}$/, `,"guard":${JSON.stringify(guard)}}\n`),
    );
    const best = curve.find(({ epoch }) => epoch === 10)!;
    const rolled = await endOf();
    assertEquals(rolled.curve, curve, "what happened on the way stays");
    assertEquals([rolled.values.sqrt_kl, rolled.values.in_domain], [best.sqrt_kl, best.in_domain]);
    assert(best.sqrt_kl !== curve.at(-1)!.sqrt_kl);
    assertEquals(rolled.grids, ["base model", `${arms[2]}, epoch 10`]);
  });

  for (const folder of [...folders.flat().map(dirname), out]) await Deno.remove(folder, { recursive: true });
});

const arms = ["mode=active", "mode=none", "mode=all"];

Deno.test("a table can be pasted", () => {
  const value = (mean: number, isApart: boolean | null) => ({
    mean,
    standard_error: 0.051,
    count: 3,
    against: isApart === null ? null : { difference: 1, low: isApart ? 0.5 : -1, high: 2, isApart },
  });
  const arm = (name: string, mean: number, isApart: boolean | null) => ({
    arm: name,
    command: `attune experiment x --only ${name}`,
    in_domain: ["gold"],
    set: {},
    runs: [],
    values: { sqrt_kl: value(mean, isApart), drop: value(-mean, isApart) },
  });
  const column = (key: string, label: string, table: "outcome" | "path") => ({
    key,
    label,
    doc: "what",
    table,
  });
  const [first, second] = tablesOf({
    title: "",
    question: null,
    command: "",
    reference: "a_b",
    arms: ["a_b", "c"],
    evaluated: true,
    quantities: [column("drop", "drop", "path"), column("sqrt_kl", "√KL", "outcome")],
    results: [arm("a_b", 1.2, null), arm("c", 2.5, true)],
    left_out: [],
  });
  assertEquals(
    tableAsMarkdown(first!, true),
    `| arm | runs | √KL | command |
| --- | --: | --: | --- |
| a_b | 0 | 1.200 ± 0.051 | \`attune experiment x --only a_b\` |
| c | 0 | 2.500 ± 0.051 * | \`attune experiment x --only c\` |`,
  );
  assertEquals(
    tableAsLatex(second!),
    String.raw`\begin{tabular}{lrr}
  \toprule
  arm & runs & drop \\
  \midrule
  a\_b & 0 & $-1.200 \pm 0.051$ \\
  c & 0 & $-2.500 \pm 0.051^{*}$ \\
  \bottomrule
\end{tabular}`,
  );
});

Deno.test("the front has the points that no other exceeds in both", () => {
  const points = [[0, 3], [1, 2], [1, 1], [2, 2], [3, 0], [-1, 3]].map(([x, y]) => ({ x: x!, y: y! }));
  assertEquals(frontOf(points), [{ x: 0, y: 3 }, { x: 2, y: 2 }, { x: 3, y: 0 }]);
});

Deno.test("UNet evaluations are counted from what was asked for", () => {
  const line = { epoch: 2, reward_queries: 192 };
  const cost = (raw: Record<string, unknown>) => evaluationsOf(checkConfig(raw))(line);
  // 192 images of 8 steps, and 2 epochs of 64 samples with 3 steps forward and backward; guidance doubles both.
  assertEquals(cost({}), 2 * (192 * 8 + 3 * 2 * 64 * 3));
  assertEquals(cost({ sample: { guidance_scale: 1 } }), 192 * 8 + 3 * 2 * 64 * 3);
  assertEquals(cost({ kl_penalty_coef: 0.1 }), 2 * (2 * 192 * 8 + 3 * 2 * 64 * 3));
  assertEquals(cost({ train: { kl_weight: 0.1 } }), 2 * (192 * 8 + 4 * 2 * 64 * 3));
  assertEquals(cost({ train: { timestep_window: [1, 8] } }), 2 * (192 * 8 + 3 * 2 * 64 * 2));
  // Without guidance in training, and twice through the samples.
  assertEquals(cost({ method: "rwr" }), 2 * 192 * 8 + 3 * 2 * 2 * 64 * 3);
  // Three for the last step of each sample; for half of all where the first is drawn; a leap and its gradient, once or twice, which
  // the reward judges, too.
  assertEquals(cost({ method: "draft" }), 2 * (192 * 8 + 2 * 64 * 3));
  assertEquals(cost({ method: "alignprop" }), 2 * (192 * 8 + 2 * 64 * 3 * 4));
  assertEquals(cost({ method: "refl" }), 2 * ((192 - 128) * 8 + 2 * 64 * 4));
  assertEquals(
    evaluationsOf(checkConfig({ method: "draft-lv" }))({ epoch: 2, reward_queries: 384 }),
    2 * (128 * 8 + 2 * 64 * 2 * 4),
  );
  // Denoising base images takes drawing them, and one gradient each.
  assertEquals(cost({ method: "refl", backprop: { pretrain_weight: 1 } }), 2 * (192 * 8 + 2 * 64 * (4 + 3)));
  assertEquals(evaluationsOf({ method: "unknown" })(line), null);
});

async function edit(path: string, change: (text: string) => string): Promise<void> {
  const text = await Deno.readTextFile(path);
  const changed = change(text);
  assert(changed !== text, `${path} has not what is to be changed`);
  await Deno.writeTextFile(path, changed);
}
