/**
 * The Huffman codes that JPEG files have if they bring none of their own: ITU-T T.81, tables K.3 to K.6.
 * @module
 */

/** A code: the bits of each symbol and how many they are. */
export interface HuffmanCode {
  /** Bits by symbol. */
  readonly code: Uint16Array;
  /** Number of bits by symbol; 0 where there is no such symbol. */
  readonly length: Uint8Array;
}

/** The codes of a component. */
export interface ComponentCodes {
  /** Of the differences of means. */
  readonly dc: HuffmanCode;
  /** Of runs of zeros and what ends them. */
  readonly ac: HuffmanCode;
}

/** The symbols of each number of bits, in hexadecimal and in the order of their codes. */
const LUMA_DC = ["", "00", "0102030405", "06", "07", "08", "09", "0a", "0b"];
const CHROMA_DC = ["", "000102", "03", "04", "05", "06", "07", "08", "09", "0a", "0b"];
const LUMA_AC = [
  "",
  "0102",
  "03",
  "000411",
  "051221",
  "3141",
  "06135161",
  "072271",
  "14328191a1",
  "082342b1c1",
  "1552d1f0",
  "24336272",
  "",
  "",
  "82",
  "090a161718191a25262728292a3435363738393a434445464748494a535455565758595a63646566" +
  "6768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3" +
  "b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5" +
  "f6f7f8f9fa",
];
const CHROMA_AC = [
  "",
  "0001",
  "02",
  "0311",
  "04052131",
  "06124151",
  "076171",
  "13223281",
  "08144291a1b1c1",
  "09233352f0",
  "156272d1",
  "0a162434",
  "",
  "e1",
  "25f1",
  "1718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a73" +
  "7475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7" +
  "b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
];

/** The codes of luma. */
export const LUMA_CODES: ComponentCodes = { dc: codeOf(LUMA_DC), ac: codeOf(LUMA_AC) };

/** The codes of both chromas. */
export const CHROMA_CODES: ComponentCodes = { dc: codeOf(CHROMA_DC), ac: codeOf(CHROMA_AC) };

/** Bytes that all four take in a file: marker, length, number, 16 counts and the symbols of each. */
export const CODES_BYTES: number = [LUMA_DC, CHROMA_DC, LUMA_AC, CHROMA_AC]
  .reduce((sum, symbols) => sum + 2 + 2 + 1 + 16 + symbols.join("").length / 2, 0);

/** Codes are numbered on from symbol to symbol, and doubled where they become a bit longer. */
function codeOf(symbols: readonly string[]): HuffmanCode {
  const code = new Uint16Array(256), length = new Uint8Array(256);
  let next = 0;
  symbols.forEach((row, i) => {
    for (const [symbol] of row.matchAll(/../g)) {
      code[Number.parseInt(symbol, 16)] = next++;
      length[Number.parseInt(symbol, 16)] = i + 1;
    }
    next <<= 1;
  });
  return { code, length };
}
