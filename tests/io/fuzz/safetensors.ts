/**
 * Mutations that know what a safetensors file is made of.
 * @module
 */

import { join } from "../torch_writer.ts";
import type { Draws } from "./draws.ts";

/** Changes tensors or tokens of the header, or the bytes behind it; the header's length is mostly right again. */
export function mutateSafetensors(file: Uint8Array, draws: Draws): Uint8Array {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  let json = new TextDecoder().decode(file.subarray(8, 8 + length));
  for (let edit = draws.below(2); edit >= 0; edit--) {
    json = draws.below(5) ? mutateEntries(json, file.length, draws) : mutateTokens(json, file.length, draws);
  }
  const text = new TextEncoder().encode(json);
  const said = draws.below(12) ? text.length : draws.number(file.length);
  const data = file.subarray(8 + length);
  const kept = draws.below(8) ? data : data.subarray(0, draws.below(data.length + 1));
  return join(new Uint8Array(BigInt64Array.of(BigInt(said)).buffer), text, kept);
}

const NAMES = ["__proto__", "__metadata__", "constructor", "", "a\nb", "\u2028", "x".repeat(300), "10"];
const DTYPES = ["F32", "F16", "BF16", "I64", "U8", "BOOL", "F64", "I32", "F8_E4M3", "Q4", "f32", ""];
const TOKENS = [
  ..."{}[],:",
  '""',
  '"\\u0000"',
  '"__proto__"',
  "null",
  "true",
  "1e400",
  "-0",
  "1.5",
  "01",
  "NaN",
  "[[[]]]",
  "{}",
  "\u00e9",
];

/** Edits the tensors of a header that is still JSON; one that is not stays as it is. */
function mutateEntries(json: string, length: number, draws: Draws): string {
  const entries = entriesOf(json);
  if (entries.length === 0) return json;
  const index = draws.below(entries.length);
  const [name, field] = entries[index]!;
  const { dtype, shape, data_offsets: offsets } = Object(field) as Record<string, unknown>;
  const list = (value: unknown) => Array.isArray(value) ? [...value] : [0];
  const changed = (value: unknown) => {
    const items = list(value);
    items[draws.below(items.length + 1)] = draws.number(length);
    return items;
  };
  const change = (fields: Record<string, unknown>) =>
    entries.with(index, [name, { ...Object(field), ...fields }]);
  const other = draws.one(entries)[1];
  const next = [
    () => change({ dtype: draws.one(DTYPES) }),
    () => change({ shape: changed(shape) }),
    () => change({ shape: list(shape).reverse() }),
    () => change({ data_offsets: changed(offsets) }),
    () => change({ data_offsets: list(offsets).reverse() }),
    () => change({ shape: list(shape).flatMap((extent) => [1, extent]), dtype }),
    () => entries.with(index, [draws.one(NAMES), field]),
    () => entries.with(index, [name, draws.one([null, 3, "", [], {}, other])]),
    () => [...entries, [draws.one([name, ...NAMES]), draws.one([field, other])] as const],
    () => entries.toSpliced(index, 1),
    () => entries.toReversed(),
  ];
  const texts = draws.one(next)().map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return `{${texts.join(",")}}`;
}

function mutateTokens(json: string, length: number, draws: Draws): string {
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|-?\d+|./gsu) ?? [];
  const at = draws.below(tokens.length + 1);
  const token = draws.one([...TOKENS, `${draws.number(length)}`, draws.one(["", ...tokens])]);
  return tokens.toSpliced(at, draws.below(3), ...draws.one([[], [token], [token, token]])).join("");
}

function entriesOf(json: string): readonly (readonly [string, unknown])[] {
  try {
    return Object.entries(Object(JSON.parse(json)));
  } catch {
    return [];
  }
}
