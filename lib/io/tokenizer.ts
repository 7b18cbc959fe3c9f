/**
 * The tokenizer of CLIP: byte-level BPE, from the `vocab.json` and `merges.txt` that checkpoints ship.
 *
 * Those two are laid out as the `tokenizer.json` that the library reads. Which text is read so, a {@linkcode Dialect} tells.
 * @module
 */

import { Tokenizer as Bpe } from "@huggingface/tokenizers";
import { words, type WordTensor } from "../core/tensor.ts";

/** Token that begins a prompt. */
export const START_OF_TEXT = "<|startoftext|>";

/** Token that ends a prompt, and pads it in Stable Diffusion. */
export const END_OF_TEXT = "<|endoftext|>";

/** How CLIP cuts text into words before it looks at their bytes; white space is what Unicode says, unlike JavaScript's `\s`. */
export const WORD_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\p{White_Space}\\p{L}\\p{N}]+";

/** What a library makes of a prompt before it is cut into words. */
export interface Dialect {
  /** Cleans a prompt. */
  readonly clean: (prompt: string) => string;
  /** How a clean prompt spells the start and the end token. */
  readonly special: readonly [start: string, end: string];
  /** Whether these are found before the text is cut into words, or only where a word begins. */
  readonly specialFirst: boolean;
}

/**
 * transformers' fast tokenizer: normalised (NFC), white space collapsed, lower-cased letter by letter, which unlike lower-casing a
 * word leaves a final sigma as any other.
 */
export const clipDialect: Dialect = {
  clean: (prompt) => {
    const spaced = prompt.normalize("NFC").replace(/\p{White_Space}+/gu, " ");
    return Array.from(spaced, (letter) => letter.toLowerCase()).join("");
  },
  special: [START_OF_TEXT, END_OF_TEXT],
  specialFirst: true,
};

/** The files of a tokenizer, parsed or as text. */
export interface TokenizerFiles {
  /** `vocab.json`: the id of each token. */
  readonly vocab: Readonly<Record<string, number>>;
  /** `merges.txt`: a version line, then one merge a line, best first. */
  readonly merges: string;
  /** Tokens to a prompt, `model_max_length` of `tokenizer_config.json`: 77 for Stable Diffusion. */
  readonly maxLength: number;
  /** Id that fills a prompt up, the end's own if absent; OpenCLIP pads with 0. */
  readonly padId?: number;
  /** How prompts are read, {@linkcode clipDialect} if absent. */
  readonly dialect?: Dialect;
}

/** A tokenizer ready to encode. */
export interface Tokenizer {
  /** Tokens in the vocabulary. */
  readonly vocabSize: number;
  /** Id of {@linkcode START_OF_TEXT}. */
  readonly startId: number;
  /** Id of {@linkcode END_OF_TEXT}. */
  readonly endId: number;
  /** Id that fills a prompt up. */
  readonly padId: number;
  /** Tokens to a prompt. */
  readonly maxLength: number;
  /**
   * Encodes prompts as ids `[B, S]`: start, at most `S - 2` tokens, end, padding. `S` is `maxLength` if not given.
   *
   * @throws {RangeError} If `S` is less than 2.
   */
  readonly encode: (prompts: readonly string[], maxLength?: number) => WordTensor;
  /** Splits a prompt into its tokens, without start, end or padding. */
  readonly tokenize: (prompt: string) => readonly string[];
  /** A tokenizer of the same vocabulary that reads or pads prompts otherwise. */
  readonly variant: (options: Pick<TokenizerFiles, "padId" | "dialect">) => Tokenizer;
}

/**
 * Makes a tokenizer.
 *
 * @throws {SyntaxError} If the vocabulary lacks the start or the end token, or vocabulary and merges are not of one another.
 */
