import { assert, assertEquals, assertThrows } from "@std/assert";
import { makeTokenizer, parseMerges } from "../../../lib/io/tokenizer.ts";
import { pastels } from "../../../pipelines/data/augment.ts";
import { trainVocabulary } from "../../../pipelines/data/bpe.ts";
import { loadPack } from "../../../pipelines/data/pack.ts";
import {
  MAX_LENGTH,
  packVocabulary,
  tokenizerFiles,
  VOCAB_SIZE,
} from "../../../pipelines/data/vocabulary.ts";

const FOLDER = new URL("../../../models/mini/tokenizer/", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, FOLDER));
const pack = await loadPack();

Deno.test("the committed tokenizer is what the pack trains", async () => {
  for (const [name, text] of Object.entries(tokenizerFiles(packVocabulary(pack)))) {
    assertEquals(text, await read(name), name);
  }
});

Deno.test("the vocabulary is laid out as that of CLIP", async () => {
  const vocab: Record<string, number> = JSON.parse(await read("vocab.json"));
  assertEquals(Object.values(vocab).sort((a, b) => a - b), Array.from({ length: VOCAB_SIZE }, (_, id) => id));
  assertEquals([vocab["!"], vocab["~"], vocab["Ā"], vocab["!</w>"]], [0, 93, 188, 256]);
  assertEquals([vocab["<|startoftext|>"], vocab["<|endoftext|>"]], [1022, 1023]);
  assertEquals(parseMerges(await read("merges.txt")).length, 510);
});

Deno.test("prompt animals and backgrounds are one token each, and captions of nature fit", async () => {
  const { tokenize } = makeTokenizer({
    vocab: JSON.parse(await read("vocab.json")),
    merges: await read("merges.txt"),
    maxLength: MAX_LENGTH,
  });
  for (const name of Object.keys(pastels)) {
    assertEquals(tokenize(`on a ${name} background`), ["on</w>", "a</w>", `${name}</w>`, "background</w>"]);
  }
  for (const { animal, label, group } of pack.images) {
    if (animal !== null) assertEquals(tokenize(`a ${animal}`), ["a</w>", `${animal}</w>`]);
    if (group !== "animals-nature") continue;
    const tokens = tokenize(`an ${label} on a purple background`);
    assert(tokens.length <= MAX_LENGTH - 2, `${label}: ${tokens.join(" ")}`);
  }
});

Deno.test("the most frequent pair is merged first, of equals the first in order", () => {
  const { merges, vocab } = trainVocabulary(["ab ab cd", "abc", "cd ef"], 512 + 2 + 3);
  assertEquals(merges, ["a b</w>", "c d</w>", "a b"]);
  assertEquals([vocab["ab</w>"], vocab["cd</w>"], vocab["ab"]], [512, 513, 514]);
});

Deno.test("texts that run out of pairs are refused", () => {
  assertThrows(() => trainVocabulary(["ab"], 600), RangeError, "the texts give only 515");
});
