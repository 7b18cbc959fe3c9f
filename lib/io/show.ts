/**
 * What a file holds, as words of a message: one line, short, whatever it is.
 * @module
 */

/** Letters that are shown of a name. */
const MOST_LETTERS = 120;
/** Items that are shown of a list. */
const MOST_ITEMS = 8;

/** A name as it stands, but quoted where it is empty or has unprintable letters, and cut where it is long. */
export function showName(name: string): string {
  const cut = name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS)}…` : name;
  return /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(cut)
    ? cut
    : JSON.stringify(cut).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}

/** Any value: words, numbers and lists of them as JSON has them, others by their kind. */
export function show(value: unknown): string {
  if (!Array.isArray(value)) return showItem(value);
  const items = value.slice(0, MOST_ITEMS).map(showItem);
  return `[${items.join(", ")}${value.length > MOST_ITEMS ? `, … ${value.length} in all` : ""}]`;
}

function showItem(value: unknown): string {
  if (typeof value === "string") return showName(JSON.stringify(value.slice(0, MOST_LETTERS)));
  if (typeof value === "bigint") return showName(`${value}`);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "a record" : String(value);
}
