import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { join } from "node:path";
import { settingIn, varyingFields } from "../../../pipelines/compare/results.ts";
import { checkExperiment } from "../../../pipelines/experiment/check_experiment.ts";
import { embeddedExperiments, readExperiment } from "../../../pipelines/experiment/read_experiment.ts";
import { UsageError } from "../../../pipelines/usage_error.ts";

const unplanned = () => Promise.resolve();

Deno.test("every experiment that comes along is complete and possible, cell by cell", async () => {
  const names = await embeddedExperiments();
  assertGreater(names.length, 5);
  for (const name of names) {
    const experiment = await readExperiment(name);
    await checkExperiment(experiment, undefined, unplanned);
    assertGreater(experiment.arms.length, 1, name);
    assert(experiment.question.endsWith("?"), name);
    assertEquals(experiment.cells.length % experiment.arms.length, 0);
    const text = await Deno.readTextFile(
      new URL(`../../../pipelines/experiments/${name}.yaml`, import.meta.url),
    );
    assert(text.startsWith("# ") && text.slice(0, text.indexOf("\n")).includes("?"), `${name} asks nothing`);
  }
});

Deno.test("the ablation turns one switch at a time, to what the official reading has", async () => {
  const { cells } = await readExperiment("official_and_fixed");
  const [fixed, official, ...turned] = cells.filter(({ seed }) => seed === 1);
  for (const { arm, config } of turned) {
    const fields = varyingFields([fixed!.config, config]);
    assertEquals(fields.length, 1, `${arm}: ${fields}`);
    const [field] = fields as [string];
    // No reading divides the critic's gradient: that is what half precision does.
    const expected = field === "train.critic_grad_div" ? 65536 : settingIn(official!.config, field);
    assertEquals(settingIn(config, field), expected, arm);
  }
  const switches = varyingFields([fixed!.config, official!.config]).filter((name) => name !== "compat");
  assertEquals(
    switches.filter((name) =>
      !turned.some(({ config }) => varyingFields([fixed!.config, config]).includes(name))
    ),
    [],
  );
});

Deno.test("arms lie over what is common, in the order of the file; a matrix has every combination", async () => {
  await withFile(
    `${HEAD}
set: { num_epochs: 7, reset.mode: all, critic.hidden: [8, 4] }
matrix: { reset.mode: [none, active], critic.hidden: [[4, 2], [16]], train.learning_rate: [0.001] }
seeds: [3, 1]
`,
    async (path) => {
      const { name, arms, reference, cells } = await readExperiment(path);
      assertEquals([name, reference], ["toy", arms[0]]);
      assertEquals(arms, [
        "mode=none,hidden=4x2,learning_rate=0.001",
        "mode=none,hidden=16,learning_rate=0.001",
        "mode=active,hidden=4x2,learning_rate=0.001",
        "mode=active,hidden=16,learning_rate=0.001",
      ]);
      assertEquals(cells.slice(0, 3).map(({ seed, config }) => [seed, config.seed, config.reset.mode]), [
        [3, 3, "none"],
        [1, 1, "none"],
        [3, 3, "none"],
      ]);
      const last = cells.at(-1)!;
      assertEquals(last.name, "mode=active,hidden=16,learning_rate=0.001/seed-1");
      assertEquals([last.config.num_epochs, last.config.critic.hidden, last.config.train.learning_rate], [
        7,
        [16],
        0.001,
      ]);
    },
  );
});

/** Files that are refused, and what is said of them. */
const REFUSED: readonly (readonly [string, ...string[]])[] = [
  [`title: a`, "question is wrong"],
  [`${"title: a"}\nquestion: [`, "no YAML"],
  [`TITLE\nseed: [1]\narms: { a: {} }\nseeds: [1]`, "there is no such field: seed; did you mean seeds?"],
  [`TITLE\nseeds: [1]`, "either arms or a matrix"],
  [`TITLE\nseeds: [1, 1]\narms: { a: {} }`, "one stands twice in seeds: 1"],
  [`TITLE\nseeds: [1]\narms: { a/b: {} }`, "arms.a/b"],
  [`TITLE\nseeds: [1]\narms: { a: {}, b: {} }`, "b/seed-1", "has the configuration of another arm: a/seed-1"],
  [`TITLE\nseeds: [1]\narms: { a: {} }\nreference: c`, "there is no such arm: c"],
  [
    `TITLE\nseeds: [1]\narms: { a: {}, b: { set: { reset.mod: all } } }`,
    "b/seed-1",
    "did you mean reset.mode",
  ],
  [
    `TITLE\nseeds: [1, 2]\narms: { a: {}, b: { set: { train.drop_last_steps: 8 } } }`,
    "b/seed-1",
    "Cannot train as no step is left",
  ],
  [`TITLE\nseeds: [1]\narms: { a: {}, b: { configs: [nothing] } }`, "Cannot run b", "none embedded"],
  [
    `TITLE\nseeds: [1]\narms: { a: {}, b: { set: { evaluate.every: 0 } } }`,
    "b/seed-1",
    "evaluate.every is 0",
  ],
  [`TITLE\nseeds: [1]\narms: { a: {}, b: { set: { rewards.evaluate: [] } } }`, "b/seed-1", "no other reward"],
  [`TITLE\nseeds: [1]\narms: { a: {} }\nout_of_domain: [aesthetic]`, "a/seed-1", "aesthetic"],
  [
    `TITLE\nseeds: [1]\narms: { a: {} }\nevaluation: { prompts: [simple_animal] }`,
    "did you mean simple_animals",
  ],
  [`TITLE\nseeds: [1]\narms: { a: {} }\nevaluation: { rewards: [golds] }`, "golds"],
  [`TITLE\nseeds: [1]\narms: { a: {} }\nevaluation: { rewards: [gold, gold] }`, "evaluation.rewards: gold"],
  [
    `TITLE\nseeds: [1]\narms: { a: {} }\nevaluation: { judge: clip_l }`,
    "a/seed-1",
    "clip_l",
    "those of clip",
  ],
  [`TITLE\nseeds: [1]\narms: { a: { set: { evaluate.unseen: ./no.txt } } }`, "a/seed-1", "no.txt"],
  [`TITLE\nseeds: [1]\narms: { a: {}, b: { set: { evaluate.prompts: ./no.txt } } }`, "b/seed-1", "no.txt"],
];

Deno.test("what cannot be is refused as a whole, and the cell is named", async () => {
  for (const [text, ...parts] of REFUSED) {
    await withFile(text.replace("TITLE", HEAD), async (path) => {
      const { message } = await assertRejects(
        async () => await checkExperiment(await readExperiment(path), undefined, unplanned),
        UsageError,
      );
      for (const part of parts) assert(message.includes(part), `${part} is not in: ${message}`);
    });
  }
  await assertRejects(() => readExperiment("neuron_state"), UsageError, "neuron_states");
});

Deno.test("what only compiling finds out is refused before the first run, too", async () => {
  await withFile(`${HEAD}\nseeds: [1]\narms: { a: {}, b: { set: { model: ./none } } }`, async (path) => {
    const { message } = await assertRejects(
      async () => await checkExperiment(await readExperiment(path)),
      UsageError,
    );
    assert(message.startsWith("Cannot run b/seed-1: "), message);
  });
});

const HEAD = `title: Toy\nquestion: Does it run?`;

async function withFile(text: string, use: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "toy.yaml");
    await Deno.writeTextFile(path, text);
    await use(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
