/**
 * HTML's character references resolved, as Python's `html.unescape` does it.
 * @module
 */

import { decodeHTML } from "entities";

/**
 * Replaces `&amp;`, `&#38;`, `&#x26;` and their like, also where the semicolon is missing and HTML knows the name without it.
 *
 * Differs from browsers in numbers: those of control characters and of no characters give nothing.
 */
export function resolveEntities(text: string): string {
  return text.replace(/&(?:#(\d+);?|#[xX]([\da-fA-F]+);?|[^\t\n\f <&#;]{1,32};?)/g, (match, decimal, hex) => {
    if (decimal === undefined && hex === undefined) return decodeHTML(match);
    const code = decimal === undefined ? parseInt(hex, 16) : Number(decimal);
    return numbered(code);
  });
}

/** The character of a number. */
function numbered(code: number): string {
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return "\ufffd";
  if (code === 0x0d) return "\r";
  // Windows' characters, by HTML's table.
  if (code >= 0x80 && code <= 0x9f) return decodeHTML(`&#${code};`);
  const isControl = code < 0x20 && !/\s/.test(String.fromCodePoint(code)) || code === 0x7f || code === 0x0b;
  const isNone = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
  return isControl || isNone ? "" : String.fromCodePoint(code);
}
