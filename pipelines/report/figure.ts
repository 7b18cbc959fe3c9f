/**
 * A figure of the report: a drawing with a heading and a sentence on how to read it.
 *
 * @module
 */

import { type Markup, markup, type Part } from "./markup.ts";

/** A figure, or the place where it would be. */
export interface Figure {
  /** What it shows. */
  readonly title: string;
  /** How to read it. */
  readonly note: Part;
  /** The drawing for a column; `null` where there is nothing to draw. */
  readonly drawing: Markup | null;
  /** The drawing for the page's whole width, where there is one. */
  readonly wide?: Markup;
  /** Why there is nothing to draw. */
  readonly missing?: string;
}

/** Lays a figure out. */
export function showFigure({ title, note, drawing, wide, missing }: Figure): Markup {
  const body = drawing === null
    ? markup`<p class="missing">${missing ?? "There is nothing to draw yet."}</p>`
    : wide === undefined
    ? drawing
    : markup`
      <div class="narrow">${drawing}</div>
      <div class="wide">${wide}</div>
    `;
  return markup`
    <figure${
    wide === undefined ? "" : markup`
      class="whole"
    `
  }>
    <figcaption><h3>${title}</h3><p>${note}</p></figcaption>
    ${body}
    </figure>
  `;
}
