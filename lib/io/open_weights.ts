/**
 * Opens a file of weights, whichever format it has.
 * @module
 */

import { openSafetensors } from "./safetensors.ts";
import { openTorchFile, type TorchFileOptions } from "./torch_file.ts";
import type { ReadBytes, WeightsFile } from "./weights_file.ts";

/**
 * Opens a safetensors or torch file. What it holds decides, not what it is called.
 *
 * @param read Gives the bytes of the file.
 * @param fileBytes Length of the file in bytes.
 * @param options Where a torch file has its tensors; safetensors files have no such places.
 * @throws {SyntaxError} As {@linkcode openSafetensors} and {@linkcode openTorchFile} do.
 */
export async function openWeights(
  read: ReadBytes,
  fileBytes: number,
  options: TorchFileOptions = {},
): Promise<WeightsFile> {
  const head = await read(0, Math.min(HEAD_BYTES, fileBytes));
  if (new TextDecoder().decode(head.subarray(0, -1)) === LFS_POINTER) {
    throw new SyntaxError(
      `Cannot read a file of weights as it is Git LFS's pointer to one: found ${fileBytes} bytes; ` +
        "git lfs pull brings the file itself",
    );
  }
  return isTorchFile(head)
    ? await openTorchFile(read, fileBytes, options)
    : await openSafetensors(read, fileBytes);
}

/** The length of a safetensors header, and the brace that it begins with. */
const HEAD_BYTES = 9;
const BRACE = 0x7b;
/** How the text begins that Git leaves in the place of a large file. */
const LFS_POINTER = "version ";
/** The first opcode of a pickle. */
const PROTO = 0x80;

function isTorchFile([first, second, ...others]: Uint8Array): boolean {
  const isZip = first === 0x50 && second === 0x4b;
  return (isZip || first === PROTO) && others.at(-1) !== BRACE;
}
