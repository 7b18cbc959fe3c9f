import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { interpreter } from "../../../lib/engine/mod.ts";
import {
  type FetchContext,
  fetchRepository,
  type FetchRequest,
} from "../../../pipelines/fetch/fetch_repository.ts";
import { modelFolder } from "../../../pipelines/load/model_folder.ts";
import { loadPipeline } from "../../../pipelines/load_pipeline.ts";
import { UsageError } from "../../../pipelines/usage_error.ts";
import { UNET_FILE, withTinyModel } from "../tiny_model.ts";
import { COMMIT, type FakeHub, type Faults, gitHashOf, withFakeHub } from "./fake_hub.ts";

const ID = "someone/tiny-diffusion_v1.4";
const NEEDED = [
  "model_index.json",
  "scheduler/scheduler_config.json",
  "text_encoder/config.json",
  "text_encoder/model.safetensors",
  "tokenizer/merges.txt",
  "tokenizer/tokenizer_config.json",
  "tokenizer/vocab.json",
  "unet/config.json",
  UNET_FILE,
  "vae/config.json",
  "vae/diffusion_pytorch_model.safetensors",
];

/** What a test works with. */
interface Bench {
  readonly hub: FakeHub;
  readonly cache: string;
  /** The model's folder that the hub's files are from. */
  readonly model: string;
  /** What was told of the download. */
  readonly events: string[];
  /** Downloads the repository. */
  readonly fetch: (request?: Partial<FetchRequest>, ctx?: Partial<FetchContext>) => Promise<string>;
}

/** Serves a tiny model, with a checkpoint in another format beside it. */
function bench(faults: Faults, use: (bench: Bench) => Promise<void>): Promise<void> {
  return withTinyModel(async (model, folder) => {
    const files: Record<string, Uint8Array<ArrayBuffer>> = {
      "README.md": new Uint8Array(3),
      "v1.ckpt": new Uint8Array(3),
    };
    for (const path of NEEDED) files[path] = await Deno.readFile(join(model, path));
    await withFakeHub({ id: ID, files, faults }, async (hub) => {
      const cache = join(folder, "cache");
      const events: string[] = [];
      const fetch: Bench["fetch"] = (request = {}, ctx = {}) =>
        fetchRepository(
          {
            repository: { id: ID, revision: "main" },
            variant: null,
            token: null,
            hub: hub.url,
            cache,
            ...request,
          },
          {
            done: (path) => events.push(path),
            progress: () => {},
            signal: new AbortController().signal,
            pause: (ms) => Promise.resolve(void events.push(`pause ${ms}`)),
            ...ctx,
          },
        );
      await use({ hub, cache, model, events, fetch });
    });
  }, { rewards: false });
}

/** The repository's folder in the cache. */
const repositoryIn = (cache: string) => join(cache, `models--${ID.replace("/", "--")}`);

async function pathsBelow(folder: string, prefix = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    paths.push(
      ...isDirectory ? await pathsBelow(join(folder, name), `${prefix}${name}/`) : [`${prefix}${name}`],
    );
  }
  return paths.sort();
}

async function refusal(fetch: Promise<unknown>): Promise<string> {
  const { message } = await assertRejects(() => fetch, Error);
  assertMatch(message, /^Cannot [^\n]*: [^\n]*$/);
  return message;
}

Deno.test("what a model needs comes into the shared cache, and the model loads by its name", async () => {
  await bench({}, async ({ hub, cache, fetch, events, model }) => {
    const snapshot = await fetch({ token: "hf_secret" });
    const repository = repositoryIn(cache);
    assertEquals(snapshot, join(repository, "snapshots", COMMIT));
    assertEquals(await pathsBelow(snapshot), NEEDED.toSorted());
    assertEquals([...events].sort(), NEEDED.toSorted());
    assertEquals(await Deno.readTextFile(join(repository, "refs/main")), COMMIT);
    const index = await Deno.readFile(join(model, "model_index.json"));
    assertEquals(
      await Deno.readLink(join(snapshot, "model_index.json")),
      join("../../blobs", gitHashOf(index)),
    );
    assertEquals((await pathsBelow(join(repository, "blobs"))).filter((name) => /\D{3}\./.test(name)), []);
    assertEquals([...hub.tokens.hub], ["Bearer hf_secret"]);
    assertEquals([...hub.tokens.storage], [null], "the token went to the storage");

    const { hash } = await loadPipeline(interpreter(), model);
    const homes = { HF_HUB_CACHE: cache };
    await withVariables(homes, async () => {
      for (const name of [ID, `${ID}@main`, `${ID}@${COMMIT}`, repository, snapshot]) {
        assertEquals(await modelFolder(name), snapshot, name);
      }
      assertEquals((await loadPipeline(interpreter(), await modelFolder(ID))).hash, hash);
    });
    const asked = hub.log.length;
    await fetch();
    assertEquals(hub.log.length, asked, "files that are there were fetched again");
    await Deno.remove(join(snapshot, UNET_FILE));
    assertStringIncludes(
      (await assertRejects(() => loadPipeline(interpreter(), snapshot), UsageError)).message,
      `attune fetch ${ID} downloads what is missing`,
    );
  });
});

