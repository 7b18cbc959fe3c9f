/**
 * The report's style sheet.
 *
 * @module
 */

/** Colours of one scheme. */
export interface Palette {
  /** Behind everything. */
  readonly paper: string;
  /** Behind code and tables' heads. */
  readonly tint: string;
  /** Text. */
  readonly ink: string;
  /** Text that stands back. */
  readonly muted: string;
  /** Lines between things. */
  readonly line: string;
  /** What asks for attention. */
  readonly alert: string;
  /** One for each reward, the trained one first. */
  readonly rewards: readonly string[];
  /** Parts of a whole; names are written in the first four. */
  readonly shades: readonly string[];
}

/** By day. */
export const LIGHT: Palette = {
  paper: "#fdfcfa",
  tint: "#f3f1ec",
  ink: "#1e1e20",
  muted: "#65625c",
  line: "#e2dfd8",
  alert: "#9c4a00",
  rewards: ["#c2331c", "#1b62b5", "#0d7a5f", "#8a4fc4", "#965705", "#b3307e", "#55741a", "#3f6f80"],
  shades: ["#102a43", "#1f4e72", "#2f6f95", "#117a72", "#8fb4c4", "#c3d6de"],
};

/** By night. */
export const DARK: Palette = {
  paper: "#17181b",
  tint: "#212226",
  ink: "#e9e6e1",
  muted: "#a5a29b",
  line: "#33343a",
  alert: "#ffb366",
  rewards: ["#ff8468", "#74b0ff", "#4fcba6", "#c7a0ff", "#f0b45a", "#f58cc4", "#add15f", "#8fc3d6"],
  shades: ["#b9d8ea", "#84b5d8", "#5b97c7", "#6fc0b4", "#4d7686", "#3a5663"],
};

/** The style sheet. */
export function styleSheet(): string {
  return `:root { color-scheme: light dark; ${variables(LIGHT)} }
@media (prefers-color-scheme: dark) { :root { ${variables(DARK)} } }
${LIGHT.rewards.map((_, i) => `.r${i} { color: var(--reward-${i}); }`).join("\n")}
${RULES}`;
}

function variables({ rewards, shades, ...colours }: Palette): string {
  return [
    ...Object.entries(colours).map(([name, colour]) => `--${name}: ${colour};`),
    ...rewards.map((colour, i) => `--reward-${i}: ${colour};`),
    ...shades.map((colour, i) => `--shade-${i}: ${colour};`),
  ].join(" ");
}

const RULES = `
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 68rem; overflow-wrap: break-word;
  background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif;
}
h1, h2, .outcome { font-family: ui-serif, Charter, Georgia, Cambria, serif; font-weight: 600; text-wrap: balance; }
h1 { margin: 0; font-size: 1.15rem; color: var(--muted); font-weight: 500; }
h2 { margin: 3.2rem 0 0.4rem; font-size: 1.5rem; line-height: 1.25; }
h3 { margin: 0; font-size: 1rem; }
p { margin: 0.4rem 0; max-width: 44rem; }
.outcome { margin: 0.6rem 0 1rem; max-width: 50rem; font-size: clamp(1.35rem, 0.9rem + 1.9vw, 2rem); line-height: 1.3; text-wrap: pretty; }
.reward { font-weight: inherit; }
td .reward, p:not(.outcome) .reward { font-weight: 600; }
.basis, .facts, figcaption p, .missing { color: var(--muted); font-size: 0.9rem; line-height: 1.45; }
.facts { margin: 1.2rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.3rem 1.8rem; list-style: none; }
.facts b { color: var(--ink); font-weight: 600; }
.notes { margin: 1.2rem 0 0; padding: 0.6rem 1rem; border-left: 3px solid var(--alert); background: var(--tint); list-style: none; max-width: 50rem; }
.claims { margin: 0 0 1rem; padding: 0; list-style: none; font-variant-numeric: tabular-nums; }
h3 + .scroll { margin-top: 0.5rem; }
section > .basis + h3 { margin-top: 2rem; }
.notes li + li { margin-top: 0.3rem; }
.figures { display: grid; gap: 2.2rem 2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); margin-top: 1.2rem; }
.figures.pair { grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); }
figure { margin: 0; min-width: 0; display: flex; flex-direction: column; gap: 0.5rem; }
figure.whole { grid-column: 1 / -1; }
figcaption p { margin: 0.15rem 0 0; }
.plot { display: block; width: 100%; height: auto; max-width: 26rem; overflow: visible; font: 11.5px system-ui, sans-serif; fill: currentColor; }
.pair .plot { max-width: 34rem; }
.plot text { white-space: pre; font-variant-numeric: tabular-nums; }
.wide { display: none; }
.wide .plot { max-width: none; }
.missing { border: 1px dashed var(--line); border-radius: 4px; padding: 2rem 1rem; text-align: center; max-width: none; }
.grids { display: grid; gap: 1.6rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); margin-top: 1.2rem; }
.grids img { display: block; width: 100%; height: auto; background: #fff; border: 1px solid var(--line); border-radius: 4px; }
.scroll { overflow-x: auto; margin-top: 1rem; border: 1px solid var(--line); border-radius: 4px; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--reward-1); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: 0.35rem 0.8rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; background: var(--tint); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; }
td, th { white-space: nowrap; }
.number { text-align: right; }
.long { min-width: 16rem; white-space: normal; color: var(--muted); }
.value { white-space: normal; overflow-wrap: anywhere; min-width: 7rem; }
.setting { white-space: normal; width: 60%; overflow-wrap: anywhere; }
.setting p, .value p { margin: 0; color: var(--muted); font-weight: 400; overflow-wrap: break-word; }
.changed td, .changed th { background: var(--tint); }
details { margin-top: 1rem; }
summary { cursor: pointer; font-weight: 600; }
pre { margin: 0.4rem 0 1.2rem; padding: 0.7rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--tint); border-radius: 4px; font-size: 0.85rem; line-height: 1.5; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.92em; }
@media (min-width: 60rem) {
  body { padding: 3.5rem 2rem 6rem; }
  .wide { display: block; }
  .narrow { display: none; }
}
@media print { body { max-width: none; } .figures, .grids { break-inside: avoid; } }
`;
