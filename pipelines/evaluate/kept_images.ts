/**
 * Images that are drawn once and kept, as the base model's are for the evaluations of many runs.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import type { FloatTensor } from "../../lib/core/tensor.ts";
import { writeSafetensors } from "../../lib/io/safetensors.ts";
import { floats } from "../../lib/stages/rows.ts";
import { exists, makeFolder, readWeights, writeAtomically } from "../files.ts";

/**
 * Reads images that were kept, or draws them and keeps them.
 *
 * @param folder Where they are kept; `null`: they are drawn, and not kept.
 * @param what All that they depend on.
 */
export async function keptImages(
  folder: string | null,
  what: Readonly<Record<string, unknown>>,
  draw: () => Promise<FloatTensor>,
): Promise<FloatTensor> {
  if (folder === null) return await draw();
  const path = join(folder, `${createHash("sha256").update(JSON.stringify(what)).digest("hex")}.safetensors`);
  if (await exists(path)) return floats((await readWeights(path)).images);
  const images = await draw();
  await makeFolder(folder);
  await writeAtomically(path, writeSafetensors({ images }));
  return images;
}
