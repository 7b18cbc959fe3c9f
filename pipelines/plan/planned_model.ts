/**
 * The model that a plan is made for, which need not be on this machine.
 *
 * @module
 */

import { join } from "node:path";
import { modelFolder } from "../load/model_folder.ts";
import { pathOf } from "../files.ts";
import { UsageError } from "../usage_error.ts";

/** Repositories whose configurations come along, by the folders that hold them. */
const SHIPPED: Readonly<Record<string, string>> = { "CompVis/stable-diffusion-v1-4": "sd14" };

const MODELS = new URL("../../models/", import.meta.url);

/** A model's configurations. */
export interface PlannedModel {
  /** The folder that holds them. */
  readonly folder: string;
  /** What a person should know of them; `null`: they are the model's own. */
  readonly note: string | null;
}

/**
 * The folder of a model, or of the configurations that come along for it where it has not been downloaded.
 *
 * @throws {UsageError} If there is neither.
 */
export async function plannedModel(model: string): Promise<PlannedModel> {
  try {
    return { folder: await modelFolder(model), note: null };
  } catch (error) {
    const name = SHIPPED[model];
    if (!(error instanceof UsageError) || name === undefined) throw error;
    const note = `${model} has not been downloaded: planned by its configurations, which come along.`;
    return { folder: join(pathOf(MODELS), name), note };
  }
}
