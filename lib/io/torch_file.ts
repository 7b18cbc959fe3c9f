/**
 * Files of `torch.save` (`.bin`, `.pt`, `.pth`): opened by their pickle, which may build dictionaries of tensors and do nothing
 * else.
 * @module
 */

import { openLegacyForm } from "./torch/legacy_form.ts";
import { listTensors } from "./torch/list_tensors.ts";
import { readPiece } from "./torch/read_piece.ts";
import { openZipForm } from "./torch/zip_form.ts";
import type { ReadBytes, WeightsFile } from "./weights_file.ts";

/** What {@linkcode openTorchFile} takes beside the file. */
export interface TorchFileOptions {
  /** The keys that lead to the dictionary of tensors, such as `["state_dict"]`; by default the saved object is it. */
  readonly within?: readonly string[];
}

/**
 * Opens a file of either form, zip or the older one: reads and checks its pickle and where its storages lie, no tensor.
 *
 * @param read Gives the bytes of the file.
 * @param fileBytes Length of the file in bytes.
 * @throws {SyntaxError} If the file is damaged, or its pickle asks for a global that is not on the list; the message names it.
 */
export async function openTorchFile(
  read: ReadBytes,
  fileBytes: number,
  { within = [] }: TorchFileOptions = {},
): Promise<WeightsFile> {
  const source = { read, fileBytes };
  const [p, k] = await readPiece(source, 0, 2, "its beginning");
  const opened = await (p === 0x50 && k === 0x4b ? openZipForm : openLegacyForm)(source);
  return { metadata: {}, entries: listTensors(opened, within, fileBytes), read };
}
