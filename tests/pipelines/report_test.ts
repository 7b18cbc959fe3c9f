import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { parseHTML } from "linkedom";
import { dirname, join } from "node:path";
import { run, writeReport } from "../../pipelines/report.ts";
import { UsageError } from "../../pipelines/usage_error.ts";
import { type Made, makeRun } from "./report/made_run.ts";

/** The part of a document that is looked at here. */
interface Element {
  readonly textContent: string;
  readonly outerHTML: string;
  readonly tagName: string;
  readonly children: ArrayLike<Element>;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Element | null;
  querySelectorAll(selector: string): Iterable<Element>;
}

const FIGURES = [
  "Rewards on the same prompts and seeds",
  "Gain and price",
  "Seen and unseen prompts",
  "Distance from the base model",
  "Diversity of images",
  "Gain by distance",
  "Rewards of the training batches",
  "What the critic foresees",
  "What the critic foresees, step by step",
  "Dormant neurons of the critic",
  "Directions the critic tells apart",
  "Whether the critic still learns",
  "How often the clip decides",
  "How far an epoch moves the policy",
  "Gradient norms",
  "Signal in the policy’s gradient",
  "Noise of the gradient, step by step",
  "Losses",
  "Seconds of each stage",
];

/** Figures that are not there before there is something to draw, as not every run has it. */
const ASKED_FOR = [
  "Seen and unseen prompts",
  "Gain by distance",
  "Whether the critic still learns",
  "Noise of the gradient, step by step",
];

