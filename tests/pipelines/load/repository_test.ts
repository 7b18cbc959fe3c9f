import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "node:path";
import { findSnapshot, hubCache, repositoryFolder, repositoryOf } from "../../../pipelines/load/hub_cache.ts";
import { lastingName, modelFolder } from "../../../pipelines/load/model_folder.ts";
import { fetchCommand, parseRepository, showRepository } from "../../../pipelines/load/repository.ts";
import { UsageError } from "../../../pipelines/usage_error.ts";

const COMMIT = "89abcdef0123456789abcdef0123456789abcdef";

Deno.test("a repository's name is told from an embedded model's and from a path", () => {
  const names: Readonly<Record<string, readonly [string, string]>> = {
    "CompVis/stable-diffusion-v1-4": ["CompVis/stable-diffusion-v1-4", "main"],
    "a/b.c_d@fp16": ["a/b.c_d", "fp16"],
    "a/b@refs/pr/1": ["a/b", "refs/pr/1"],
    [`a/b@${COMMIT}`]: ["a/b", COMMIT],
  };
  for (const [text, [id, revision]] of Object.entries(names)) {
    const repository = parseRepository(text);
    assertEquals(repository, { id, revision }, text);
    assertEquals(showRepository(repository!), text);
  }
  assertEquals(fetchCommand({ id: "a/b", revision: "main" }), "attune fetch a/b");
  assertEquals(fetchCommand({ id: "a/b", revision: "x" }), "attune fetch a/b --revision x");
  const others = ["mini", "./a/b", "../b", "/a/b", "a/b/c", "a/", "a\\b", "a/..", "a/b@../../x", "a/b@", ""];
  for (const text of others) assertEquals(parseRepository(text), null, text);
});

Deno.test("the cache is where tools for the hub have it", () => {
  const cases: readonly [Readonly<Record<string, string>>, string][] = [
    [{ HF_HUB_CACHE: "/c", HF_HOME: "/h", HOME: "/u" }, "/c"],
    [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/h" }, "/old"],
    [{ HF_HOME: "/h", XDG_CACHE_HOME: "/x", HOME: "/u" }, "/h/hub"],
    [{ HF_HOME: "", XDG_CACHE_HOME: "/x", HOME: "/u" }, "/x/huggingface/hub"],
    [{ HOME: "/u" }, "/u/.cache/huggingface/hub"],
    [{ USERPROFILE: "/w" }, "/w/.cache/huggingface/hub"],
  ];
  for (const [variables, folder] of cases) {
    assertEquals(hubCache((name) => variables[name]), join(folder), JSON.stringify(variables));
  }
  assertThrows(() => hubCache(() => undefined), Error, "Cannot find the cache");
});

Deno.test("a revision is found by its branch or commit, and a model by its repository", async () => {
  const here = await Deno.makeTempDir();
  const before = { cache: Deno.env.get("HF_HUB_CACHE"), caller: Deno.env.get("INIT_CWD") };
  Deno.env.set("HF_HUB_CACHE", join(here, "cache"));
  Deno.env.set("INIT_CWD", here);
  try {
    const absent = await assertRejects(() => modelFolder("a/b--c@x"), UsageError);
    assertStringIncludes(absent.message, join(here, "cache"));
    assertStringIncludes(absent.message, ": a/b--c@x; attune fetch a/b--c --revision x downloads it");

    const folder = repositoryFolder(join(here, "cache"), { id: "a/b--c" });
    const snapshot = join(folder, "snapshots", COMMIT);
    await Deno.mkdir(join(folder, "refs/pr"), { recursive: true });
    await Deno.mkdir(snapshot, { recursive: true });
    await Deno.writeTextFile(join(folder, "refs/main"), `${COMMIT}\n`);
    await Deno.writeTextFile(join(folder, "refs/pr/1"), "0".repeat(40));
    for (const revision of ["main", COMMIT]) assertEquals(await findSnapshot(folder, revision), snapshot);
    for (const revision of ["pr/1", "x", "0".repeat(40)]) {
      assertEquals(await findSnapshot(folder, revision), null);
    }
    assertEquals(repositoryOf(snapshot), { id: "a/b--c" });
    assertEquals(repositoryOf(here), null);

    // A snapshot without the file that says what it is was given up on.
    await assertRejects(() => modelFolder("a/b--c"), UsageError, "attune fetch a/b--c downloads it");
    await Deno.writeTextFile(join(snapshot, "model_index.json"), "{}");
    assertEquals(await modelFolder("a/b--c"), snapshot);
    assertEquals(await modelFolder(folder), snapshot);
    assertEquals(await lastingName("a/b--c@main"), "a/b--c@main");

    // A folder of the same name comes first.
    await Deno.mkdir(join(here, "a/b--c"), { recursive: true });
    await assertRejects(() => modelFolder("a/b--c"), UsageError, "no model_index.json: a/b--c");
    assertEquals(await lastingName("a/b--c"), join(here, "a/b--c"));
    assertEquals(await lastingName("./model"), join(here, "model"));
    assertEquals(await lastingName("mini"), "mini");
  } finally {
    restore("HF_HUB_CACHE", before.cache);
    restore("INIT_CWD", before.caller);
    await Deno.remove(here, { recursive: true });
  }
});

function restore(name: string, value: string | undefined): void {
  if (value === undefined) Deno.env.delete(name);
  else Deno.env.set(name, value);
}
