/**
 * Mutations that know what a torch file of either form is made of.
 * @module
 */

import { type Members, zipOf } from "../torch_writer.ts";
import { join } from "../torch_writer.ts";
import { withWord } from "./bytes.ts";
import type { Draws } from "./draws.ts";
import { mutatePickle, splitOpcodes } from "./pickle.ts";

/** Changes members, opcodes of the pickle or fields of the directory; the archive is mostly whole again. */
export function mutateZip(members: Members, draws: Draws): Uint8Array {
  const changed = draws.below(4) ? mutateMember(members, draws) : members;
  const archive = zipOf(changed, {
    zip64: draws.below(4) === 0,
    streamed: draws.below(4) === 0,
    method: draws.one([0, 0, 0, 0, 0, 0, 0, 8]),
  });
  return draws.below(3) ? archive : mutateFields(archive, draws);
}

/** Changes opcodes of the five pickles, or the number of elements before a storage. */
export function mutateLegacy(file: Uint8Array, draws: Draws): Uint8Array {
  const { pickles, end } = splitPickles(file);
  if (draws.below(4) === 0) return withWord(file, end, 8, draws.number(file.length));
  const index = draws.one([3, 3, 3, 4, draws.below(pickles.length)]);
  return join(...pickles.with(index, mutatePickle(pickles[index]!, draws)), file.subarray(end));
}

const NAMES = ["a/data.pkl", "data.pkl", "a/data/0", "a/data/", "a/byteorder", "", "../a", "a\nb"];

function mutateMember(members: Members, draws: Draws): Members {
  const names = Object.keys(members);
  const pickle = names.find((name) => name.endsWith("/data.pkl"))!;
  const name = draws.one([...Array(2 * names.length).fill(pickle), ...names]);
  const bytes = members[name]!;
  if (name === pickle && draws.below(8)) return { ...members, [name]: mutatePickle(bytes, draws) };
  const { [name]: _, ...others } = members;
  return draws.one([
    others,
    { ...others, [draws.one(NAMES)]: bytes },
    { ...members, [name]: bytes.subarray(0, draws.below(bytes.length + 1)) },
    { ...members, [name]: join(bytes, bytes) },
    { ...members, [draws.one(NAMES)]: members[draws.one(names)]! },
  ]);
}

/** Puts a number into a field of one of the records that begin with `PK`. */
function mutateFields(archive: Uint8Array, draws: Draws): Uint8Array {
  const records = Array.from(archive.keys()).filter((at) => archive[at] === 0x50 && archive[at + 1] === 0x4b);
  const record = draws.one([...records, ...Array(3).fill(records.at(-1)!)]);
  return withWord(archive, record + 2 * draws.below(28), draws.one([2, 4, 8]), draws.number(archive.length));
}

function splitPickles(file: Uint8Array) {
  const stop = 0x2e;
  const pickles: Uint8Array[] = [];
  let start = 0;
  let at = 0;
  for (const opcode of splitOpcodes(file)) {
    at += opcode.length;
    if (opcode[0] !== stop) continue;
    pickles.push(file.subarray(start, at));
    start = at;
    if (pickles.length === 5) break;
  }
  return { pickles, end: start };
}
