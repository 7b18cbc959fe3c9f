/**
 * Places labels beside the lines they name.
 *
 * @module
 */

/** Letters of the longest label. */
const LONGEST = 20;

/**
 * Moves positions apart until neighbours are at least `gap` from each other, in their order, as near to where they
 * belong as can be and inside the bounds as far as there is room.
 *
 * @returns The new positions, in the order given.
 */
export function spread(
  positions: readonly number[],
  gap: number,
  [low, high]: readonly [number, number],
): readonly number[] {
  const order = positions.map((_, i) => i).sort((a, b) => positions[a]! - positions[b]!);
  // Neighbours that would touch stand together as a block around the mean of where they belong.
  const blocks: { sum: number; count: number }[] = [];
  const startOf = ({ sum, count }: { sum: number; count: number }) => {
    const length = (count - 1) * gap;
    return Math.max(low, Math.min(sum / count - length / 2, high - length));
  };
  for (const i of order) {
    let block = { sum: positions[i]!, count: 1 };
    for (let last = blocks.at(-1); last !== undefined; last = blocks.at(-1)) {
      if (startOf(last) + last.count * gap <= startOf(block)) break;
      blocks.pop();
      block = { sum: last.sum + block.sum, count: last.count + block.count };
    }
    blocks.push(block);
  }
  const placed = blocks.flatMap((block) =>
    Array.from({ length: block.count }, (_, j) => startOf(block) + j * gap)
  );
  const spaced: number[] = [];
  order.forEach((i, rank) => spaced[i] = placed[rank]!);
  return spaced;
}

/** The text, cut where it is too long to stand beside a line. */
export function shorten(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}

/** About how wide a text is in the figures' font, in pixels. */
export function labelWidth(text: string): number {
  return Math.ceil(text.length * 6.3);
}
