import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openWeights } from "../../lib/io/open_weights.ts";
import { openTorchFile, type TorchFileOptions } from "../../lib/io/torch_file.ts";
import { readFromMemory, readStored, readTensor, readTensors } from "../../lib/io/weights_file.ts";
import { below, goldenRecord, goldenTensors } from "../golden_files.ts";
import {
  dictionary,
  join,
  latin,
  pickleOf,
  tensorOf,
  type TensorPlace,
  torchLegacy,
  torchZip,
  tuple,
  word,
  zipOf,
} from "./torch_writer.ts";

const DTYPES: Readonly<Record<string, string>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  uint8: "U8",
  bool: "BOOL",
};

interface Golden {
  readonly files: Readonly<Record<string, { dtypes: Record<string, string>; within?: string[] }>>;
}

Deno.test("files of PyTorch hold what PyTorch put there", async () => {
  const expected = await goldenTensors("torch_files");
  const { files } = await goldenRecord<Golden>("torch_files");
  for (const [name, { dtypes, within = [] }] of Object.entries(files)) {
    const bytes = await Deno.readFile(new URL(`../golden/torch_${name}.bin`, import.meta.url));
    const file = await openWeights(readFromMemory(bytes), bytes.length, { within });
    assertEquals(await readTensors(file), below(expected, `${name}.`), name);
    for (const [tensor, dtype] of Object.entries(dtypes)) {
      assertEquals(file.entries.get(tensor)!.dtype, DTYPES[dtype], `${name}: ${tensor}`);
      assertEquals((await readStored(file, tensor)).dtype, dtype === "float16" ? "f16" : "f32");
    }
  }
});

Deno.test("archives past 4 GB and streamed ones have their numbers elsewhere", async () => {
  const pickle = pickleOf(dictionary({ w: tensorOf() }));
  const storage = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  for (const options of [{}, { zip64: true }, { streamed: true }, { zip64: true, streamed: true }]) {
    const file = await open(torchZip(pickle, storage, options));
    assertEquals([...(await readTensor(file, "w")).data], [1, 2, 3, 4], JSON.stringify(options));
  }
});

Deno.test("tensors are read one by one, and no more than their own bytes", async () => {
  const bytes = torchZip(
    pickleOf(dictionary({ a: tensorOf(), b: tensorOf({ shape: [2], strides: [2], offset: 1 }) })),
    new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer),
  );
  const reads: number[] = [];
  const file = await openTorchFile((offset, length) => {
    reads.push(length);
    return readFromMemory(bytes)(offset, length);
  }, bytes.length);
  reads.length = 0;
  assertEquals([...(await readTensor(file, "b")).data], [2, 4]);
  assertEquals([...(await readTensor(file, "a")).data], [1, 2, 3, 4]);
  assertEquals(reads, [12, 16]);
});

