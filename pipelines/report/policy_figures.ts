/**
 * The figures of the policy: how far it went, and how its optimizer fared.
 *
 * @module
 */

import type { Figure } from "./figure.ts";
import { lineAt, lineFigure, stepLines } from "./line_figure.ts";
import { extent, type Line, ZERO } from "./lines.ts";
import { epochOf, type Run } from "./read_run.ts";
import { numberAt } from "./tree.ts";
import { showNumber, showShare } from "./words.ts";

/** What became of the images and of the policy that draws them. */
export function driftFigures(run: Run): readonly Figure[] {
  return [baseDivergenceFigure(run), diversityFigure(run)];
}

/** What its updates were like. */
export function updateFigures(run: Run): readonly Figure[] {
  return [
    clipFigure(run),
    approxKlFigure(run),
    gradientFigure(run),
    signalFigure(run),
    ...noiseByStepFigure(run),
    lossFigure(run),
  ];
}

function baseDivergenceFigure(run: Run): Figure {
  // The grid's images and the evaluation's are not the same: one of them makes the line, the one that was looked at more often.
  const [grid, evaluation] = [["kl_to_base"], ["evaluation", "kl_to_base"]]
    .map((path) => lineAt(run, "KL", "var(--ink)", path));
  return lineFigure(run, {
    title: "Distance from the base model",
    note: "KL divergence of the tuned model’s trajectories from the base model’s (kl_to_base).",
    lines: [evaluation!.points.length > grid!.points.length ? evaluation! : grid!],
    options: { reach: [0] },
    field: "kl_to_base",
  });
}

function diversityFigure(run: Run): Figure {
  const evaluated = lineAt(run, "evaluation", "var(--ink)", ["evaluation", "diversity", "within"]);
  const sampled = lineAt(run, "batches", "var(--muted)", ["diversity", "within"], ["diversity"]);
  const { points } = evaluated.points.length > 1 ? evaluated : sampled;
  const [base, last] = [points[0]?.value ?? 0, points.at(-1)?.value ?? 0];
  const ratio = points.length < 2 || base <= 0
    ? ""
    : ` Now ${showShare(last / base)} of what it was at first.`;
  return lineFigure(run, {
    title: "Diversity of images",
    note: `How different images of one prompt are to a judge; at 0 they are all alike.${ratio}`,
    lines: [{ ...evaluated, isBold: true }, sampled],
    options: { reach: [0] },
    field: "diversity",
  });
}

function clipFigure(run: Run): Figure {
  return lineFigure(run, {
    title: "How often the clip decides",
    note: "The part of samples whose update the clip range stopped.",
    lines: policyAndCritic(run, ["clip_fraction"], ["critic_clip_fraction"]),
    options: { reach: [0], show: showShare },
    field: "clip_fraction",
  });
}

function approxKlFigure(run: Run): Figure {
  return lineFigure(run, {
    title: "How far an epoch moves the policy",
    note: "Estimated KL divergence from the policy that drew the samples (approx_kl).",
    lines: [lineAt(run, "policy", "var(--ink)", ["approx_kl"])],
    options: { reach: [0] },
    field: "approx_kl",
  });
}

function gradientFigure(run: Run): Figure {
  const limit = numberAt(run.config, "train", "max_grad_norm");
  const lines = policyAndCritic(run, ["grad_norm", "policy"], ["grad_norm", "critic"]);
  const [low, high] = extent(lines.flatMap(({ points }) => points.map(({ value }) => value)));
  const isLogarithmic = low > 0 && high / low > 20;
  const hasLimit = limit !== undefined && limit > low / 10 && limit < high * 3;
  return lineFigure(run, {
    title: "Gradient norms",
    note: `Before clipping${limit === undefined ? "" : ` to ${showNumber(limit)}`}${
      isLogarithmic ? "; each line up is a factor" : ""
    }.`,
    lines,
    options: {
      ...isLogarithmic ? { isLogarithmic } : { reach: [0] },
      levels: hasLimit ? [{ value: limit, label: "limit" }] : [],
    },
    field: "grad_norm",
  });
}

function signalFigure(run: Run): Figure {
  const share = lineAt(run, "epoch", "var(--muted)", ["gradient_noise", "signal_share"]);
  const sofar = soFar(run);
  const total = sofar.points.at(-1)?.value;
  return lineFigure(run, {
    title: "Signal in the policy’s gradient",
    note:
      `The part of a gradient’s squared norm that its micro-batches agree on; chance may bring it below 0.${
        total === undefined ? "" : ` Over the whole run ${showShare(total)}.`
      }`,
    lines: [sofar, share],
    options: { reach: [0], floor: -1, show: showShare, levels: [ZERO] },
    field: "gradient_noise",
  });
}

/** The signal's share in all gradients up to each epoch. */
function soFar(run: Run): Line {
  let noise = 0, norms = 0;
  const points = run.lines.flatMap((tree) => {
    const [variance, share] = ["variance", "signal_share"].map((field) =>
      numberAt(tree, "gradient_noise", field)
    );
    if (variance === undefined || share === undefined || share >= 1) return [];
    noise += variance;
    norms += variance / (1 - share);
    return [{ x: epochOf(tree), value: 1 - noise / norms }];
  });
  return { label: "so far", colour: "var(--ink)", isBold: true, points };
}

/** Nothing where steps were not told apart. */
function noiseByStepFigure(run: Run): readonly Figure[] {
  const lines = stepLines(run, "gradient_noise", "variance_by_step");
  if (lines.length === 0) return [];
  return [lineFigure(run, {
    title: "Noise of the gradient, step by step",
    note:
      "Its variance where an optimizer step is at one denoising step, from noise on the left to the image.",
    lines,
    options: { across: "step", reach: [0] },
    field: "gradient_noise",
  })];
}

function lossFigure(run: Run): Figure {
  return lineFigure(run, {
    title: "Losses",
    note: "Means over an epoch’s optimizer steps. The policy’s says little; the critic’s should fall.",
    lines: policyAndCritic(run, ["policy_loss"], ["critic_loss"]),
    options: { reach: [0], levels: [ZERO] },
    field: "policy_loss",
  });
}

/** The paths that lead to a number of the policy and to the critic's, a line each. */
function policyAndCritic(run: Run, policy: readonly string[], critic: readonly string[]): readonly Line[] {
  return [lineAt(run, "policy", "var(--ink)", policy), lineAt(run, "critic", "var(--muted)", critic)];
}
