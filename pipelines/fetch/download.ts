/**
 * Downloads one file so that nothing is lost and nothing wrong is kept.
 *
 * The client library of the hub reads files as blobs, and writes one to the cache from its first byte to its last,
 * unchecked: a connection that breaks after 3 of 3.4 GB costs all 3. Here what came stays in `PATH.incomplete`, as
 * `huggingface_hub` leaves it; the next attempt, in this process or a later one, asks for the rest; and only a file whose
 * hash is right comes to its place.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { exists } from "../files.ts";
import { ConnectionError } from "./connection_error.ts";

/** A file of a server. */
export interface RemoteFile {
  /** Its path in the repository, for messages. */
  readonly path: string;
  /** Its size. */
  readonly bytes: number;
  /** The hash of its content: SHA-256, or the SHA-1 that git names a file by; in hexadecimal. */
  readonly hash: { readonly kind: "sha256" | "git"; readonly value: string };
  /**
   * Asks for it from a byte on.
   *
   * @throws {ConnectionError} If that may go better another time.
   */
  readonly open: (from: number) => Promise<Response>;
}

/** What a download reports to, and how it waits. */
export interface DownloadOptions {
  /** Told how many bytes of the file are there. */
  readonly progress: (bytes: number) => void;
  /** Waits before another attempt. */
  readonly pause: (ms: number) => Promise<void>;
}

/** Attempts in a row that brought nothing, after which it is given up. */
const ATTEMPTS = 5;

/** Milliseconds before the second attempt; twice as many before each other one. */
const PAUSE = 1000;

/**
 * Downloads a file, or the rest of it, to a path.
 *
 * @throws {Error} If the connection fails for good, the disk is full, or the content is not what it should be, which is deleted
 * then; the message says what to do.
 */
export async function download(file: RemoteFile, path: string, options: DownloadOptions): Promise<void> {
  const aside = `${path}.incomplete`;
  using part = await Deno.open(aside, { read: true, write: true, create: true });
  await part.lock(true);
  // Another process may have brought it while this one waited.
  if (await exists(path)) return;
  const written = await writeAll(file, part, options);
  if (written !== file.hash.value) {
    await Deno.remove(aside);
    throw new Error(
      `Cannot keep ${file.path} as its content is damaged: ${file.hash.kind} ${written} instead of ` +
        `${file.hash.value}; the same command fetches it anew`,
    );
  }
  await part.sync();
  await Deno.rename(aside, path);
}

/** Writes what is missing, over as many attempts as it takes; returns the hash of the whole. */
async function writeAll(
  file: RemoteFile,
  part: Deno.FsFile,
  { progress, pause }: DownloadOptions,
): Promise<string> {
  let { hash, bytes } = await readPart(file, part);
  for (let failures = 0; bytes < file.bytes;) {
    const before = bytes;
    try {
      const response = await file.open(bytes);
      // A server that knows no ranges sends everything.
      if (bytes > 0 && response.status !== 206) ({ hash, bytes } = await startAnew(file, part));
      for await (const chunk of chunksOf(response)) {
        await write(file, part, chunk);
        hash.update(chunk);
        progress(bytes += chunk.length);
        // Too much is damage, which the hash tells.
        if (bytes > file.bytes) break;
      }
      if (bytes < file.bytes) throw new ConnectionError(`it ended after ${bytes} of ${file.bytes} bytes`);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      failures = bytes > before ? 1 : failures + 1;
      if (failures === ATTEMPTS) {
        throw new Error(
          `Cannot fetch ${file.path} as the connection failed ${ATTEMPTS} times, at ${bytes} of ${file.bytes} bytes: ` +
            `${error.message}; the same command goes on from there`,
          { cause: error },
        );
      }
      await pause(PAUSE * 2 ** (failures - 1));
    }
  }
  return hash.digest("hex");
}

/** What of the file is there already, hashed, with the next byte to be written behind it. */
async function readPart(file: RemoteFile, part: Deno.FsFile): Promise<{ hash: Hash; bytes: number }> {
  const hash = hashOf(file);
  const chunk = new Uint8Array(1 << 20);
  let bytes = 0;
  for (let n = await part.read(chunk); n !== null; n = await part.read(chunk)) {
    hash.update(chunk.subarray(0, n));
    bytes += n;
  }
  return bytes > file.bytes ? await startAnew(file, part) : { hash, bytes };
}

async function startAnew(file: RemoteFile, part: Deno.FsFile): Promise<{ hash: Hash; bytes: number }> {
  await part.truncate(0);
  await part.seek(0, Deno.SeekMode.Start);
  return { hash: hashOf(file), bytes: 0 };
}

function hashOf({ hash, bytes }: RemoteFile): Hash {
  return hash.kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${bytes}\0`);
}

async function write({ path, bytes }: RemoteFile, part: Deno.FsFile, chunk: Uint8Array): Promise<void> {
  try {
    for (let offset = 0; offset < chunk.length;) offset += await part.write(chunk.subarray(offset));
  } catch (cause) {
    throw new Error(
      `Cannot write ${path}, ${bytes} bytes: ${
        (cause as Error).message
      }; with room on the disk, or with HF_HOME on ` +
        "another, the same command goes on",
      { cause },
    );
  }
}

/** The pieces of a response. */
async function* chunksOf({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  try {
    yield* body;
  } catch (cause) {
    if (cause instanceof DOMException) throw cause;
    throw new ConnectionError((cause as Error).message, { cause });
  }
}
