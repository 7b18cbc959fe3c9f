/**
 * TensorBoard event files: records of scalars and images, to be appended one after the other.
 *
 * A record is a u64 length, its masked CRC-32C, a protocol buffer `Event`, and that one's masked CRC-32C. A file begins with
 * {@linkcode eventFileStart}. Formats: tensorflow/core/util/event.proto, tensorflow/core/lib/io/record_writer.h.
 * @module
 */

/** When something happened. */
export interface EventTime {
  /** Seconds since 1970. */
  readonly time: number;
  /** Position on the horizontal axis: the epoch or the step. */
  readonly step: number;
}

/** A PNG image with its extents. */
export interface EventImage {
  /** Pixels across. */
  readonly width: number;
  /** Pixels down. */
  readonly height: number;
  /** The PNG file. */
  readonly png: Uint8Array;
}

/** Makes the record that opens a file. */
export function eventFileStart(time: number): Uint8Array<ArrayBuffer> {
  return record(concat(double(1, time), bytes(3, utf8("brain.Event:2"))));
}

/**
 * Makes one record of any number of scalars.
 *
 * @param values Values by tag; a tag's slashes group it in TensorBoard.
 */
export function scalarEvent(
  { time, step }: EventTime,
  values: Readonly<Record<string, number>>,
): Uint8Array<ArrayBuffer> {
  const items = Object.entries(values).map(([tag, value]) =>
    bytes(1, concat(bytes(1, utf8(tag)), float(2, value)))
  );
  return record(concat(double(1, time), integer(2, step), bytes(5, concat(...items))));
}

/** Makes one record of one image. */
export function imageEvent(
  { time, step }: EventTime,
  tag: string,
  { width, height, png }: EventImage,
): Uint8Array<ArrayBuffer> {
  const rgb = 3;
  const image = concat(integer(1, height), integer(2, width), integer(3, rgb), bytes(4, png));
  const item = bytes(1, concat(bytes(1, utf8(tag)), bytes(4, image)));
  return record(concat(double(1, time), integer(2, step), bytes(5, item)));
}

/** CRC-32C (Castagnoli) of some bytes. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

function record(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(data.length), true);
  return concat(length, maskedCrc(length), data, maskedCrc(data));
}

function maskedCrc(data: Uint8Array): Uint8Array {
  const crc = crc32c(data);
  const word = new Uint8Array(4);
  new DataView(word.buffer).setUint32(0, ((crc >>> 15) | (crc << 17)) + 0xa282ead8, true);
  return word;
}

// Protocol buffer fields: a key of number and wire type, then the value.

function integer(field: number, value: number): Uint8Array {
  return concat(varint(field << 3), varint(value));
}

function double(field: number, value: number): Uint8Array {
  const word = new Uint8Array(8);
  new DataView(word.buffer).setFloat64(0, value, true);
  return concat(varint(field << 3 | 1), word);
}

function bytes(field: number, data: Uint8Array): Uint8Array {
  return concat(varint(field << 3 | 2), varint(data.length), data);
}

function float(field: number, value: number): Uint8Array {
  const word = new Uint8Array(4);
  new DataView(word.buffer).setFloat32(0, value, true);
  return concat(varint(field << 3 | 5), word);
}

function varint(value: number): Uint8Array {
  const digits: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) digits.push((rest % 128) | 128);
  return Uint8Array.from([...digits, rest]);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
