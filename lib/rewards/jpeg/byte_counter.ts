/**
 * Counts the bytes that bits fill.
 * @module
 */

/** A stream of bits of which only the length is kept. */
export interface ByteCounter {
  /** Appends the lowest `length` bits of a number, at most 16. */
  put(bits: number, length: number): void;
  /** Fills the last byte up with ones, and tells how many bytes there are. */
  end(): number;
}

/** An empty stream. A byte of ones counts as two, as JPEG puts a zero behind it to tell it from a marker. */
export function byteCounter(): ByteCounter {
  let count = 0, pending = 0, waiting = 0;
  const put = (bits: number, length: number) => {
    pending = (pending << length) | bits;
    waiting += length;
    for (; waiting >= 8; waiting -= 8) count += ((pending >> (waiting - 8)) & 0xff) === 0xff ? 2 : 1;
    pending &= 0xff;
  };
  return {
    put,
    end: () => {
      put(0x7f, 7);
      return count;
    },
  };
}