Deno.test("a broken connection goes on where it was, and so does a command that was given up", async () => {
  const after = 1000;
  await bench(
    { broken: { path: UNET_FILE, after, times: 2 } },
    async ({ fetch, hub, events, cache, model }) => {
      await fetch();
      const asked = hub.log.filter((entry) => entry.startsWith(UNET_FILE) && !entry.endsWith("=0-0"));
      assertEquals(asked, [UNET_FILE, `${UNET_FILE} bytes=${after}-`, `${UNET_FILE} bytes=${2 * after}-`]);
      assertEquals(events.filter((event) => event.startsWith("pause")), ["pause 1000", "pause 1000"]);
      await assertSame(cache, model);
    },
  );
  await bench(
    { broken: { path: UNET_FILE, after: 0, times: 5 } },
    async ({ fetch, events, cache, model, hub }) => {
      assertStringIncludes(await refusal(fetch()), `${UNET_FILE} as the connection failed 5 times, at 0 of `);
      const pauses = [1000, 2000, 4000, 8000].map((ms) => `pause ${ms}`);
      assertEquals(events.filter((event) => event.startsWith("pause")), pauses);
      await putPart(cache, model, (bytes) => bytes.slice(0, 77));
      await fetch();
      assertEquals(hub.log.at(-1), `${UNET_FILE} bytes=77-`);
      await assertSame(cache, model);
    },
  );
});

Deno.test("a part that is too long, or a server that knows no ranges, begins anew", async () => {
  await bench(
    { noRanges: true, broken: { path: UNET_FILE, after: 1000, times: 1 } },
    async ({ fetch, cache, model }) => {
      await fetch();
      await assertSame(cache, model);
    },
  );
  await bench({}, async ({ fetch, cache, model }) => {
    await putPart(cache, model, (bytes) => new Uint8Array(bytes.length + 1));
    await fetch();
    await assertSame(cache, model);
  });
});

Deno.test("content with another hash is not kept, be it in large file storage or not", async () => {
  const faults: readonly [string, Faults][] = [
    [UNET_FILE, { damaged: UNET_FILE }],
    [UNET_FILE, { oversized: UNET_FILE }],
    ["unet/config.json", { damaged: "unet/config.json" }],
  ];
  for (const [damaged, fault] of faults) {
    await bench(fault, async ({ fetch, cache }) => {
      const message = await refusal(fetch());
      assertStringIncludes(message, `Cannot keep ${damaged} as its content is damaged: `);
      const blobs = await pathsBelow(join(repositoryIn(cache), "blobs"));
      assertEquals(blobs.filter((name) => name.endsWith(".incomplete")), []);
      assertEquals(
        (await pathsBelow(join(repositoryIn(cache), "snapshots"))).some((p) => p.endsWith(damaged)),
        false,
      );
    });
  }
  // What was there before is wrong, not what comes.
  await bench({}, async ({ fetch, cache, model }) => {
    await putPart(cache, model, (bytes) => bytes.slice(0, 50).fill(7));
    assertStringIncludes(await refusal(fetch()), "the same command fetches it anew");
    await fetch();
    await assertSame(cache, model);
  });
});

Deno.test("a hash that is none does not become a file's name", async () => {
  for (const hash of ["../../../../escaped", "", "A".repeat(40)]) {
    await bench({ misnamed: { path: "unet/config.json", hash } }, async ({ fetch }) => {
      assertStringIncludes(await refusal(fetch()), `the hub names no hash: "${hash}"`);
    });
  }
});

Deno.test("a link to what is gone is made anew", async () => {
  await bench({}, async ({ fetch, cache, model }) => {
    await fetch();
    await Deno.remove(await unetBlob(cache, model));
    await fetch();
    await assertSame(cache, model);
  });
});

Deno.test("stopping leaves what came for the next time", async () => {
  await bench(
    { broken: { path: UNET_FILE, after: 1000, times: 1 } },
    async ({ fetch, cache, model, hub }) => {
      const stop = new AbortController();
      const pause = () => {
        stop.abort();
        return Promise.reject(stop.signal.reason);
      };
      await assertRejects(() => fetch({}, { signal: stop.signal, pause }), DOMException);
      await fetch();
      assertEquals(hub.log.at(-1), `${UNET_FILE} bytes=1000-`);
      await assertSame(cache, model);
    },
  );
});

