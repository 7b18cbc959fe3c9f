/**
 * Cutting TensorBoard event files, for runs that go on from an earlier step.
 * @module
 */

/**
 * The records of an event file from its start on that belong to no later step; a record that is not whole ends it.
 *
 * @param file Records as `lib/io/tfevents.ts` writes them.
 * @param lastStep The last step to keep.
 */
export function eventsUpTo(file: Uint8Array<ArrayBuffer>, lastStep: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let end = 0;
  while (end + HEAD <= file.length) {
    const length = Number(view.getBigUint64(end, true));
    const next = end + HEAD + length + TAIL;
    if (next > file.length || stepOf(file.subarray(end + HEAD, next - TAIL)) > lastStep) break;
    end = next;
  }
  return file.slice(0, end);
}

/** The length of a record and its checksum. */
const HEAD = 12;
/** The checksum of a record's content. */
const TAIL = 4;

/** The step of an event, which stands behind the time if it is not 0: field 2, a varint. */
function stepOf(event: Uint8Array): number {
  const time = 9;
  if (event[time] !== 2 << 3) return 0;
  let step = 0;
  for (let i = time + 1, unit = 1; i < event.length; i++, unit *= 128) {
    step += (event[i]! & 127) * unit;
    if (event[i]! < 128) break;
  }
  return step;
}
