/**
 * Slots that programs share: a queue runs one program after the other, and none finds in its slots what it left there.
 *
 * The largest slot of every program is one buffer, so are their second largest, and so on. Slots that have to stay as they
 * are between runs are a program's own.
 * @module
 */

import type { BufferPool, PoolBuffer } from "./memory.ts";

/** The slots of one program. */
export interface ReservedSlots<B> {
  /** Those that are nobody else's, with any content. */
  readonly own: readonly B[];
  /** All of them, in the order they were asked for: another array as soon as one of them is another buffer. */
  buffers(): readonly B[];
  /** Gives them back. */
  release(): void;
}

/** The slots of all programs of a runtime. */
export interface SharedSlots<B> {
  /**
   * Asks for slots. Shared ones come to be, and to be as large as is asked, when the program first uses them.
   *
   * @param bytes Of each.
   * @param own Those that must not be shared, by their position.
   */
  reserve(bytes: readonly number[], own: readonly number[]): ReservedSlots<B>;
}

/** Keeps the slots of a runtime. */
export function sharedSlots<B extends PoolBuffer>(pool: BufferPool<B>): SharedSlots<B> {
  const wanted = new Set<readonly number[]>();
  let shared: (B | null)[] = [];
  let isFitting = true;
  let version = 0;
  /** Drops what is not of the size that is wanted now, so that larger buffers take its place and not stand beside it. */
  const trim = (): number[] => {
    const sizes = largestByRank(wanted);
    shared = Array.from({ length: Math.max(sizes.length, shared.length) }, (_, rank) => {
      const buffer = shared[rank] ?? null;
      if (buffer === null || buffer.size === sizes[rank]) return buffer;
      pool.drop(buffer);
      return null;
    }).slice(0, sizes.length);
    isFitting = false;
    return sizes;
  };
  const fit = (): void => {
    if (isFitting) return;
    const sizes = trim();
    shared = shared.map((buffer, rank) => buffer ?? pool.take(sizes[rank]!));
    isFitting = true;
    version++;
  };
  return {
    reserve: (bytes, ownPositions) => {
      const own = new Map(ownPositions.map((position) => [position, pool.take(bytes[position]!)]));
      const ranked = [...bytes.keys()].filter((position) => !own.has(position))
        .sort((a, b) => bytes[b]! - bytes[a]! || a - b);
      const ranks = new Map(ranked.map((position, rank) => [position, rank]));
      const want = ranked.map((position) => bytes[position]!);
      let isReleased = false;
      let seen = -1;
      let mine: readonly B[] = [];
      return {
        own: [...own.values()],
        buffers: () => {
          if (!wanted.has(want)) {
            wanted.add(want);
            isFitting = false;
          }
          fit();
          if (seen !== version) {
            seen = version;
            mine = bytes.map((_, position) => own.get(position) ?? shared[ranks.get(position)!]!);
          }
          return mine;
        },
        release: () => {
          if (isReleased) return;
          isReleased = true;
          own.forEach(pool.give);
          wanted.delete(want);
          trim();
        },
      };
    },
  };
}

/** Of the largest, the second largest, … of each list the largest; every list falls. */
function largestByRank(lists: Iterable<readonly number[]>): number[] {
  const largest: number[] = [];
  for (const list of lists) {
    list.forEach((bytes, rank) => largest[rank] = Math.max(bytes, largest[rank] ?? 0));
  }
  return largest;
}
