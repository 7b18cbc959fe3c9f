import { assertEquals } from "@std/assert";
import plugin from "../../.ci/layers.ts";

/** The messages about a file of that path and text. */
function lint(path: string, text: string): string[] {
  const filename = decodeURI(new URL(`../../${path}`, import.meta.url).pathname);
  return Deno.lint.runPlugin(plugin, filename, text).map(({ message }) => message);
}

Deno.test("imports downward pass", () => {
  const cases: readonly (readonly [string, string])[] = [
    [
      "lib/engine/ops/matmul.ts",
      `import { a } from "../../core/tensor.ts"; export * from "../../../kernels/gemm.ts";`,
    ],
    ["kernels/gemm.ts", `import { a } from "../lib/core/tensor.ts"; import type { b } from "./kernel.ts";`],
    ["lib/stages/train.ts", `import { a } from "../models/unet.ts"; import { z } from "zod";`],
    ["pipelines/train.ts", `import { a } from "../lib/gpu/runtime.ts"; import process from "node:process";`],
    ["tests/x_test.ts", `import { a } from "../pipelines/train.ts";`],
  ];
  for (const [path, text] of cases) assertEquals(lint(path, text), [], path);
});

Deno.test("imports upward or sideways do not", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["lib/core/tensor.ts", `import { a } from "../engine/graph.ts";`, "lib/engine/graph.ts from core"],
    ["kernels/gemm.ts", `export { a } from "../lib/engine/graph.ts";`, "lib/engine/graph.ts from kernels"],
    ["lib/stages/sample.ts", `import type { a } from "../gpu/runtime.ts";`, "lib/gpu/runtime.ts from stages"],
    ["lib/stages/train.ts", `import { a } from "../methods/mod.ts";`, "lib/methods/mod.ts from stages"],
    ["lib/io/png.ts", `export * from "../nn/scope.ts";`, "lib/nn/scope.ts from io"],
    [
      "lib/models/lora.ts",
      `const a = await import("../../pipelines/train.ts");`,
      "pipelines/train.ts from models",
    ],
    ["lib/io/file.ts", `import { a } from "node:fs";`, "node:fs from io"],
    ["lib/new/file.ts", `import { a } from "../core/tensor.ts";`, "place new"],
  ];
  for (const [path, text, expected] of cases) {
    const messages = lint(path, text);
    assertEquals(messages.length, 1, `${path}: ${messages}`);
    assertEquals(messages[0]!.includes(expected), true, `${path}: ${messages[0]}`);
  }
});

Deno.test("lib and kernels reach no world and keep no state", () => {
  const bad = [
    `Deno.readTextFileSync("a");`,
    `console.log(1);`,
    `const now = Date.now();`,
    `const now = new Date();`,
    `const x = Math.random();`,
    `const t = performance.now();`,
    `const gpu = navigator.gpu;`,
    `const r = fetch("a");`,
    `let count = 0;`,
    `export let count = 0;`,
    `var count = 0;`,
  ];
  for (const text of bad) {
    assertEquals(lint("lib/core/x.ts", text).length, 1, text);
    assertEquals(lint("kernels/x.ts", text).length, 1, text);
    assertEquals(lint("pipelines/x.ts", text), [], text);
  }
});

Deno.test("what only looks impure passes", () => {
  const good = `const a = Math.floor(1); function f() { let b = 1; b += a; return b; } export const c = f();`;
  assertEquals(lint("lib/core/x.ts", good), []);
});
