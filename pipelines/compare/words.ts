/**
 * What came of a comparison, in words; nothing is called more or less that noise explains.
 *
 * @module
 */

import { counted, enumerate, showSigned } from "../report/words.ts";
import { haveSameNames, LEVEL, type Results } from "./results.ts";

/** What is claimed of: the quantity, and how more and less of it are said of one arm. */
const SAID = [
  { key: "in_domain", what: "in domain", verb: "gain" },
  { key: "out_of_domain", what: "out of domain", verb: "gain" },
  { key: "diversity", what: "diversity", verb: "keep" },
] as const;

/** Arms that are named in a sentence at most; more are counted. */
const NAMED = 4;

/** The outcome in a sentence. */
export function outcomeSentence({ reference, results }: Results): string {
  if (results.length === 0) return "There is no run to compare yet.";
  const others = results.filter(({ arm }) => arm !== reference);
  if (others.length === 0) return `There is one arm so far, ${results[0]!.arm}.`;
  if (!others.some(({ values }) => SAID.some(({ key }) => values[key]?.against))) {
    return results.some(({ arm }) => arm === reference)
      ? "No difference can be told from noise yet: that takes two seeds an arm."
      : `There is no run of ${reference} yet, which the others are held against.`;
  }
  const clauses = SAID.flatMap(({ key, what, verb }) =>
    [1, -1].flatMap((sign) => {
      const arms = others.filter(({ values }) => {
        const against = values[key]?.against;
        return against?.isApart && Math.sign(against.difference) === sign;
      }).map(({ arm }) => arm);
      const who = arms.length > NAMED ? `${arms.length} arms` : enumerate(arms).join("");
      return arms.length === 0
        ? []
        : [`${who} ${verb}${arms.length === 1 ? "s" : ""} ${sign > 0 ? "more" : "less"} ${what}`];
    })
  );
  if (clauses.length > 0) return `Against ${reference}, ${clauses.join("; ")}.`;
  const telling = others.filter(({ values }) => SAID.some(({ key }) => values[key]?.against));
  const who = telling.length === others.length
    ? "No arm"
    : `None of the ${counted(telling.length, "arm")} with two seeds or more`;
  return `${who} differs from ${reference} in gain, price or diversity by more than noise.`;
}

/** What the sentence says, arm by arm, each with its interval. */
export function claimsOf({ reference, results }: Results): readonly string[] {
  return SAID.flatMap(({ key, what, verb }) =>
    results.flatMap(({ arm, values }) => {
      const against = values[key]?.against;
      if (!against?.isApart) return [];
      const { difference, low, high } = against;
      return [
        `${arm} ${verb}s ${difference > 0 ? "more" : "less"} ${what} than ${reference}: ${
          showSigned(difference)
        }, ` +
        `${LEVEL * 100} % interval ${showSigned(low)} to ${showSigned(high)}.`,
      ];
    })
  );
}

/** How to read the numbers. */
export function basisSentence({ reference, results, evaluated }: Results): string {
  const counts = results.map(({ runs }) => runs.length);
  const epochs = results.flatMap(({ runs }) => runs.map(({ epochs }) => epochs));
  const seeds = counts.every((count) => count === counts[0])
    ? `${counted(counts[0] ?? 0, "seed")} an arm`
    : `${Math.min(...counts)} to ${Math.max(...counts)} seeds an arm`;
  const lengths = epochs.every((count) => count === epochs[0])
    ? ""
    : `, of ${Math.min(...epochs)} to ${Math.max(...epochs)} epochs`;
  const others = results.filter(({ arm }) => arm !== reference);
  const own = results.find(({ arm }) => arm === reference)?.in_domain ?? [];
  const star = `A star marks what differs from ${reference} by more than noise: its interval of ${
    LEVEL * 100
  } %${others.length > 1 ? `, for the ${others.length} arms of a column together,` : ""} excludes 0. ${
    others.every(({ in_domain }) => haveSameNames(in_domain, own))
      ? ""
      : "What is gained in domain, each arm in the rewards that it trained on, is held against arms of the same ones only. "
  }`;
  return `Means${Math.max(...counts) > 1 ? " ± standard errors" : ""} over ${seeds}${lengths}. ${
    Math.max(...counts) > 1 && others.length > 0 ? star : ""
  }Gains are in base standard deviations, on ${
    evaluated
      ? "images that attune evaluate drew by the last checkpoint, or by the best where the guard rolled a run back"
      : "the images of the last evaluation during training"
  }.`;
}

/** Which runs were left out and why, a sentence for each reason. */
export function leftOutSentences({ left_out }: Results): readonly string[] {
  return [...Map.groupBy(left_out, ({ why }) => why)].map(([why, runs]) =>
    `Left out, as ${why}: ${runs.map(({ name }) => name).join(", ")}.`
  );
}