Deno.test("what the hub refuses is one line that says what to do", async () => {
  const cases: readonly [Faults["refusal"] & object, string][] = [
    [{ status: 404, code: "RepoNotFound" }, "there is no such repository, or it is private: http"],
    [{ status: 401, code: "RepoNotFound" }, "there is no such repository, or it is private: http"],
    [{ status: 404, code: "RevisionNotFound" }, "it has no such revision: main"],
    [{ status: 403, code: "GatedRepo" }, "put an access token into HF_TOKEN"],
    [{ status: 418 }, "answers: 418"],
    [{ status: 503 }, "answers 503"],
  ];
  for (const [refused, expected] of cases) {
    await bench({ refusal: refused }, async ({ fetch }) => {
      const message = await refusal(fetch());
      assertStringIncludes(message, `Cannot fetch ${ID} as `);
      assertStringIncludes(message, expected);
    });
  }
  await bench({ refusal: { status: 403 } }, async ({ fetch }) => {
    assertStringIncludes(await refusal(fetch({ token: "hf_secret" })), "use a token of the same account");
    const nobody = await refusal(fetch({ hub: closedAddress() }));
    assertMatch(nobody, /127\.0\.0\.1:\d+ cannot be reached: .*refused.*; HF_ENDPOINT names a mirror$/);
  });
});

Deno.test("a repository that is no such model is refused before its weights come", async () => {
  await bench({}, async ({ fetch, hub }) => {
    assertStringIncludes(
      await refusal(fetch({ variant: "fp16" })),
      `${ID} as it has no text_encoder/model.fp16.safetensors: there are text_encoder/model.safetensors; --variant takes`,
    );
    assertEquals(hub.log, []);
  });
  await withTinyModel(async (model, folder) => {
    const files = Object.fromEntries(
      await Promise.all(NEEDED.map(async (path) => [path, await Deno.readFile(join(model, path))] as const)),
    );
    files["model_index.json"] = new TextEncoder().encode('{"_class_name":"StableDiffusionXLPipeline"}');
    await withFakeHub({ id: ID, files }, async (hub) => {
      const fetch = fetchRepository(
        {
          repository: { id: ID, revision: "main" },
          variant: null,
          token: null,
          hub: hub.url,
          cache: join(folder, "c"),
        },
        {
          done: () => {},
          progress: () => {},
          signal: new AbortController().signal,
          pause: () => Promise.resolve(),
        },
      );
      assertStringIncludes(await refusal(fetch), "not of the kind StableDiffusionPipeline");
      assertEquals(hub.log.some((entry) => entry.startsWith("unet")), false);
    });
  }, { rewards: false });
});

Deno.test("a full disk is named, and what is there stays", async () => {
  await bench({}, async ({ fetch, cache, model }) => {
    await putPart(cache, model, (bytes) => bytes.slice(0, 77));
    const { write } = Deno.FsFile.prototype;
    const big = (await Deno.stat(join(model, UNET_FILE))).size;
    Deno.FsFile.prototype.write = function (bytes) {
      const isFull = (this.statSync().size + bytes.length) === big;
      return isFull
        ? Promise.reject(new Error("No space left on device (os error 28)"))
        : write.call(this, bytes);
    };
    try {
      const message = await refusal(fetch());
      assertStringIncludes(message, `Cannot write ${UNET_FILE}, ${big} bytes: No space left on device`);
    } finally {
      Deno.FsFile.prototype.write = write;
    }
    await fetch();
    await assertSame(cache, model);
  });
});

/** An address where nobody listens. */
function closedAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${listener.addr.port}`;
}

/** Where the cache has the UNet's weights. */
async function unetBlob(cache: string, model: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(join(model, UNET_FILE)));
  return join(repositoryIn(cache), "blobs", new Uint8Array(digest).toHex());
}

/** Leaves a part of the UNet's weights, as a download does that was given up. */
async function putPart(
  cache: string,
  model: string,
  part: (whole: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
): Promise<void> {
  const blob = await unetBlob(cache, model);
  await Deno.mkdir(join(blob, ".."), { recursive: true });
  await Deno.writeFile(`${blob}.incomplete`, part(await Deno.readFile(join(model, UNET_FILE))));
}

/** Asserts that the UNet's weights came whole. */
async function assertSame(cache: string, model: string): Promise<void> {
  const path = join(repositoryIn(cache), "snapshots", COMMIT, UNET_FILE);
  assertEquals(await Deno.readFile(path), await Deno.readFile(join(model, UNET_FILE)));
}

/** Runs something with environment variables set. */
async function withVariables(
  values: Readonly<Record<string, string>>,
  use: () => Promise<void>,
): Promise<void> {
  const before = Object.keys(values).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(values)) Deno.env.set(name, value);
  try {
    await use();
  } finally {
    for (const [name, value] of before) {
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    }
  }
}
