import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { tensor } from "../../lib/core/tensor.ts";
import { openWeights } from "../../lib/io/open_weights.ts";
import { openSafetensors, streamSafetensors, writeSafetensors } from "../../lib/io/safetensors.ts";
import { readFromMemory, readTensor, readTensors } from "../../lib/io/weights_file.ts";

const tree = {
  "b.weight": tensor([2, 3], [1, -2, 3.5, 0, 65504, 1e-3]),
  "a.bias": tensor([], [0.1]),
  "10": tensor([0, 4], []),
};

Deno.test("what is written is read back", async () => {
  const file = writeSafetensors(tree, { metadata: { prompt: "cat" } });
  const opened = await open(file);
  assertEquals(opened.metadata, { format: "pt", prompt: "cat" });
  assertEquals([...opened.entries.keys()].sort(), ["10", "a.bias", "b.weight"]);
  assertEquals(await readTensors(opened), tree);
  assertEquals(await readTensors(opened, ["a.bias"]), { "a.bias": tree["a.bias"] });
});

Deno.test("the same content gives the same bytes, whatever the order", () => {
  const reversed = Object.fromEntries(Object.entries(tree).reverse());
  assertEquals(
    writeSafetensors(reversed, { metadata: { a: "1", b: "2" } }),
    writeSafetensors(tree, { metadata: { b: "2", a: "1" } }),
  );
});

Deno.test("written piece by piece, it is the same file, and no tensor is asked for before its turn", async () => {
  const shapes = new Map(Object.entries(tree).map(([name, { shape }]) => [name, shape]));
  for (const dtype of ["F32", "F16"] as const) {
    const asked: string[] = [];
    const tensorOf = (name: string) => {
      asked.push(name);
      return Promise.resolve(tree[name as keyof typeof tree]);
    };
    const pieces: Uint8Array[] = [];
    for await (const piece of streamSafetensors(shapes, tensorOf, { dtype })) {
      assertEquals(asked.length, pieces.length);
      pieces.push(piece);
    }
    assertEquals(asked, ["10", "a.bias", "b.weight"]);
    const whole = new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    assertEquals(whole, writeSafetensors(tree, { dtype }));
  }
  const other = () => Promise.resolve(tensor([1], [0]));
  await assertRejects(
    () => Array.fromAsync(streamSafetensors(shapes, other)),
    TypeError,
    "tensor 10 as it has another shape than the header says: [1] where [0, 4] is needed",
  );
});

Deno.test("the header is padded to eight bytes and sorted by name", () => {
  const file = writeSafetensors(tree);
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  assertEquals(length % 8, 0);
  const json = new TextDecoder().decode(file.subarray(8, 8 + length));
  assert(json.startsWith('{"__metadata__":{"format":"pt"},"10":'), json);
  assert(json.indexOf("a.bias") < json.indexOf("b.weight"), json);
  assertEquals(file.length, 8 + length + 7 * 4);
});

Deno.test("F16 rounds to halfs and refuses what does not fit", async () => {
  const file = writeSafetensors(tree, { dtype: "F16" });
  const { data } = await readTensor(await open(file), "b.weight");
  assertEquals([...data], [1, -2, 3.5, 0, 65504, 0.0010004043579101562]);
  assertThrows(
    () => writeSafetensors({ big: tensor([2], [1, 7e4]) }, { dtype: "F16" }),
    RangeError,
    "Cannot write tensor big as F16 as element 1",
  );
});

Deno.test("every supported dtype is read, at any alignment", async () => {
  const opened = await open(file(
    {
      flags: { dtype: "BOOL", shape: [3], data_offsets: [0, 3] },
      f32: { dtype: "F32", shape: [1], data_offsets: [3, 7] },
      ids: { dtype: "I64", shape: [1, 2], data_offsets: [7, 23] },
      f16: { dtype: "F16", shape: [1], data_offsets: [23, 25] },
      bf16: { dtype: "BF16", shape: [1], data_offsets: [25, 27] },
      u8: { dtype: "U8", shape: [1], data_offsets: [27, 28] },
      f64: { dtype: "F64", shape: [1], data_offsets: [28, 36] },
    },
    [1, 0, 1, 0, 0, 0x80, 0x3f, 77, 0, 0, 0, 0, 0, 0, 0, ...Array(8).fill(255), 0, 0x3c, 0x40, 0xc0, 200]
      .concat(
        Array(8).fill(0),
      ),
    "  ",
  ));
  const values = async (name: string) => [...(await readTensor(opened, name)).data];
  assertEquals(await values("flags"), [1, 0, 1]);
  assertEquals(await values("f32"), [1]);
  assertEquals(await values("ids"), [77, -1]);
  assertEquals(await values("f16"), [1]);
  assertEquals(await values("bf16"), [-3]);
  assertEquals(await values("u8"), [200]);
  await assertRejects(() => values("f64"), TypeError, "Cannot read tensor f64 as its dtype is none of");
  await assertRejects(
    () => values("other"),
    RangeError,
    "Cannot read tensor other as the file does not hold it: 7",
  );
});