export function makeTokenizer(files: TokenizerFiles): Tokenizer {
  const startId = idOf(files.vocab, START_OF_TEXT);
  const endId = idOf(files.vocab, END_OF_TEXT);
  checkMerges(files);
  const { padId = endId, maxLength, dialect = clipDialect } = files;
  const bpe = new Bpe(tokenizerJson(files, startId, endId, dialect), {
    tokenizer_class: "CLIPTokenizer",
    model_max_length: maxLength,
    bos_token: START_OF_TEXT,
    eos_token: END_OF_TEXT,
    unk_token: END_OF_TEXT,
    pad_token: END_OF_TEXT,
  });
  const options = { add_special_tokens: false };
  const special = dialect.special.map((token) => token.replaceAll("|", "\\|"));
  const wordPattern = new RegExp(`${special.join("|")}|${WORD_PATTERN}`, "giu");
  /** The parts of a prompt that the library is given one by one: it would find special tokens first. */
  const partsOf = (prompt: string): readonly string[] => {
    const text = dialect.clean(prompt);
    return dialect.specialFirst ? [text] : text.match(wordPattern) ?? [];
  };

  function encode(prompts: readonly string[], length = maxLength): WordTensor {
    if (length < 2) {
      throw new RangeError(`Cannot encode prompts as start and end need 2 tokens: ${length} given`);
    }
    const ids = new Uint32Array(prompts.length * length).fill(padId);
    prompts.forEach((prompt, b) => {
      const tokens = partsOf(prompt).flatMap((part) => bpe.encode(part, options).ids);
      ids.set([startId, ...tokens.slice(0, length - 2), endId], b * length);
    });
    return words([prompts.length, length], ids);
  }

  return {
    vocabSize: Object.keys(files.vocab).length,
    startId,
    endId,
    padId,
    maxLength,
    encode,
    tokenize: (prompt) => partsOf(prompt).flatMap((part) => bpe.tokenize(part, options)),
    variant: (options) => makeTokenizer({ ...files, ...options }),
  };
}

/** The symbols that stand for the bytes 0 to 255 in a vocabulary: the printable ones stand for themselves. */
export function byteSymbols(): readonly string[] {
  let invisible = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(visible ? byte : 0x100 + invisible++);
  });
}

/** Reads the merges of a `merges.txt`, best first. */
export function parseMerges(text: string): readonly string[] {
  const lines = text.split("\n");
  return lines.slice(lines[0]!.startsWith("#version") ? 1 : 0).filter((line) => line.trim() !== "");
}

/** Checks that merges make what the vocabulary has besides single bytes and special tokens, `<…>`. */
function checkMerges({ vocab, merges }: TokenizerFiles): void {
  const all = parseMerges(merges);
  const wrong = all.find((merge) => !Object.hasOwn(vocab, merge.replace(" ", "")));
  if (wrong !== undefined) {
    throw new SyntaxError(`Cannot make a tokenizer as its vocabulary lacks what a merge makes: ${wrong}`);
  }
  const bytes = byteSymbols().flatMap((symbol) => [symbol, `${symbol}</w>`]);
  const made = new Set([...bytes, ...all.map((merge) => merge.replace(" ", ""))]);
  const unmade = Object.keys(vocab).find((token) => !made.has(token) && !/^<.+>$/.test(token));
  if (unmade !== undefined) {
    throw new SyntaxError(`Cannot make a tokenizer as its merges are not complete: none makes ${unmade}`);
  }
}

function idOf(vocab: TokenizerFiles["vocab"], token: string): number {
  const id = vocab[token];
  if (id === undefined) {
    throw new SyntaxError(
      `Cannot make a tokenizer as its vocabulary of ${
        Object.keys(vocab).length
      } has no ${token}: it is none of CLIP`,
    );
  }
  return id;
}

/** The whole tokenizer in the one form the library reads, as the published conversion of CLIP's tokenizer lays it out. */
function tokenizerJson(
  { vocab, merges }: TokenizerFiles,
  startId: number,
  endId: number,
  { special: [start, end] }: Dialect,
) {
  const special = (id: number, content: string) => (
    { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  );
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [special(startId, start), special(endId, end)],
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: WORD_PATTERN }, behavior: "Removed", invert: true },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: END_OF_TEXT,
      continuing_subword_prefix: "",
      end_of_word_suffix: "</w>",
      fuse_unk: false,
      vocab,
      merges: parseMerges(merges),
    },
  };
}