Deno.test("pickles that are not plain dictionaries of tensors are refused, naming what they ask for", async () => {
  const w = (tensor: TensorPlace) => dictionary({ w: tensorOf(tensor) });
  const cases: readonly [opcodes: string, message: string][] = [
    [`cposix\nsystem\n${word("id")}\x85R`, "found posix.system; save the model's state_dict() alone"],
    [`c__builtin__\neval\n${word("1")}\x85R`, "found __builtin__.eval;"],
    ["\x8c\x08builtins\x8c\x04exec\x93", "found builtins.exec;"],
    ["ctorch.nn.modules.linear\nLinear\n)\x81}b", "found torch.nn.modules.linear.Linear;"],
    ["ctorch._utils\n_rebuild_tensor_v2\n.", "holds no dictionary of tensors: found a record;"],
    ["ctorch\nload\n", "found torch.load;"],
    ["ctorch\n__proto__\n", "found torch.__proto__;"],
    ["ctorch\nfloat32\n)R", "calls what is no function: found torch.float32"],
    [`${word("x")})R`, 'calls what is no function: found "x"'],
    ["ctorch\nSize\nNR", "calls something without a tuple"],
    ["i", "an opcode that weights do not need before byte 3: 0x69;"],
    ["K\x01", "no dictionary of tensors: found 1; save the model's state_dict() alone"],
    [
      dictionary({ epoch: "K\x01", state_dict: w({}) }),
      'no tensor at its top: found ["epoch", "state_dict"]; name the dictionary',
    ],
    ["}", "no tensor at its top: found nothing"],
    [`}K\x01${tensorOf()}s`, "a tensor's name is no string: found 1"],
    [`}${word("a")}K\x01s${word("a")}K\x02s`, 'sets a key twice before byte 21: "a"'],
    [w({ elements: 5 }), "its storage a/data/0 needs 20 bytes: found 16 bytes"],
    [w({ key: "1" }), "its member a/data/1 is missing"],
    [w({ key: "../../etc/passwd" }), "its member a/data/../../etc/passwd is missing"],
    [w({ type: "QInt8Storage" }), "found torch.QInt8Storage"],
    [w({ shape: [3, 2] }), "tensor w of shape [3, 2] and strides [2, 1] at element 0 runs past its storage"],
    [w({ offset: 1 }), "at element 1 runs past its storage: found 4 elements"],
    [w({ shape: [1e9], strides: [0] }), "w of shape [1000000000] has 1000000000 elements that share places"],
    [
      w({ shape: [2 ** 50, 2 ** 50, 2 ** 50], strides: [1, 1, 1] }),
      "runs past its storage",
    ],
    [w({ shape: [-1, 2] }), "a tensor has no valid shape: found [-1, 2]"],
    [w({ strides: [-1, 1] }), "a tensor of shape [2, 2] has no valid strides: found [-1, 1]"],
    [w({ strides: [1] }), "has no valid strides: found [1]"],
    [
      dictionary({ a: tensorOf(), b: tensorOf({ type: "HalfStorage" }) }),
      'its storage "0" is named as two kinds: found 4 elements of F16',
    ],
    [`${tuple(word("module"), "N")}Q`, "its pickle refers to what is no storage"],
    ["R", "takes 2 values off its stack"],
    ["t", "goes back to a mark"],
    ["h\x07", "remembers what it never stored before byte 4: 7"],
    [`K\x01${word("a")}K\x02s`, "sets items of what is no dictionary"],
    [`}(${word("a")}u`, "sets a key to no value"],
    ["X\x02\0\0\0\xff\xff", "a string that is not UTF-8"],
    ["\x80\x09", "is of an unknown protocol before byte 4: 9"],
    ["X\xff\xff\xff\xff", "its pickle is cut: found 8 bytes"],
    [`cos\n${"x".repeat(500)}\n`, "found os.xxx"],
    ["cos\nsystem\u0007\u0085\n", "its pickle has a string that is not UTF-8"],
    ["cos\nsystem\u0007\n", 'found "os.system'],
  ];
  for (const [opcodes, message] of cases) await refuses(torchZip(pickleOf(opcodes)), message);
});

Deno.test("pickles that refer to themselves end, and are refused where a tensor is looked for", async () => {
  const itself = `}q\0${word("me")}h\0s`;
  await refuses(torchZip(pickleOf(itself)), 'no tensor at its top: found ["me"]');
  await refuses(torchZip(pickleOf(itself)), 'found ["me"]', { within: Array(1000).fill("me") });
  await refuses(torchZip(pickleOf(`]q\0h\0a`)), "no dictionary of tensors: found [a list]");
  const twice = (i: number) =>
    `](h${String.fromCharCode(i)}h${String.fromCharCode(i)}eq${String.fromCharCode(i + 1)}`;
  const doubled = `]q\0${Array.from({ length: 100 }, (_, i) => twice(i)).join("")}`; // 2^100 lists, were they copied
  await refuses(torchZip(pickleOf(doubled)), "no dictionary of tensors: found [a list, a list]");
  const deep = `${"]".repeat(100_000)}${"a".repeat(99_999)}`;
  await refuses(torchZip(pickleOf(deep)), "no dictionary of tensors: found [a list]");
  const long = join(pickleOf(""), new Uint8Array(1_000_001).fill(0x28)).fill(0x28, 2); // marks alone
  await refuses(torchZip(long), "has more than 1000000 steps");
});

