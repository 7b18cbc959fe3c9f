import { assertAlmostEquals, assertEquals } from "@std/assert";
import { crc32c, eventFileStart, imageEvent, scalarEvent } from "../../lib/io/tfevents.ts";

Deno.test("crc32c has the published check value", () => {
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
});

Deno.test("a file opens with the version", () => {
  const event = readRecord(eventFileStart(1700000000.5));
  assertEquals(event, { 1: 1700000000.5, 3: "brain.Event:2" });
});

Deno.test("scalars carry tag, value, step and time", () => {
  const { 1: time, 2: step, 5: summary } = readRecord(
    scalarEvent({ time: 12.25, step: 300 }, { "rewards/mini": 1.5, kl: -0.1 }),
    { 5: { 1: { 1: "text" } } },
  );
  assertEquals([time, step], [12.25, 300]);
  const values = (summary as Fields)[1] as Fields[];
  assertEquals(values.map((value) => value[1]), ["rewards/mini", "kl"]);
  assertEquals(values[0]![2], 1.5);
  assertAlmostEquals(values[1]![2] as number, -0.1, 1e-8);
});

Deno.test("an image carries its extents and its file", () => {
  const png = Uint8Array.from({ length: 200 }, (_, i) => i);
  const { 2: step, 5: summary } = readRecord(
    imageEvent({ time: 0, step: 7 }, "samples", { width: 32, height: 16, png }),
    { 5: { 1: { 1: "text", 4: { 4: "bytes" } } } },
  );
  const { 1: tag, 4: image } = (summary as Fields)[1] as Fields;
  assertEquals([step, tag], [7, "samples"]);
  assertEquals(image, { 1: 16, 2: 32, 3: 3, 4: png });
});

/** A message by field number; a repeated field is an array. */
type Fields = { [field: number]: unknown };
/** How to read the length-delimited fields: text where absent. */
type Schema = { readonly [field: number]: Schema | "text" | "bytes" };

function readRecord(record: Uint8Array, schema: Schema = {}): Fields {
  const view = new DataView(record.buffer, record.byteOffset);
  const length = Number(view.getBigUint64(0, true));
  assertEquals(record.length, 8 + 4 + length + 4);
  const data = record.slice(12, 12 + length);
  assertEquals(view.getUint32(8, true), masked(record.slice(0, 8)));
  assertEquals(view.getUint32(12 + length, true), masked(data));
  return readMessage(data, schema);
}

function masked(data: Uint8Array): number {
  const crc = BigInt(crc32c(data));
  return Number((((crc >> 15n) | (crc << 17n)) % 2n ** 32n + 0xa282ead8n) % 2n ** 32n);
}

function readMessage(data: Uint8Array, schema: Schema): Fields {
  const fields: Fields = {};
  const view = new DataView(data.buffer, data.byteOffset);
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = data[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < data.length) {
    const tag = varint();
    const field = tag >> 3;
    let value: unknown;
    if ((tag & 7) === 0) value = varint();
    else if ((tag & 7) === 1) value = view.getFloat64((at += 8) - 8, true);
    else if ((tag & 7) === 5) value = view.getFloat32((at += 4) - 4, true);
    else {
      const length = varint();
      const bytes = data.slice(at, at += length);
      const kind = schema[field] ?? "text";
      if (kind === "bytes") value = bytes;
      else value = kind === "text" ? new TextDecoder().decode(bytes) : readMessage(bytes, kind);
    }
    fields[field] = field in fields ? [fields[field], value].flat() : value;
  }
  return fields;
}
