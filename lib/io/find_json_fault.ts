/**
 * What `JSON.parse` lets pass and a file's header must not have: a key twice in one record, of which the last would count, and
 * records in records without end.
 * @module
 */

import { showName } from "./show.ts";

/**
 * Finds the first such fault of a text.
 *
 * @param text JSON, or anything else, in which what is found may be wrong: `JSON.parse` refuses it anyway.
 * @param deepest How many records and lists may lie in one another.
 * @returns The fault in words; `undefined` if there is none.
 */
export function findJsonFault(text: string, deepest: number): string | undefined {
  const keys: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (letter === "{" || letter === "[") {
      if (keys.push(new Set()) > deepest) return `records lie more than ${deepest} deep at letter ${i}`;
    } else if (letter === "}" || letter === "]") {
      keys.pop();
    } else if (letter === '"') {
      const end = endOfString(text, i);
      const own = keys.at(-1);
      if (own && isKey(text, end)) {
        const name = String(JSON.parse(text.slice(i, end)));
        if (own.has(name)) return `the key ${showName(name)} is there twice`;
        own.add(name);
      }
      i = end - 1;
    }
  }
}

/** Behind the closing quote of the string that begins at a letter. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}

function isKey(text: string, end: number): boolean {
  let i = end;
  while (text[i] === " " || text[i] === "\n" || text[i] === "\r" || text[i] === "\t") i++;
  return text[i] === ":";
}
