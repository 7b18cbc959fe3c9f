/**
 * A page that needs nothing beside it: no script, no network, light and dark.
 *
 * @module
 */

import { type Markup, markup, trusted } from "./markup.ts";
import { styleSheet } from "./style.ts";

/** Lays a page out around its header and main part. */
export function documentOf(title: string, body: Markup): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>
${trusted(styleSheet())}</style>
</head>
<body>
${body}</body>
</html>
`.text;
}

/** What is folded away under a line. */
export function details(summary: string, content: Markup): Markup {
  return markup`<details><summary>${summary}</summary>
${content}</details>
`;
}