Deno.test("damaged archives are refused", async () => {
  const pickle = pickleOf(dictionary({ w: tensorOf() }));
  const whole = torchZip(pickle);
  const changed = (offset: number, ...bytes: number[]) => {
    const copy = whole.slice();
    copy.set(bytes, offset < 0 ? copy.length + offset : offset);
    return copy;
  };
  const cases: readonly [Uint8Array<ArrayBuffer>, string][] = [
    [whole.slice(0, -1), "a zip archive without its directory, as after a broken download"],
    [
      torchZip(pickle, undefined, { method: 8 }),
      "its member a/data.pkl is compressed or encrypted: found method 8",
    ],
    [torchZip(pickle, new Uint8Array(12)), "its storage a/data/0 needs 16 bytes: found 12 bytes"],
    [zipOf({ "a/data.pkl": pickle, "a/byteorder": latin("big") }), "not little-endian: found big"],
    [zipOf({ "a/data.pkl": pickle, "b/data.pkl": pickle }), "without one member …/data.pkl: found 2 of 2"],
    [
      zipOf({ "a.txt": latin("") }),
      "without one member …/data.pkl: found 0 of 1 members; give a file that torch",
    ],
    [changed(0, 0x50, 0x4b, 0, 0), "the header of a/data.pkl does not begin with 0x4034b50: found 0x4b50"],
    [changed(-12, 0xff, 0xff), "a record of its directory is cut"],
    [changed(-6, 0xff, 0xff, 0xff, 0x7f), "its directory of"],
    [changed(-10, 0, 0, 0, 0x40), "its directory is longer than 16777216 bytes"],
  ];
  for (const [bytes, message] of cases) await refuses(bytes, message);
});

Deno.test("damaged files of the older form are refused", async () => {
  const pickle = pickleOf(dictionary({ w: tensorOf() }));
  const data = new Uint8Array(16);
  const whole = torchLegacy(pickle, { 0: [4, data] });
  assertEquals((await open(whole)).entries.get("w")!.shape, [2, 2]);
  const cases: readonly [Uint8Array<ArrayBuffer>, string][] = [
    [whole.slice(0, -1), "its storage 0 is truncated: it ends at byte"],
    [whole.slice(0, -20), "its storage 0 of 8 bytes at byte"],
    [whole.slice(0, 40), "its pickles are cut: found no end in 40 bytes"],
    [torchLegacy(pickle, { 0: [3, data] }), "its storage 0 should have 4 elements: found 3"],
    [torchLegacy(pickle, { 0: [-1, data] }), "its storage 0 should have 4 elements: found -1"],
    [torchLegacy(pickle, { 1: [4, data] }), 'has one that it does not use once: found "1"'],
    [torchLegacy(pickle, {}), 'tensor w of shape [2, 2] has no storage in the file: found "0"'],
    [latin("\x80\x02K\x01.K\x02.N.N.N."), "not begin with the numbers of torch.save: found 1 and 2"],
    [torchLegacy(pickleOf("cposix\nsystem\n"), {}), "found posix.system"],
    [
      join(whole.subarray(0, 15), latin("\x80\x02M\xe9\x03.}"), latin(`${word("little_endian")}\x89s.N.N.`)),
      "big-endian",
    ],
    [latin("\x80"), "its beginning of 2 bytes at byte 0 runs past the end: found 1 bytes"],
  ];
  for (const [bytes, message] of cases) await refuses(bytes, message);
});

Deno.test("the pickles of the older form may be longer than what is read first", async () => {
  const many = dictionary(
    Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`layer.${i}`, tensorOf()])),
  );
  const file = await open(torchLegacy(pickleOf(many), { 0: [4, new Uint8Array(16)] }));
  assertEquals(file.entries.size, 2000);
});

Deno.test("tensors that share one storage are not a way to a file larger than itself", async () => {
  const elements = 100_000;
  const tied = (count: number) => {
    const tensor = `${tensorOf({ shape: [elements], strides: [1], elements })}q\0`;
    const others = Array.from({ length: count - 1 }, (_, i) => `${word(`${i}`)}h\0`).join("");
    return torchZip(pickleOf(`}(${word("w")}${tensor}${others}u`), new Uint8Array(4 * elements));
  };
  assertEquals((await open(tied(12))).entries.size, 12);
  await refuses(tied(40), "its tensors take more than 16 times its");
});

async function open(bytes: Uint8Array, options?: TorchFileOptions) {
  return await openWeights(readFromMemory(bytes), bytes.length, options);
}

async function refuses(bytes: Uint8Array, message: string, options?: TorchFileOptions): Promise<void> {
  const error = await assertRejects(() => open(bytes, options), SyntaxError);
  assertStringIncludes(error.message, message);
  assertEquals(error.message.startsWith("Cannot read a torch file as "), true, error.message);
  assertEquals(error.message.split("\n").length, 1, error.message);
  assertEquals(error.message.length < 500, true, error.message);
}
