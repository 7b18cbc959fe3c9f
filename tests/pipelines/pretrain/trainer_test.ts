import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { type Key, key, normals } from "../../../lib/core/random.ts";
import { tensor } from "../../../lib/core/tensor.ts";
import { add, interpreter, mean, mul, square, sub } from "../../../lib/engine/mod.ts";
import { normalInit } from "../../../lib/nn/scope.ts";
import { loadLearner, saveLearner } from "../../../pipelines/pretrain/learner_file.ts";
import {
  beginner,
  type Learner,
  learningRateAt,
  type Lesson,
  lessonsLearned,
  type Schedule,
  teach,
} from "../../../pipelines/pretrain/trainer.ts";

const TRUTH = [3, -2];
const seed = key(7);
const schedule: Schedule = {
  steps: 400,
  batch: 8,
  learning_rate: 0.1,
  restart: { step: 200, learning_rate: 0.05 },
  weight_decay: 0,
  ema: 0.9,
};

/** Finds the line that noiseless points lie on. */
const lesson: Lesson = {
  name: "line",
  specs: [{ name: "slope", shape: [1], init: normalInit(1) }, {
    name: "offset",
    shape: [1],
    init: normalInit(1),
  }],
  constants: {},
  batch: (batchKey: Key) => {
    const x = normals(batchKey, schedule.batch);
    return {
      x: tensor([schedule.batch], x),
      y: tensor([schedule.batch], x.map((value) => TRUTH[0]! * value + TRUTH[1]!)),
    };
  },
  loss: (scope, { x, y }) => {
    const line = add(
      mul(x!, scope.param("slope", [1], normalInit(1))),
      scope.param("offset", [1], normalInit(1)),
    );
    return { loss: mean(square(sub(line, y!))) };
  },
};

/** Every report of a training that begins at `start` and is given up at `stop`. */
async function train(start: Learner, stop = schedule.steps): Promise<Learner> {
  let learner = start;
  for await (const progress of teach(interpreter(), lesson, schedule, seed, start)) {
    learner = await progress.learner();
    if (learner.step >= stop) break;
  }
  return learner;
}

Deno.test("teach: a lesson is learned, and the average of the weights is what is kept", async () => {
  const end = await train(beginner(lesson, seed));
  const { slope, offset } = lessonsLearned(lesson, end);
  assertEquals(end.step, schedule.steps);
  assertAlmostEquals(slope!.data[0]!, TRUTH[0]!, 0.01);
  assertAlmostEquals(offset!.data[0]!, TRUTH[1]!, 0.01);
  assertNotEquals(end.ema, end.params);
  assert(end.ema.includes(slope!.data[0]!) && !end.params.includes(slope!.data[0]!));
});

Deno.test("teach: what was stopped, saved and read again ends as what was never stopped, to the bit", async () => {
  const whole = await train(beginner(lesson, seed));
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  await saveLearner(path, await train(beginner(lesson, seed), 60));
  const floats = whole.params.length;
  const half = await loadLearner(path, floats);
  assertEquals(half?.step, 60);
  assertEquals(await train(half!), whole);
  await assertRejects(() => loadLearner(path, floats + 1), TypeError, "remove the file");
  await Deno.remove(path);
  assertEquals(await loadLearner(path, floats), null);
});

Deno.test("teach: a loss that is no number ends it, and says where", async () => {
  const broken: Lesson = {
    ...lesson,
    loss: (scope, inputs) => {
      const { loss } = lesson.loss(scope, inputs);
      return { loss: mul(sub(loss, loss), Infinity) };
    },
  };
  await assertRejects(
    async () => {
      for await (const _ of teach(interpreter(), broken, schedule, seed, beginner(broken, seed)));
    },
    RangeError,
    "loss is NaN",
  );
});

Deno.test("learningRateAt: rises, falls to nothing, and falls again from the rate of the restart", () => {
  const long = { ...schedule, steps: 500, restart: { step: 300, learning_rate: 0.02 } };
  const rate = (step: number) => learningRateAt(long, step);
  assert(rate(0) < 0.0011 && rate(40) < rate(90));
  assertAlmostEquals(rate(150), 0.05, 1e-12);
  assert(rate(299) < 1e-5);
  assertEquals(rate(300), 0.02);
  assertAlmostEquals(rate(400), 0.01, 1e-12);
  const { restart: _, ...once } = long;
  assertAlmostEquals(learningRateAt(once, 250), 0.05, 1e-12);
});
