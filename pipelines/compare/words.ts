/**
 * What came of a comparison, in words; nothing is called more or less that noise explains.
 *
 * @module
 */

import { counted, enumerate, showSigned } from "../report/words.ts";
import { LEVEL, type Results } from "./results.ts";

/** What the sentence is about: the quantity, and how more and less of it are said. */
const SAID = [
  { key: "in_domain", what: "in domain", more: "gains more", less: "gains less" },
  { key: "out_of_domain", what: "out of domain", more: "gains more", less: "gains less" },
  { key: "diversity", what: "diversity", more: "keeps more", less: "keeps less" },
] as const;

/** The outcome in a sentence or two. */
export function outcomeSentence({ reference, results }: Results): string {
  if (results.length === 0) return "There is no run to compare yet.";
  const others = results.filter(({ arm }) => arm !== reference);
  if (others.length === 0) return `There is one arm so far, ${results[0]!.arm}.`;
  const known = others.filter(({ values }) => SAID.some(({ key }) => values[key]?.against));
  if (known.length === 0) {
    return results.some(({ arm }) => arm === reference)
      ? "Nothing can be told from noise: it takes two seeds an arm."
      : `There is no run of ${reference} yet, which the others are held against.`;
  }
  const clauses = known.flatMap(({ arm, values }) => {
    const said = SAID.flatMap(({ key, what, more, less }) => {
      const against = values[key]?.against;
      if (!against?.isApart) return [];
      const { difference, low, high } = against;
      return [`${difference > 0 ? more : less} ${what} (${showSigned(difference)}, ${showInterval(low, high)})`];
    });
    return said.length === 0 ? [] : [`${arm} ${enumerate(said).join("")}`];
  });
  return clauses.length === 0
    ? `No arm differs from ${reference} in gain, price or diversity by more than noise.`
    : `Against ${reference}, ${clauses.join("; ")}. Everything else is within noise.`;
}

/** How to read the numbers. */
export function basisSentence({ reference, results, evaluated }: Results): string {
  const counts = results.map(({ runs }) => runs.length);
  const seeds = counts.every((count) => count === counts[0])
    ? `${counted(counts[0] ?? 0, "seed")} an arm`
    : `${Math.min(...counts)} to ${Math.max(...counts)} seeds an arm`;
  const others = results.filter(({ arm }) => arm !== reference).length;
  return `Means ± standard errors over ${seeds}. A star marks what differs from ${reference} by more than noise: Welch’s ` +
    `interval of ${LEVEL * 100} % for the ${counted(others, "arm")} of a column together is without 0. ` +
    `Gains are in base standard deviations, on ${
      evaluated ? "images that attune evaluate drew of the last checkpoint" : "the last evaluation of training"
    }.`;
}

function showInterval(low: number, high: number): string {
  return `${LEVEL * 100} % interval ${showSigned(low)} to ${showSigned(high)}`;
}
