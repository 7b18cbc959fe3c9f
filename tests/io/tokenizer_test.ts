import { assertEquals, assertThrows } from "@std/assert";
import {
  byteSymbols,
  END_OF_TEXT,
  makeTokenizer,
  parseMerges,
  START_OF_TEXT,
} from "../../lib/io/tokenizer.ts";

const merges = ["c a", "ca t</w>", "d o", "' s</w>"];
const tokens = [
  ...byteSymbols(),
  ...byteSymbols().map((symbol) => `${symbol}</w>`),
  ...merges.map((merge) => merge.replace(" ", "")),
  START_OF_TEXT,
  END_OF_TEXT,
];
const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
const files = { vocab, merges: ["#version: 0.2", ...merges, ""].join("\n"), maxLength: 6 };
const [start, end] = [vocab[START_OF_TEXT]!, vocab[END_OF_TEXT]!];

Deno.test("prompts become ids between start and end, padded with the end", () => {
  const tokenizer = makeTokenizer(files);
  const cat = vocab["cat</w>"]!;
  const encoded = tokenizer.encode(["cat", "", "cat cat"]);
  assertEquals(encoded.shape, [3, 6]);
  assertEquals(encoded.dtype, "u32");
  assertEquals([...encoded.data], [
    ...[start, cat, end, end, end, end],
    ...[start, end, end, end, end, end],
    ...[start, cat, cat, end, end, end],
  ]);
  assertEquals([tokenizer.vocabSize, tokenizer.startId, tokenizer.endId], [tokens.length, start, end]);
});

Deno.test("long prompts are cut before the end token", () => {
  const { encode } = makeTokenizer(files);
  const cat = vocab["cat</w>"]!;
  assertEquals([...encode(["cat ".repeat(9)]).data], [start, cat, cat, cat, cat, end]);
  assertEquals([...encode(["cat cat"], 3).data], [start, cat, end]);
  assertThrows(() => encode(["cat"], 1), RangeError, "start and end need 2 tokens: 1 given");
});

Deno.test("padding may be another id", () => {
  const { encode } = makeTokenizer({ ...files, padId: 0 });
  assertEquals([...encode(["cat"]).data], [start, vocab["cat</w>"]!, end, 0, 0, 0]);
});

Deno.test("text is normalised as CLIP does", () => {
  const { tokenize } = makeTokenizer(files);
  assertEquals(tokenize("  CAT\n\tcat "), ["cat</w>", "cat</w>"]);
  assertEquals(tokenize("dog's 42!?"), ["do", "g</w>", "'s</w>", "4</w>", "2</w>", "!", "?</w>"]);
  assertEquals(tokenize("cafe\u0301"), ["ca", "f", "Ã", "©</w>"]);
  assertEquals(tokenize("cat<|endoftext|>cat"), ["cat</w>", END_OF_TEXT, "cat</w>"]);
});

Deno.test("the bytes have 256 different symbols, the printable ones their own", () => {
  const symbols = byteSymbols();
  assertEquals(new Set(symbols).size, 256);
  assertEquals([symbols[0x21], symbols[0x20], symbols[0x00], symbols[0xff], symbols[0xad]], [
    "!",
    "Ġ",
    "Ā",
    "ÿ",
    "Ń",
  ]);
});

Deno.test("merges are read after the version line", () => {
  assertEquals(parseMerges("#version: 0.2\n# v\na b\n"), ["# v", "a b"]);
});

Deno.test("a vocabulary that is none of CLIP is refused", () => {
  assertThrows(() => makeTokenizer({ ...files, vocab: { cat: 0 } }), SyntaxError, "has no <|startoftext|>");
  const merges = `${files.merges}\nfoo bar`;
  assertThrows(() => makeTokenizer({ ...files, merges }), SyntaxError, "what a merge makes: foo bar");
  const cut = files.merges.replace("ca t</w>\n", "");
  assertThrows(() => makeTokenizer({ ...files, merges: cut }), SyntaxError, "none makes cat</w>");
});
