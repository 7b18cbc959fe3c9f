/**
 * Slots: memory that values share if they do not live at the same time.
 *
 * Larger values choose first, so that smaller ones fill the gaps of their slots ("greedy by size", Pisarchyk & Lee 2020,
 * https://arxiv.org/abs/2001.03288).
 * @module
 */

/** When a value is in memory. */
export interface Lifetime {
  /** How much of it. */
  readonly bytes: number;
  /** The dispatch that writes it. */
  readonly first: number;
  /** The last dispatch that reads it. */
  readonly last: number;
}

/** Slots, and who is in which. */
export interface Slots {
  /** Bytes of every slot. */
  readonly bytes: readonly number[];
  /** The slot of each lifetime. */
  readonly of: readonly number[];
}

/** What slots are rounded up to. */
const GRANULARITY = 256;

/** Assigns slots. Values of one dispatch never share, so that none is read and written in one. */
export function assignSlots(lifetimes: readonly Lifetime[]): Slots {
  const bySize = [...lifetimes.keys()].sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || a - b);
  const slots: Lifetime[][] = [];
  const of = new Array<number>(lifetimes.length);
  for (const i of bySize) {
    const own = lifetimes[i]!;
    const shared = slots.findLastIndex((others) => others.every((other) => !overlap(own, other)));
    of[i] = shared >= 0 ? shared : slots.push([]) - 1;
    slots[of[i]!]!.push(own);
  }
  const bytes = slots.map(([largest]) => Math.ceil(largest!.bytes / GRANULARITY) * GRANULARITY);
  return { bytes, of };
}

function overlap(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}
