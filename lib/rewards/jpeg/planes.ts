/**
 * An image as the planes that a JPEG file holds: luma, and both chromas at half the resolution.
 * @module
 */

/** An image of 8-bit channels. */
export interface ByteImage {
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
  /** `height * width * 3` bytes, RGB, row by row. */
  readonly data: Uint8Array;
}

/** Samples from 0 to 255, whole blocks of 8x8. */
export interface Plane {
  /** Rows, a multiple of 8. */
  readonly height: number;
  /** Columns, a multiple of 8. */
  readonly width: number;
  /** `height * width` samples, row by row. */
  readonly data: Uint8Array;
}

/** The planes of an image. */
export interface JpegPlanes {
  /** How bright. */
  readonly luma: Plane;
  /** How blue, for each four pixels. */
  readonly blue: Plane;
  /** How red, for each four pixels. */
  readonly red: Plane;
}

/** Converts an image, its planes filled up to whole blocks by repeating the last column and row. */
export function jpegPlanes(image: ByteImage): JpegPlanes {
  const luma = filledUp(image.height, image.width, (row, column) => channel(image, row, column, LUMA));
  return { luma, blue: halved(image, BLUE), red: halved(image, RED) };
}

/** Factors of red, green and blue with 16 binary places, and what is added to the sum (ITU-R BT.601, as libjpeg rounds). */
type Weights = readonly [number, number, number, number];

const LUMA: Weights = [19595, 38470, 7471, 32768];
const BLUE: Weights = [-11058, -21710, 32768, (128 << 16) + 32767];
const RED: Weights = [32768, -27439, -5329, (128 << 16) + 32767];

/** One sample of a pixel; beyond the image the last column and row go on. */
function channel({ height, width, data }: ByteImage, row: number, column: number, weights: Weights): number {
  const i = 3 * (Math.min(row, height - 1) * width + Math.min(column, width - 1));
  return (weights[0] * data[i]! + weights[1] * data[i + 1]! + weights[2] * data[i + 2]! + weights[3]) >> 16;
}

/** Means of 2x2 pixels; halves round down in even columns, and up in odd ones. */
function halved(image: ByteImage, weights: Weights): Plane {
  const width = 8 * Math.ceil(image.width / 16);
  return filledUp(Math.ceil(image.height / 2), width, (row, column) => {
    const at = (y: number, x: number) => channel(image, 2 * row + y, 2 * column + x, weights);
    return (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1) + 1 + column % 2) >> 2;
  });
}

/** Whole blocks of samples; rows and columns that are missing repeat the last. */
function filledUp(height: number, width: number, sample: (row: number, column: number) => number): Plane {
  const [rows, columns] = [8 * Math.ceil(height / 8), 8 * Math.ceil(width / 8)];
  const data = new Uint8Array(rows * columns);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      data[at++] = sample(Math.min(row, height - 1), Math.min(column, width - 1));
    }
  }
  return { height: rows, width: columns, data };
}
