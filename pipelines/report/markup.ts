/**
 * Markup from templates whose values are escaped.
 *
 * @module
 */

/** Markup that is safe to lay into a page. */
export interface Markup {
  /** The markup itself. */
  readonly text: string;
}

/** What a template takes: text is escaped, markup is laid in, lists are joined, and nothing is nothing. */
export type Part = Markup | string | number | false | null | undefined | readonly Part[];

/** Makes markup: ``markup`<p>${text}</p>` ``. */
export function markup(pieces: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { text: pieces.map((piece, i) => piece + markupOf(parts[i])).join("") };
}

/** Takes markup that was made elsewhere as it is. */
export function trusted(text: string): Markup {
  return { text };
}

function markupOf(part: Part): string {
  if (part === undefined || part === null || part === false) return "";
  if (typeof part === "string") return escape(part);
  if (typeof part === "number") return String(part);
  return "text" in part ? part.text : part.map(markupOf).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
