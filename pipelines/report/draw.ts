/**
 * Draws a figure as SVG that takes its colours from the page.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { type Markup, markup, trusted } from "./markup.ts";

/** A drawing and what to call it. */
export interface Drawing {
  /** Pixels across, at the size it is drawn for. */
  readonly width: number;
  /** Pixels down. */
  readonly height: number;
  /** The name that a screen reader says. */
  readonly title: string;
  /** What is to be seen, in words. */
  readonly description: string;
  /** Everything else, as Plot takes it. */
  readonly options: Plot.PlotOptions;
}

/** The part of a document that is used here; Plot is told of it, as there is no browser. */
interface Page {
  readonly document: NonNullable<Plot.PlotOptions["document"]>;
}

/** How all grids look. */
export const GRID = { stroke: "var(--line)", strokeOpacity: 1 } as const;

/** How all axes look. */
export const AXIS = { tickSize: 0, labelArrow: "none", fill: "var(--muted)" } as const;

/** Draws. */
export function draw({ width, height, title, description, options }: Drawing): Markup {
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as Page;
  const plot = Plot.plot({ ...options, width, height, document, className: "plot" });
  plot.querySelector("style")?.remove();
  for (const name of ["width", "height", "fill", "font-family", "font-size"]) plot.removeAttribute(name);
  plot.setAttribute("role", "img");
  // The page takes text between tags; Plot escapes its own.
  const [start, rest] = splitAfter(plot.outerHTML, ">");
  return markup`${trusted(start)}<title>${title}</title><desc>${description}</desc>${trusted(rest)}`;
}

function splitAfter(text: string, mark: string): readonly [string, string] {
  const end = text.indexOf(mark) + mark.length;
  return [text.slice(0, end), text.slice(end)];
}
