/**
 * A learner on disk: its vectors in one safetensors file, its step beside them, so that training goes on where it stopped.
 * @module
 */

import type { F32 } from "../../lib/core/tensor.ts";
import { tensor } from "../../lib/core/tensor.ts";
import { writeSafetensors } from "../../lib/io/safetensors.ts";
import { readTensor } from "../../lib/io/weights_file.ts";
import { exists, type Path, withWeights, writeAtomically } from "../files.ts";
import type { Learner } from "./trainer.ts";

const VECTORS = ["params", "m", "v", "ema"] as const;

/** Writes a learner; the file is the old one or the new one, never half of either. */
export async function saveLearner(path: Path, learner: Learner): Promise<void> {
  const vectors = VECTORS.map((name) => [name, tensor([learner[name].length], learner[name])] as const);
  const metadata = { step: String(learner.step) };
  await writeAtomically(path, writeSafetensors(Object.fromEntries(vectors), { metadata }));
}

/**
 * Reads a learner, or `null` where there is none.
 *
 * @param length Floats that its vectors must have.
 * @throws {TypeError} If they have another number: the recipe has changed since.
 * @throws {SyntaxError} If the file is damaged.
 */
export async function loadLearner(path: Path, length: number): Promise<Learner | null> {
  if (!await exists(path)) return null;
  return await withWeights(path, async (file) => {
    const read = async (name: string): Promise<F32> => {
      const { data } = await readTensor(file, name);
      if (data.length !== length) {
        throw new TypeError(
          `Cannot go on from ${path} as ${name} has ${data.length} floats where ${length} are needed: remove the file`,
        );
      }
      return data;
    };
    const step = Number(file.metadata.step);
    if (!Number.isSafeInteger(step)) {
      throw new SyntaxError(
        `Cannot go on from ${path} as its step is no number: ${file.metadata.step}; remove the file`,
      );
    }
    return {
      step,
      params: await read("params"),
      m: await read("m"),
      v: await read("v"),
      ema: await read("ema"),
    };
  });
}