Deno.test("a broken header is refused, naming the tensor", async () => {
  const a = { dtype: "U8", shape: [4], data_offsets: [0, 4] };
  const cases: readonly [Record<string, unknown>, number, string][] = [
    [{ a: { ...a, shape: [5] } }, 4, "tensor a of shape [5] and dtype U8 needs 5 bytes: found 4 bytes"],
    [{ a: { ...a, dtype: "Q4" } }, 4, 'tensor a has an unknown dtype: found "Q4"'],
    [{ a: { ...a, shape: [-4] } }, 4, "tensor a has no valid shape"],
    [{ a: { ...a, data_offsets: [0, 4.5] } }, 4, "tensor a has no valid data_offsets"],
    [{ a: 3 }, 4, "tensor a has no record"],
    [{ a, b: { ...a, data_offsets: [2, 6] } }, 6, "tensor b overlaps tensor a"],
    [{ a, b: { ...a, data_offsets: [5, 9] } }, 9, "1 bytes before tensor b belong to none"],
    [{ a }, 3, "tensor a is truncated"],
    [{ a }, 6, "2 bytes after tensor a belong to no tensor"],
    [{ a: { ...a, shape: [2 ** 53] } }, 4, "tensor a has no valid shape: found [9007199254740992]"],
    [
      { a: { ...a, shape: [2 ** 52, 2 ** 52, 2 ** 52, 16] } },
      4,
      "tensor a has more elements than any file holds",
    ],
    [{ a: { ...a, shape: [...Array(99).fill(2 ** 52), 0] } }, 4, "4503599627370496, … 100 in all]"],
    [{ a: { ...a, data_offsets: [4, 0] } }, 4, "needs 4 bytes: found -4 bytes"],
    [{ "a\nb": 3 }, 4, 'tensor "a\\nb" has no record in the header: found 3;'],
    [{ ["a".repeat(1000)]: 3 }, 4, `tensor ${"a".repeat(120)}… has no record`],
    [{ __metadata__: { n: 1 }, a }, 4, "its __metadata__ is not a record of strings"],
  ];
  for (const [header, bytes, message] of cases) {
    const error = await assertRejects(() => open(file(header, Array(bytes).fill(0))), SyntaxError);
    assertStringIncludes(error.message, message);
  }
});

Deno.test("a header that could be read in two ways is refused", async () => {
  const a = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
  const cases: readonly [string, string][] = [
    [`{"a":${a},"a":${a}}`, "the key a is there twice"],
    [`{"a":${a},"\\u0061" :${a}}`, "the key a is there twice"],
    ['{"a":{"dtype":"U8","dtype":"F32","shape":[0],"data_offsets":[0,0]}}', "the key dtype is there twice"],
    ['{"__metadata__":{"b":"1","b":"2"}}', "the key b is there twice"],
    [`{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`, "records lie more than 3 deep at letter 7"],
    [`{"a":${a}`, "its header is not JSON"],
    ['{"a', "its header is not JSON"],
  ];
  for (const [json, message] of cases) {
    const error = await assertRejects(() => open(fileOf(json)), SyntaxError);
    assertStringIncludes(error.message, message);
    assertEquals(error.message.split("\n").length, 1, error.message);
  }
});

Deno.test("names of JavaScript's own are names like any other", async () => {
  const entry = (name: string, at: number) =>
    `"${name}":{"dtype":"U8","shape":[1],"data_offsets":[${at},${at + 1}]}`;
  const names = ["__proto__", "constructor", "toString", ""];
  const tree = await readTensors(await open(fileOf(`{${names.map(entry).join(",")}}`, [7, 8, 9, 10])));
  assertEquals(Object.keys(tree), names);
  assertEquals(Object.values(tree).map(({ data }) => data[0]), [7, 8, 9, 10]);
});

Deno.test("a pointer of Git LFS is told from a damaged file", async () => {
  const pointer = new TextEncoder().encode(
    "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n",
  );
  const open = () => openWeights(readFromMemory(pointer), pointer.length);
  await assertRejects(open, SyntaxError, "git lfs pull brings the file itself");
});

Deno.test("what is no safetensors file is refused", async () => {
  await assertRejects(() => open(new Uint8Array(3)), SyntaxError, "it ends after 3 bytes");
  await assertRejects(() => open(new Uint8Array(16).fill(0x7f)), SyntaxError, "longer than 100000000 bytes");
  await assertRejects(() => open(Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 0)), SyntaxError, "runs past the end");
  await assertRejects(
    () => open(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 91, 93)),
    SyntaxError,
    "does not begin with {",
  );
  await assertRejects(() => open(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 123, 93)), SyntaxError, "is not JSON");
});

Deno.test("a file cut after its header was read names the tensor", async () => {
  const whole = writeSafetensors(tree);
  const opened = await openSafetensors(readFromMemory(whole.subarray(0, whole.length - 1)), whole.length);
  await assertRejects(
    () => readTensor(opened, "b.weight"),
    SyntaxError,
    "b.weight as the file ends inside it: 23 of 24",
  );
});

Deno.test("tensors are read one by one, each where it lies", async () => {
  const whole = writeSafetensors(tree);
  const reads: number[] = [];
  const read = readFromMemory(whole);
  const opened = await openSafetensors((offset, length) => {
    reads.push(length);
    return read(offset, length);
  }, whole.length);
  assertEquals(reads.length, 2);
  await readTensor(opened, "b.weight");
  assertEquals(reads.slice(2), [24]);
});

function open(bytes: Uint8Array) {
  return openSafetensors(readFromMemory(bytes), bytes.length);
}

function file(header: Record<string, unknown>, data: readonly number[], padding = ""): Uint8Array {
  return fileOf(JSON.stringify(header) + padding, data);
}

function fileOf(header: string, data: readonly number[] = []): Uint8Array {
  const json = new TextEncoder().encode(header);
  const out = new Uint8Array(8 + json.length + data.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(json.length), true);
  out.set(json, 8);
  out.set(data, 8 + json.length);
  return out;
}