Deno.test("the report of a whole run", async (t) => {
  const folder = await makeRun({ epochs: 15 });
  const { text, page } = await readReport(folder);
  await t.step("it has every figure with a title and words for who cannot see it", () => {
    const plots = [...page.querySelectorAll("main .figures figure")];
    assertEquals(plots.map((figure) => textOf(figure, "h3")), FIGURES);
    for (const figure of plots) {
      const drawings = [...figure.querySelectorAll("svg")];
      assertGreater(drawings.length, 0, textOf(figure, "h3"));
      for (const svg of drawings) {
        assertEquals(svg.getAttribute("role"), "img");
        assertGreater(textOf(svg, "title").length, 3);
        assertGreater(textOf(svg, "desc").length, 10);
        assert(
          !/NaN|undefined|Infinity/.test(svg.outerHTML),
          `${textOf(svg, "title")} has no number somewhere`,
        );
      }
    }
  });

  await t.step("it tells the outcome in one sentence and calls noise noise", () => {
    assertEquals(
      textOf(page, ".outcome"),
      "After 15 epochs of training, the reward it was trained on, mini_aesthetic, rose by 2.2 base standard deviations; " +
        "of the rewards only watched, gold (−1.2) and sharpness (−0.90) fell, colourfulness (+1.6) rose, " +
        "and mini_pick and mini_hps did not change beyond noise.",
    );
  });

  await t.step("it sums the path of gain and price up", () => {
    const [note] = [...page.querySelectorAll("main .figures figure")]
      .filter((figure) => textOf(figure, "h3") === "Gain and price")
      .map((figure) => figure.textContent);
    assertStringIncludes(
      note!,
      "highest at a gain of 1.4 and end 0.06 lower; the area under the path is +0.28. They first stood at +0.15 at a " +
        "gain of 1 and +0.15 at a gain of 2.",
    );
  });

  await t.step("it is one file that asks for nothing", () => {
    assert(text.startsWith("<!doctype html>"));
    assertEquals([...page.querySelectorAll("script, link, iframe, object, embed, base")].length, 0);
    for (const element of page.querySelectorAll("[src], [href], [srcset], [style]")) {
      assert(element.getAttribute("src")?.startsWith("data:image/"), element.outerHTML.slice(0, 200));
    }
    assertEquals(text.match(/https?:|\burl\(|@import|\son\w+=/g), null);
    assertStringIncludes(textOf(page, "style"), "@media (prefers-color-scheme: dark)");
    assertLess(text.length, 3_000_000);
    // Whatever is opened is closed: the parser would otherwise nest or drop what follows.
    assertEquals(Array.from(page.querySelector("body")!.children, ({ tagName }) => tagName), [
      "HEADER",
      "MAIN",
    ]);
    assertEquals([...page.querySelectorAll("main > section")].length, 5);
    assertEquals([...page.querySelectorAll("h1")].length, 1);
    for (const table of page.querySelectorAll("table")) {
      assertStringIncludes(text, `<div class="scroll"`);
      const widths = [...table.querySelectorAll("tr")].map((row) =>
        [...row.querySelectorAll("th, td")].length
      );
      assertEquals(new Set(widths).size, 1, textOf(table, "tr"));
    }
  });

  await t.step("it shows the same grid at the first, the last and some epochs between", () => {
    const pictures = [...page.querySelectorAll(".grids figure")];
    assertEquals(pictures.map((picture) => textOf(picture, "h3")), [
      "Base model",
      "After 5 epochs",
      "After 10 epochs",
      "After 15 epochs",
    ]);
    for (const picture of pictures) {
      const image = picture.querySelector("img")!;
      assertStringIncludes(image.getAttribute("alt")!, "cat, dog, horse");
      assertGreater(Number(image.getAttribute("width")), 100);
    }
  });

  await t.step("it names the software adapter and the commands to go on with", () => {
    assertStringIncludes(textOf(page, ".notes"), "software adapter");
    const commands = [...page.querySelectorAll("pre")].map(({ textContent }) => textContent);
    assertEquals(commands, [
      `./attune train --resume ${folder} --set num_epochs=30`,
      `./attune generate cat --lora ${folder} --seeds 0-7`,
      `./attune evaluate ${folder}`,
      `./attune export ${folder} --format kohya`,
    ]);
    assertMatch(page.textContent, /\d+ settings, \d+ as by default/);
  });
  await t.step("it is the same when it is made again", async () => {
    assertEquals((await readReport(folder)).text, text);
  });
  await Deno.remove(dirname(folder), { recursive: true });
});

Deno.test("a report of a run that has not begun, just begun or never evaluates says so", async () => {
  await withReport({ epochs: 0, planned: 15 }, (page) => {
    assertEquals(textOf(page, ".outcome"), "Only the base model has been measured so far.");
    assertStringIncludes(textOf(page, ".notes"), "This run is not finished: 0 of 15 epochs.");
    assertEquals(
      [...page.querySelectorAll("main .figures figure")].map((figure) => textOf(figure, "h3")),
      FIGURES.filter((title) => !ASKED_FOR.includes(title)),
    );
    assertStringIncludes(page.textContent, "No epoch has been trained yet.");
  });
  await withReport({ epochs: 1, planned: 15, every: 0 }, (page) => {
    assertEquals(textOf(page, ".outcome"), "Only the base model has been measured so far.");
  });
  await withReport({ epochs: 9, every: 0 }, (page) => {
    assertStringIncludes(textOf(page, ".outcome"), "After 8 epochs of training");
    assertStringIncludes(textOf(page, ".basis"), "There is no evaluation");
  });
});

Deno.test("a report of a run that trained all weights leads to a model with them", async () => {
  await withReport({ epochs: 5, config: { lora: null } }, (page) => {
    const commands = [...page.querySelectorAll("pre")].map(({ textContent }) => textContent);
    assertMatch(commands.at(-1)!, /^\.\/attune merge .*0007 --out 0007-model$/);
    assertMatch(page.textContent, /epoch-0005\/unet, which diffusers loads/);
  });
});

Deno.test("a report tells what a run lacks", async () => {
  const folder = await makeRun({ epochs: 3 });
  try {
    for (const name of ["config.yaml", "manifest.json", "images", "checkpoints"]) {
      await Deno.remove(join(folder, name), { recursive: true }).catch(() => {});
    }
    const metrics = join(folder, "metrics.jsonl");
    const lines = (await Deno.readTextFile(metrics)).split("\n");
    const second = JSON.parse(lines[1]!);
    await Deno.writeTextFile(
      metrics,
      [
        lines[0],
        `{"epoch":1,"rewards":{"gold":{"mean":null}},"seconds":3}`,
        JSON.stringify({ ...second, epoch: 2 }),
        `{"epo`,
      ]
        .join("\n"),
    );
    const { page } = await readReport(folder);
    const notes = textOf(page, ".notes");
    for (const name of ["config.yaml", "manifest.json", "images", "1 of the 4 lines of metrics.jsonl"]) {
      assertStringIncludes(notes, name);
    }
    assertStringIncludes(page.textContent, "There is no checkpoint yet.");
  } finally {
    await Deno.remove(dirname(folder), { recursive: true });
  }
});

Deno.test("a report escapes what a run calls itself", async () => {
  await withReport({ epochs: 1 }, (page) => {
    assertEquals(page.querySelector("main b i"), null);
    assertStringIncludes(page.textContent, "<i>&");
  }, async (folder) => {
    const metrics = join(folder, "metrics.jsonl");
    await Deno.writeTextFile(metrics, (await Deno.readTextFile(metrics)).replaceAll('"gold"', '"<i>&"'));
  });
});

Deno.test("a folder without a run is refused", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await assertRejects(() => writeReport(folder), UsageError, "as it is no run");
    await assertRejects(() => run([folder, folder]), UsageError, "one argument too many");
    await assertRejects(() => run(["--open"]), UsageError, "--open");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function withReport(
  made: Made,
  check: (page: Element) => void,
  change: (folder: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const folder = await makeRun(made);
  try {
    await change(folder);
    check((await readReport(folder)).page);
  } finally {
    await Deno.remove(dirname(folder), { recursive: true });
  }
}

async function readReport(folder: string): Promise<{ readonly text: string; readonly page: Element }> {
  const text = await Deno.readTextFile(await writeReport(folder));
  const { document } = parseHTML(text) as unknown as {
    readonly document: { readonly documentElement: Element };
  };
  return { text, page: document.documentElement };
}

function textOf(element: Element, selector: string): string {
  return element.querySelector(selector)?.textContent.replace(/\s+/g, " ").trim() ?? "";
}
