/**
 * A server on this machine that answers as the Hugging Face hub does, for one repository: small files come from itself, those in
 * large file storage from another server, to which it redirects.
 * @module
 */

import { createHash } from "node:crypto";

/** The one commit of the repository. */
export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** What goes wrong. */
export interface Faults {
  /** The path whose content breaks off. */
  readonly broken?: { readonly path: string; readonly after: number; readonly times: number };
  /** The path whose content has another first byte than its hash says. */
  readonly damaged?: string;
  /** The path whose content is longer than its listing says. */
  readonly oversized?: string;
  /** The path whose listing names this in place of a hash. */
  readonly misnamed?: { readonly path: string; readonly hash: string };
  /** Whether parts of files cannot be asked for. */
  readonly noRanges?: boolean;
  /** What every question is answered with. */
  readonly refusal?: { readonly status: number; readonly code?: string };
}

/** The server. */
export interface FakeHub {
  /** Its address. */
  readonly url: string;
  /** What was asked for, in order: `GET /path bytes=5-`. */
  readonly log: readonly string[];
  /** The headers `Authorization` that came to the hub, and those that came to the other server. */
  readonly tokens: { readonly hub: ReadonlySet<string | null>; readonly storage: ReadonlySet<string | null> };
}

/** Runs something beside such a server. */
export async function withFakeHub<T>(
  { id, files, faults = {} }: {
    readonly id: string;
    readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
    readonly faults?: Faults;
  },
  use: (hub: FakeHub) => Promise<T>,
): Promise<T> {
  const log: string[] = [];
  const tokens = { hub: new Set<string | null>(), storage: new Set<string | null>() };
  let breaks = faults.broken?.times ?? 0;
  const isLarge = (path: string) => path.endsWith(".safetensors");

  const content = (path: string, request: Request): Response => {
    const whole = new Uint8Array(files[path]!.length + Number(faults.oversized === path));
    whole.set(files[path]!);
    if (faults.damaged === path) whole[0]! ^= 1;
    const range = request.headers.get("Range");
    log.push(`${path}${range === null ? "" : ` ${range}`}`);
    const [, from = "0", to = ""] = faults.noRanges || range === null ? [] : /bytes=(\d+)-(\d*)/.exec(range)!;
    const part = whole.slice(Number(from), to === "" ? undefined : Number(to) + 1);
    const isPart = part.length !== whole.length;
    const headers = {
      ETag: `"${hashOf(whole)}"`,
      // The size of the whole is told in any case, as the probe for it would fail otherwise.
      "Content-Range": `bytes ${from}-${Number(from) + part.length - 1}/${whole.length}`,
    };
    const { broken } = faults;
    const isProbe = to !== "";
    if (broken?.path === path && !isProbe && breaks > 0) {
      breaks--;
      return new Response(breakingOff(part.slice(0, broken.after)), {
        status: isPart ? 206 : 200,
        headers: { ...headers, "Content-Length": String(part.length) },
      });
    }
    return new Response(part, { status: isPart ? 206 : 200, headers });
  };

  const storage = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    tokens.storage.add(request.headers.get("Authorization"));
    return content(decodeURIComponent(new URL(request.url).pathname.slice(1)), request);
  });
  const hub = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { refusal } = faults;
    if (refusal !== undefined) {
      const headers = new Headers(refusal.code === undefined ? {} : { "X-Error-Code": refusal.code });
      return new Response("no", { status: refusal.status, headers });
    }
    tokens.hub.add(request.headers.get("Authorization"));
    const { pathname, searchParams, origin } = new URL(request.url);
    if (pathname === `/api/models/${id}/revision/main`) return Response.json({ id, _id: "1", sha: COMMIT });
    if (pathname === `/api/models/${id}/tree/${COMMIT}`) {
      const entries = listing(files, isLarge, faults);
      const half = Math.ceil(entries.length / 2);
      if (searchParams.has("cursor")) return Response.json(entries.slice(half));
      const next = `<${origin}${pathname}?cursor=1>; rel="next"`;
      return Response.json(entries.slice(0, half), { headers: { Link: next } });
    }
    const path = decodeURIComponent(pathname.slice(`/${id}/resolve/${COMMIT}/`.length));
    if (!pathname.startsWith(`/${id}/resolve/${COMMIT}/`) || files[path] === undefined) {
      return new Response("no", { status: 404, headers: { "X-Error-Code": "EntryNotFound" } });
    }
    if (isLarge(path)) return Response.redirect(`http://127.0.0.1:${storage.addr.port}/${path}`, 302);
    return content(path, request);
  });
  try {
    return await use({ url: `http://127.0.0.1:${hub.addr.port}`, log, tokens });
  } finally {
    await hub.shutdown();
    await storage.shutdown();
  }
}

/** The files' entries in the listing, with two folders and a file that nobody needs. */
function listing(
  files: Readonly<Record<string, Uint8Array>>,
  isLarge: (path: string) => boolean,
  { misnamed }: Faults,
): object[] {
  const entries = Object.entries(files).map(([path, bytes]) => ({
    type: "file",
    path,
    size: bytes.length,
    oid: misnamed?.path === path ? misnamed.hash : gitHashOf(bytes),
    ...isLarge(path) && { lfs: { oid: hashOf(bytes), size: bytes.length, pointerSize: 130 } },
  }));
  const folder = (path: string) => ({ type: "directory", path, size: 0, oid: COMMIT });
  return [folder("unet"), ...entries, folder("vae"), {
    type: "file",
    path: "safety_checker/model.safetensors",
    size: 1_216_000_000,
    oid: COMMIT,
    lfs: { oid: "0".repeat(64), size: 1_216_000_000, pointerSize: 135 },
  }];
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The name that git gives a file of this content. */
export function gitHashOf(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** A body of no known length: shorter than its header says, it ends with the connection instead of in good order. */
function breakingOff(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(bytes.length === 0 ? [] : [bytes]);
}
