/**
 * A small bitmap font for captions: letters of seven rows with two below the line, each as wide as it needs.
 *
 * @module
 */

/** Rows of a letter, those below the line included. */
export const LETTER_HEIGHT = 9;

/** Pixels between two letters. */
const GAP = 1;
/** Pixels of a space. */
const SPACE = 3;

/** Each letter, then its rows from the top: the five pixels of a row as a digit of base 32, empty rows at the end left out. */
const GLYPHS = `
  a00c2eie bggsiiis c00eggge d22eiiie e00ciuge f68u8888 g00eiiie2c hggsiiii ig0ggggg j80888888g
  kggikoki lgggggg8 m00qllll n00siiii o00ciiic p00siiisgg q00eiiie22 r00koggg s00egc2s t88u8886
  u00iiiie v00hhaa4 w00hllla x00iicii y00iiiie2c z00u48gu Aciiiuii Bsiisiis Ccigggic Dsiiiiis
  Euggsggu Fuggsggg Gcigmiic Hiiiuiii Is88888s J62222ic Kiikokii Lggggggu Mhrllhhh Nhpljhhh Ociiiiic
  Psiisggg Qciiiiic2 Rsiiskii Seggc22s Tv444444 Uiiiiiic Vhhhhaa4 Whhhllrh Xhha4ahh Yhha4444 Zv1248gv
  0cimqiic 18o8888s 2ci248gu 3s22c22s 44ckku44 5ugs22ic 6cggsiic 7u244888 8ciiciic 9ciie22c .000000g
  ,0000008g -000s 'gg "kk !ggggg0g ?ci24808 :00g000g ;0080008g (8ggggg8 )g88888g /22448gg &ciiclid
  +008s8 =00s0s _000000u %pq248bj #aavavaa *0k8k
`;

/** The rows of each letter, five bits each, the leftmost pixel the highest bit. */
const ROWS: Readonly<Record<string, readonly number[]>> = Object.fromEntries(
  GLYPHS.trim().split(/\s+/).map(([letter, ...rows]) => [letter!, rows.map((row) => parseInt(row, 32))]),
);

/** What stands for a letter that the font lacks. */
const UNKNOWN: readonly number[] = [0, 0, 0b11110, 0b10010, 0b10010, 0b10010, 0b11110];

/** How wide a text is, in pixels of the font. */
export function textWidth(text: string): number {
  const widths = Array.from(text, (letter) => advance(letter));
  return Math.max(widths.reduce((sum, width) => sum + width, 0) - GAP, 0);
}

/** Calls back with every pixel of a text: how far right and how far down it is. */
export function drawText(text: string, pixel: (x: number, y: number) => void): void {
  let left = 0;
  for (const letter of text) {
    rowsOf(letter).forEach((row, y) => {
      for (let x = 0; x < 5; x++) if (row & (16 >> x)) pixel(left + x, y);
    });
    left += advance(letter);
  }
}

function rowsOf(letter: string): readonly number[] {
  return letter === " " ? [] : ROWS[letter] ?? UNKNOWN;
}

/** From the start of a letter to that of the next. */
function advance(letter: string): number {
  if (letter === " ") return SPACE + GAP;
  const used = rowsOf(letter).reduce((bits, row) => bits | row, 0);
  return 5 - Math.min(ctz(used), 5) + GAP;
}

/** Zero bits below the lowest one. */
function ctz(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
