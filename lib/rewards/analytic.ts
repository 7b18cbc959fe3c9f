/**
 * Rewards that are formulas: they need neither weights nor prompts.
 * @module
 */

import { colourEntropy, saturation } from "./colours.ts";
import { gridPeak } from "./grid_peak.ts";
import { jpegKilobytes } from "./jpeg_kilobytes.ts";
import {
  borderInk,
  brightness,
  colourfulness,
  contrast,
  type Measure,
  measured,
  sharpness,
  symmetry,
  whiteFraction,
} from "./measures.ts";
import {
  borderInkGraph,
  brightnessGraph,
  colourfulnessGraph,
  contrastGraph,
  measureGraph,
  mirror,
  saturationGraph,
  sharpnessGraph,
  symmetryGraph,
} from "./measure_graphs.ts";
import { checkImages, checkScores, type Reward, type RewardGraph, type Scale } from "./reward.ts";

/** Every analytic reward. */
export const analyticRewards: readonly Reward[] = [
  analytic(
    "colourfulness",
    { unit: "levels", range: [0, 150] },
    "The spread and strength of colours (Hasler and Süsstrunk 2003).",
    colourfulness,
    measureGraph(colourfulnessGraph),
  ),
  analytic(
    "sharpness",
    { unit: "levels", range: [0, 250] },
    "The standard deviation of the luma's Laplacian.",
    sharpness,
    measureGraph(sharpnessGraph),
  ),
  analytic(
    "symmetry",
    { unit: "correlation", range: [-1, 1] },
    "The correlation of the image with its left-right mirror image.",
    symmetry,
    measureGraph(symmetryGraph, mirror),
  ),
  analytic("white_fraction", { unit: "share", range: [0, 1] }, "The share of white pixels.", whiteFraction),
  analytic(
    "border_ink",
    { unit: "share", range: [0, 1] },
    "The mean ink on the image's border.",
    borderInk,
    measureGraph(borderInkGraph),
  ),
  analytic(
    "brightness",
    { unit: "share", range: [0, 1] },
    "The mean luma.",
    brightness,
    measureGraph(brightnessGraph),
  ),
  analytic(
    "contrast",
    { unit: "levels", range: [0, 128] },
    "The standard deviation of the luma.",
    contrast,
    measureGraph(contrastGraph),
  ),
  analytic(
    "saturation",
    { unit: "share", range: [0, 1] },
    "The mean saturation of HSV.",
    saturation,
    measureGraph(saturationGraph),
  ),
  analytic(
    "colour_entropy",
    { unit: "bits", range: [0, 9] },
    "The entropy of the colours over 8x8x8 cells of RGB.",
    colourEntropy,
  ),
  analytic(
    "grid_peak",
    { unit: "dB", range: [0, 40] },
    "How far one fine pattern that repeats stands out.",
    gridPeak,
  ),
  analytic(
    "jpeg_incompressibility",
    { unit: "KB", range: [0, 40] },
    "The size of the image as a JPEG file of quality 95.",
    jpegKilobytes,
  ),
  analytic(
    "jpeg_compressibility",
    { unit: "KB", range: [-40, 0] },
    "The size of the image as a JPEG file of quality 95, negated.",
    (pixels) => -jpegKilobytes(pixels),
  ),
];

function analytic(name: string, scale: Scale, doc: string, measure: Measure, graph?: RewardGraph): Reward {
  return {
    name,
    needs: [],
    scale,
    ...graph && { isDifferentiable: true, graph },
    doc,
    // An async function, so that errors arrive where those of other rewards do.
    // deno-lint-ignore require-await
    score: async (images, prompts) => {
      checkImages(images, prompts);
      return checkScores(name, measured(images, measure));
    },
  };
}
