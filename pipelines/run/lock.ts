/**
 * Locks on folders, so that two processes do not write one run.
 *
 * @module
 */

import { join } from "node:path";
import { UsageError } from "../usage_error.ts";

/**
 * Holds a folder until what is returned is disposed of, or the process ends, however it does.
 *
 * @throws {UsageError} If another process holds it.
 */
export async function lockFolder(path: string): Promise<Disposable> {
  const file = await Deno.open(join(path, ".lock"), { write: true, create: true });
  if (await file.tryLock(true)) return file;
  file.close();
  throw new UsageError(`Cannot write ${path} as another process does: wait for it, or end it`);
}
