import { assert, assertEquals, assertThrows } from "@std/assert";
import { families, writeKernels } from "../../pipelines/kernel/families.ts";
import { UsageError } from "../../pipelines/usage_error.ts";

const software = { target: { software: true } };

Deno.test("writeKernels: each example is a kernel of that name", () => {
  for (const { example } of Object.values(families)) {
    const [name, ...shapes] = example.split(" ");
    const [kernel] = writeKernels(name!, shapes.join(" "), software);
    assert(kernel!.code.includes("fn main("), example);
    const plain = (text: string) => text.replace(/x(?=\d)|, /g, "x").replace(/[[\]]/g, "");
    assertEquals(plain(kernel!.name), plain(example));
  }
});

Deno.test("writeKernels: a tile and a target are written for", () => {
  const tile = { rows: 4, columns: 8, lanesX: 2, lanesY: 4 };
  const [kernel] = writeKernels("matmul_nn", "64x64x64", { ...software, tile });
  assert(kernel!.code.includes("@workgroup_size(8)") && kernel!.code.includes("c3_1"), kernel!.code);
  assert(!kernel!.code.includes("c4_0"), kernel!.code);
  const [hardware] = writeKernels("matmul_nn", "64x64x64", { target: { software: false } });
  assert(hardware!.code.includes("@workgroup_size(64)"), hardware!.code);
});

Deno.test("writeKernels: mistakes are named", () => {
  assertThrows(() => writeKernels("matmil_nn", "4x4x4", software), UsageError, "did you mean matmul_nn");
  assertThrows(() => writeKernels("matmul_nn", "4x4", software), UsageError, "matmul_nn 4096x320x320");
  assertThrows(() => writeKernels("elementwise", "frob 4x4", software), UsageError, "frob");
});
