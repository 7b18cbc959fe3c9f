/**
 * What a person sees of long work: lines, and on a terminal a bar below them with the time that is left.
 *
 * @module
 */

/** Where lines and the bar go. */
export interface Screen {
  /** Characters that fit on a line. */
  readonly columns: number;
  /** Writes a line. */
  readonly line: (text: string) => void;
  /**
   * Moves the bar; does nothing where there is no terminal.
   *
   * @param done The part of the work that is done, in [0, 1].
   * @param label What is being done.
   */
  readonly progress: (done: number, label: string) => void;
  /** Takes the bar away. */
  readonly clear: () => void;
}

/** What a screen is drawn on. */
export interface Terminal {
  /** Writes a line to stay. */
  readonly line: (text: string) => void;
  /** Writes over the line the cursor is in; `null` where that cannot be. */
  readonly over: ((text: string) => void) | null;
  /** Characters that fit on a line. */
  readonly columns: number;
  /** Milliseconds from some moment on. */
  readonly clock: () => number;
}

/** The terminal that the program runs in: lines to stdout, the bar to stderr. */
export function systemTerminal(): Terminal {
  const encoder = new TextEncoder();
  const isTerminal = Deno.stderr.isTerminal();
  const fits = Deno.stdout.isTerminal() ? Deno.consoleSize().columns : Infinity;
  return {
    line: (text) => console.log(text),
    over: isTerminal ? (text) => void Deno.stderr.writeSync(encoder.encode(`\r\x1b[K${text}`)) : null,
    columns: fits,
    clock: () => performance.now(),
  };
}

/** Makes a screen on a terminal. */
export function screenOn({ line, over, columns, clock }: Terminal): Screen {
  let bar = "";
  let start: { readonly time: number; readonly done: number } | null = null;
  return {
    columns,
    line: (text) => {
      over?.("");
      line(text);
      if (bar !== "") over?.(bar);
    },
    progress: (done, label) => {
      if (over === null) return;
      // What comes before the work itself tells nothing of how fast it goes.
      start = done === 0 ? null : start ?? { time: clock(), done };
      const elapsed = clock() - (start?.time ?? 0);
      const gained = done - (start?.done ?? 0);
      const left = gained > 0 ? `  ${showMinutes(elapsed * (1 - done) / gained)} left` : "";
      bar = `${label}  ${showBar(done, 24)} ${String(Math.floor(100 * done)).padStart(3)}%${left}`;
      over(bar);
    },
    clear: () => {
      if (bar !== "") over?.("");
      bar = "";
    },
  };
}

/** A time in words: `40 s`, `12 min`, `3.5 h`. */
export function showMinutes(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function showBar(done: number, width: number): string {
  const filled = Math.round(done * width);
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}]`;
}
