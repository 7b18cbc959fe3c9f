/**
 * Runs the cells of an experiment, a few at a time; what is finished is left, what was interrupted goes on.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { makeFolder } from "../files.ts";
import { fromHere } from "../paths.ts";
import type { Screen } from "../run/screen.ts";
import { type CellState, prepareCell, stateOfCell } from "./cell_state.ts";
import type { CellIo, CellPrograms } from "./programs.ts";
import type { Cell } from "./read_experiment.ts";
import type { EvaluationSettings } from "./schema.ts";
import { findTwin, takeTwin } from "./twins.ts";

/** What cells are run with. */
export interface CellSurroundings {
  /** The experiment's folder. */
  readonly folder: string;
  /** How a trained model is looked at. */
  readonly evaluation: EvaluationSettings;
  /** What trains and evaluates. */
  readonly programs: CellPrograms;
  /** Folders that may hold runs which were trained like a cell, and are taken for it. */
  readonly from: readonly string[];
  /** Cells that run at the same time. */
  readonly jobs: number;
  /** Where is told what happens. */
  readonly screen: Pick<Screen, "line">;
  /** Tells to stop: what is under way ends in good order, and no other cell begins. */
  readonly stop: AbortSignal;
}

/** Runs cells in their order. One that fails is told, and the others go on. */
export async function runCells(cells: readonly Cell[], surroundings: CellSurroundings): Promise<void> {
  const { jobs, screen, stop } = surroundings;
  const queue = cells.entries();
  const work = async () => {
    // Every worker takes from the same queue.
    for (const [i, cell] of queue) {
      if (stop.aborted) return;
      try {
        await runCell(cell, `${i + 1}/${cells.length} ${cell.name}`, surroundings);
      } catch (error) {
        // What ends because it is told to has not failed.
        if (stop.aborted) return;
        screen.line(`${cell.name} failed: ${error instanceof Error ? error.message : error}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, cells.length) }, work));
}

const DOING: Readonly<Record<CellState, string>> = {
  new: "training",
  begun: "going on with training",
  trained: "evaluating",
  finished: "finished",
};

/** The folder of the base model's images, in the experiment's. */
const BASE_IMAGES = "base_images";

/** Does what is left to do of a cell. */
async function runCell(cell: Cell, label: string, surroundings: CellSurroundings): Promise<void> {
  const { evaluation, programs, jobs, screen, stop } = surroundings;
  const folder = join(surroundings.folder, cell.name);
  const state = await stateOfCell(cell, folder, evaluation);
  const twin = state === "new" ? await findTwin(cell.config, surroundings.from) : null;
  screen.line(`${label}: ${twin === null ? DOING[state] : `taken from ${fromHere(twin)}`}`);
  if (twin !== null) {
    await makeFolder(dirname(folder));
    await takeTwin(twin, folder);
    return await runCell(cell, label, surroundings);
  }
  if (state === "finished") return;
  const io: CellIo = { stop, line: jobs === 1 ? null : (text) => screen.line(`${cell.name}  ${text}`) };
  if (state !== "trained") {
    // Epochs may have become more.
    await prepareCell(cell, folder);
    await programs.train(folder, io);
  }
  if (!stop.aborted) await programs.evaluate(folder, join(surroundings.folder, BASE_IMAGES), evaluation, io);
}
