import { assertEquals } from "@std/assert";
import * as attune from "../mod.ts";

Deno.test("the module has the stages, the method, the engine, the runtimes and loading", () => {
  const wanted = [
    ...["sample", "score", "critique", "update", "reset", "train", "prepare", "methodOf", "initialState"],
    ...["trace", "grad", "valueAndGrad", "compile", "checkpoint", "interpreter"],
    ...["openGpu", "gpuRuntime", "loadPipeline", "openTraining", "tensor", "words", "key", "fold"],
  ];
  const exported: Readonly<Record<string, unknown>> = attune;
  const missing = wanted.filter((name) => typeof exported[name] !== "function");
  assertEquals(missing, []);
});

Deno.test("importing the module asks for no permission", async () => {
  const args = ["run", "--no-prompt", "--quiet", "--no-check", new URL("../mod.ts", import.meta.url).href];
  const { success, stderr } = await new Deno.Command("deno", { args }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assertEquals(success, true);
});
