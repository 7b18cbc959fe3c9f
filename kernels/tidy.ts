/**
 * Lays generated shader text out for a reader.
 * @module
 */

/** Indents WGSL by its braces, two spaces a level, and drops the blank lines of pieces that were left out. */
export function tidy(code: string): string {
  let depth = 0;
  const lines: string[] = [];
  for (const line of code.split("\n").map((text) => text.trim())) {
    if (line === "" && (depth > 0 || lines.at(-1) === "")) continue;
    const opens = line.split("{").length - 1;
    const closes = line.split("}").length - 1;
    const leads = line.startsWith("}") ? 1 : 0;
    lines.push("  ".repeat(depth - leads) + line);
    depth += opens - closes;
  }
  return lines.join("\n");
}
