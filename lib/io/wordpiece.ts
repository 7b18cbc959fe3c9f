/**
 * The tokenizer of BERT: words, then the longest pieces that the vocabulary has, from the `vocab.txt` that checkpoints ship.
 * @module
 */

import { Tokenizer as WordPiece } from "@huggingface/tokenizers";
import { type FloatTensor, tensor, words, type WordTensor } from "../core/tensor.ts";

/** The files of a tokenizer. */
export interface WordPieceFiles {
  /** `vocab.txt`: a token a line, the first with the id 0. */
  readonly vocab: string;
  /** Tokens that follow the vocabulary's, and are tokens too where a prompt has them: BLIP's `[DEC]` and `[ENC]`. */
  readonly added?: readonly string[];
  /** Tokens to a prompt. */
  readonly maxLength: number;
}

/** Prompts as ids, and which of these are not padding. */
export interface MaskedIds {
  /** u32 `[B, S]`. */
  readonly ids: WordTensor;
  /** `[B, S]`: 1 for a token, 0 for padding. */
  readonly mask: FloatTensor;
}

/** Special tokens, which a vocabulary must have. */
const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const;

/** CJK ideographs, each of which is a word. */
const IDEOGRAPHS =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

/**
 * Makes a tokenizer for text in any case.
 *
 * @returns From prompts to ids `[B, maxLength]`: `[CLS]`, at most `maxLength - 2` pieces, `[SEP]`, padding.
 * @throws {SyntaxError} If the vocabulary lacks a special token.
 */
export function makeWordPiece({ vocab, added = [], maxLength }: WordPieceFiles): (
  prompts: readonly string[],
) => MaskedIds {
  const tokens = [...vocab.replace(/\r?\n$/, "").split(/\r?\n/), ...added];
  const ids = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const missing = SPECIAL.find((token) => !Object.hasOwn(ids, token));
  if (missing !== undefined) {
    throw new SyntaxError(
      `Cannot make a tokenizer as its vocabulary of ${tokens.length} has no ${missing}: it is none of BERT`,
    );
  }
  const pieces = new WordPiece(tokenizerJson(ids, added), {
    tokenizer_class: "BertTokenizer",
    model_max_length: maxLength,
    unk_token: "[UNK]",
    pad_token: "[PAD]",
  });
  const [padId, , startId, endId] = SPECIAL.map((token) => ids[token]!);
  return (prompts) => {
    const all = new Uint32Array(prompts.length * maxLength).fill(padId!);
    const mask = new Float32Array(all.length);
    prompts.forEach((prompt, b) => {
      // The library knows an older range of them.
      const text = prompt.replace(IDEOGRAPHS, " $& ");
      const own = pieces.encode(text, { add_special_tokens: false }).ids.slice(0, maxLength - 2);
      all.set([startId!, ...own, endId!], b * maxLength);
      mask.fill(1, b * maxLength, b * maxLength + own.length + 2);
    });
    const shape = [prompts.length, maxLength];
    return { ids: words(shape, all), mask: tensor(shape, mask) };
  };
}

/** The whole tokenizer in the one form the library reads, as the published conversion of BERT's tokenizer lays it out. */
function tokenizerJson(vocab: Readonly<Record<string, number>>, added: readonly string[]) {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [...SPECIAL, ...added].map((content) => (
      {
        id: vocab[content]!,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      }
    )),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: null,
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}
