/**
 * Trains a CLIP vocabulary: byte-level pair encoding (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909).
 *
 * Ids are laid out as in CLIP: 256 byte symbols, the same at the end of a word (`</w>`), the merges, start and end of text.
 * @module
 */

import { byteSymbols, END_OF_TEXT, START_OF_TEXT, WORD_PATTERN } from "../../lib/io/tokenizer.ts";

/** A trained vocabulary, as the two files of a tokenizer hold it. */
export interface TrainedVocabulary {
  /** The id of each token. */
  readonly vocab: Readonly<Record<string, number>>;
  /** The merges, best first, each two tokens with a space between. */
  readonly merges: readonly string[];
}

/**
 * Trains a vocabulary of exactly `vocabSize` tokens on some texts. Of pairs that are equally frequent the first in the
 * order of code units is merged, so the same texts give the same vocabulary.
 *
 * @throws {RangeError} If the texts run out of pairs before.
 */
export function trainVocabulary(texts: Iterable<string>, vocabSize: number): TrainedVocabulary {
  const symbols = byteSymbols();
  const words = countWords(texts, symbols);
  const base = [...idOrder(symbols), ...idOrder(symbols).map((symbol) => `${symbol}</w>`)];
  const merges: string[] = [];
  const tokens = [...base];
  while (tokens.length < vocabSize - 2) {
    const best = mostFrequentPair(words);
    if (best === null) {
      throw new RangeError(
        `Cannot train ${vocabSize} tokens as the texts give only ${
          tokens.length + 2
        }: lower the vocabulary size`,
      );
    }
    merges.push(best);
    tokens.push(best.replace(" ", ""));
    for (const word of words) word.symbols = merge(word.symbols, best);
  }
  tokens.push(START_OF_TEXT, END_OF_TEXT);
  return { vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges };
}

/** A word as its symbols, and how often it occurs. */
interface Word {
  symbols: readonly string[];
  readonly count: number;
}

function countWords(texts: Iterable<string>, symbols: readonly string[]): Word[] {
  const counts = new Map<string, number>();
  const pattern = new RegExp(WORD_PATTERN, "gu");
  for (const text of texts) {
    for (const [word] of text.normalize("NFC").toLowerCase().matchAll(pattern)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return Array.from(counts, ([word, count]) => {
    const spelt = Array.from(new TextEncoder().encode(word), (byte) => symbols[byte]!);
    return { symbols: [...spelt.slice(0, -1), `${spelt.at(-1)}</w>`], count };
  });
}

/** CLIP numbers the symbols of printable bytes first. */
function idOrder(symbols: readonly string[]): readonly string[] {
  return symbols.toSorted((a, b) => a.charCodeAt(0) - b.charCodeAt(0));
}

function mostFrequentPair(words: readonly Word[]): string | null {
  const counts = new Map<string, number>();
  for (const { symbols, count } of words) {
    for (let i = 1; i < symbols.length; i++) {
      const pair = `${symbols[i - 1]} ${symbols[i]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + count);
    }
  }
  let best: string | null = null;
  for (const [pair, count] of counts) {
    const lead = best === null ? 1 : count - counts.get(best)!;
    if (lead > 0 || (lead === 0 && pair < best!)) best = pair;
  }
  return best;
}

function merge(symbols: readonly string[], pair: string): readonly string[] {
  const merged: string[] = [];
  for (const symbol of symbols) {
    if (merged.length > 0 && `${merged.at(-1)} ${symbol}` === pair) merged.push(merged.pop()! + symbol);
    else merged.push(symbol);
  }
  return merged;
}
