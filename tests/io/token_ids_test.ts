import { assertEquals } from "@std/assert";
import { openClipDialect } from "../../lib/io/open_clip_text.ts";
import { makeTokenizer, type TokenizerFiles } from "../../lib/io/tokenizer.ts";
import { makeWordPiece } from "../../lib/io/wordpiece.ts";

/** Ids by the number of the text, where they differ from others. */
type Changes = Readonly<Record<string, readonly number[]>>;

interface Golden {
  readonly texts: readonly string[];
  readonly clip: readonly (readonly number[])[];
  readonly open_clip: Changes;
  readonly bert: readonly (readonly number[])[];
  readonly bert_fast: Changes;
}

const golden = await unpacked<Golden>("../golden/token_ids.json.gz");
const files: TokenizerFiles = {
  vocab: JSON.parse(await text("../../models/mini/tokenizer/vocab.json")),
  merges: await text("../../models/mini/tokenizer/merges.txt"),
  maxLength: 77,
};

Deno.test("CLIP's ids of 800 prompts and 200 hostile strings are those of transformers", () => {
  const { encode, endId } = makeTokenizer(files);
  checkAll((prompt) => encode([prompt]).data, golden.clip, endId);
});

Deno.test("OpenCLIP's ids of them are those of OpenCLIP without ftfy", () => {
  const { encode } = makeTokenizer({ ...files, padId: 0, dialect: openClipDialect });
  checkAll(
    (prompt) => encode([prompt]).data,
    golden.clip.map((ids, i) => golden.open_clip[i] ?? ids),
    0,
  );
});

Deno.test("BERT's ids of them are those of transformers, slow and fast", async () => {
  const vocab = await text("../golden/wordpiece.txt");
  const encode = makeWordPiece({ vocab, added: ["[DEC]", "[ENC]"], maxLength: 35 });
  assertEquals(golden.bert_fast, {});
  checkAll((prompt) => encode([prompt]).ids.data, golden.bert, 0);
  const { ids, mask } = encode(golden.texts);
  assertEquals(ids.shape, [1000, 35]);
  golden.bert.forEach(({ length }, i) =>
    assertEquals(
      [...mask.data.slice(35 * i, 35 * (i + 1))],
      Array.from({ length: 35 }, (_, s) => +(s < length)),
    )
  );
});

Deno.test("half of a surrogate pair is read as the character that stands for what is broken", () => {
  const { encode } = makeTokenizer(files);
  assertEquals(encode(["a \ud83d cat"]).data, encode(["a \ufffd cat"]).data);
});

/** Compares all, so that a failure shows every text that is read otherwise. */
function checkAll(
  encode: (prompt: string) => Iterable<number>,
  expected: readonly (readonly number[])[],
  padding: number,
): void {
  const padded = (
    ids: readonly number[],
    length: number,
  ) => [...ids, ...Array(length - ids.length).fill(padding)];
  const wrong = golden.texts.flatMap((prompt, i) => {
    const found = [...encode(prompt)];
    const right = padded(expected[i]!, found.length);
    return found.join() === right.join() ? [] : [{ prompt, found, right }];
  });
  assertEquals(wrong, []);
  assertEquals(expected.length, 1000);
}

function text(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, import.meta.url));
}

async function unpacked<T>(path: string): Promise<T> {
  using file = await Deno.open(new URL(path, import.meta.url));
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).json();
}
