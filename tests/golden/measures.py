"""Measures of overoptimisation by libraries and by the formulas of their authors, on seeded embeddings, scores and images.

KID: torchmetrics, and for pairs the U-statistic of the authors' code; Vendi score: vendi-score; CMMD, precision and
recall: the authors' formulas in numpy on scipy's distances; entropies, distances and areas: numpy and scipy.
"""

import colorsys
from importlib.metadata import version

import numpy as np
import scipy.stats
import torch
from scipy.spatial.distance import cdist, pdist
from torchmetrics.image.kid import poly_kernel, poly_mmd
from vendi_score import vendi

from common import normal, seeded, write_json, write_tensors
from seeded_image import seeded_image

# Images of a prompt, prompts, width of embeddings; more images than elements, and fewer.
SIZES = {"wide": (2, 5, 48), "deep": (8, 6, 24)}


def embeddings(generator, seeds, prompts, width, shift):
    """Images of one prompt lie close together; `shift` moves all, and two are copies."""
    centres = normal(generator, prompts, 1, width)
    rows = centres + normal(generator, prompts, seeds, width, std=0.5) + shift * normal(generator, width)
    rows = rows.reshape(prompts * seeds, width)
    rows[1] = rows[0] + 0.01 * normal(generator, width)
    return (rows / rows.norm(dim=1, keepdim=True)).float()


def entropy(x, directions):
    eigenvalues = np.sort(np.linalg.eigvalsh(np.cov(x, rowvar=False)))[::-1][:directions]
    return directions / 2 * np.log(2 * np.pi * np.e) + np.log(eigenvalues).sum() / 2


def variety(x, groups):
    upper = [pdist(x[group], "cosine") for group in groups]
    directions = min(20, len(x) - 1)
    return {
        "within": float(np.mean([distances.mean() for distances in upper])),
        "vendi": float(np.mean([vendi.score_X(x[group], normalize=False) for group in groups])),
        "vendi_of_all": float(vendi.score_X(x, normalize=False)),
        "near_duplicates": float(np.mean(np.concatenate(upper) < 0.03)),
        "directions": directions,
        "truncated_entropy": float(entropy(x, directions)),
    }


def kid_of_pairs(x, y):
    """The U-statistic that the authors' code offers beside the unbiased one."""
    k_xx, k_yy, k_xy = (poly_kernel(a, b).numpy() for a, b in ((x, x), (y, y), (x, y)))
    count = len(x)
    off = lambda k: (k.sum() - np.trace(k)) / (count * (count - 1))
    return off(k_xx) + off(k_yy) - 2 * off(k_xy)


def cmmd(x, y):
    k = lambda a, b: np.exp(-cdist(a, b, "sqeuclidean") / (2 * 10**2)).mean()
    return 1000 * (k(x, x) + k(y, y) - 2 * k(x, y))


def precision_recall(real, made, neighbours):
    radii = lambda a: np.partition(cdist(a, a), neighbours, axis=1)[:, neighbours]
    distances = cdist(real, made)
    return {
        "precision": float((distances <= radii(real)[:, None]).any(axis=0).mean()),
        "recall": float((distances <= radii(made)[None, :]).any(axis=1).mean()),
    }


def fidelity(base, adapted):
    x, y = base.numpy(), adapted.numpy()
    return {
        "kid": float(poly_mmd(base, adapted)),
        "kid_of_pairs": float(kid_of_pairs(base, adapted)),
        "cmmd": float(cmmd(x, y)),
        "neighbours": {str(k): precision_recall(x, y, k) for k in (1, 3)},
    }


def rewards():
    """Scores of a trained and two watched rewards, the second correlated with the first."""
    rng = np.random.default_rng(5)
    base = rng.normal([5, 0, 20], [0.6, 1.3, 4], size=(24, 3))
    adapted = base + rng.normal([0.9, -0.5, 1], [0.3, 0.4, 2], size=(24, 3))
    adapted[:, 2] += 2 * adapted[:, 1]
    z = (adapted - base) / base.std(axis=0, ddof=1)
    means = np.stack([*z.T, z[:, 1:].mean(axis=1)])
    return {
        "base": base.T.tolist(),
        "adapted": adapted.T.tolist(),
        "mean": means.mean(axis=1).tolist(),
        "standard_error": scipy.stats.sem(means, axis=1).tolist(),
    }


def curve():
    gain = np.array([0, 0.4, 0.9, 1.5, 1.4, 2.2, 2.6])
    price = np.array([0, 0.2, 0.5, 0.6, 0.55, 0.1, -0.4])
    rising = np.maximum.accumulate(gain)
    first = np.concatenate([[True], np.diff(rising) > 0])
    smooth = np.convolve(price, np.ones(3), "same") / np.convolve(np.ones(7), np.ones(3), "same")
    # From a point that lies behind an earlier one the path leads straight to the next.
    matched_2 = np.interp(2, gain[4:6], price[4:6])
    return {
        "points": np.stack([gain, price], axis=1).tolist(),
        "matched": [float(np.interp(1, gain[first], price[first])), float(matched_2), None],
        "onset": float(gain[smooth.argmax()]),
        "area": float(np.trapezoid(price, gain)),
        "drop": float(smooth.max() - smooth[-1]),
    }


def grid_peak(luma):
    height, width = luma.shape
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    power = np.abs(np.fft.fft2((luma - luma.mean()) * window)) ** 2
    fine = np.maximum(*np.meshgrid(np.abs(np.fft.fftfreq(height)), np.abs(np.fft.fftfreq(width)), indexing="ij")) >= 0.25
    floor = (window**2).sum() / 255**2
    return 10 * np.log10((power[fine].max() + floor) / (power[fine].mean() + floor))


def looks(seed, height, width):
    pixels = seeded_image(seed, height, width).astype(np.float32) / np.float32(255)
    rows = pixels.reshape(-1, 3).astype(np.float64)
    luma = pixels.astype(np.float64) @ [0.299, 0.587, 0.114]
    bins = np.minimum((rows * 8).astype(int), 7) @ [64, 8, 1]
    return {
        "seed": seed, "height": height, "width": width,
        "saturation": float(np.mean([colorsys.rgb_to_hsv(*row)[1] for row in rows])),
        "contrast": float(luma.std() * 255),
        "colour_entropy": float(scipy.stats.entropy(np.bincount(bins), base=2)),
        "grid_peak": float(grid_peak(luma)),
    }


def main():
    tensors, cases = {}, {}
    for seed, (name, (seeds, prompts, width)) in enumerate(SIZES.items(), start=1):
        generator = seeded(seed)
        base = embeddings(generator, seeds, prompts, width, 0)
        adapted = embeddings(generator, seeds, prompts, width, 0.4)
        adapted[::2] = (base[::2] + 0.1 * adapted[::2]) / (base[::2] + 0.1 * adapted[::2]).norm(dim=1, keepdim=True)
        tensors.update({f"{name}.base": base, f"{name}.adapted": adapted})
        base, adapted = base.double(), adapted.double()
        groups = np.arange(seeds * prompts).reshape(prompts, seeds)
        cases[name] = {
            "seeds": seeds,
            "prompts": prompts,
            "variety": variety(base.numpy(), groups),
            "fidelity": fidelity(base, adapted),
        }
    write_tensors("measures", tensors)
    images = [looks(seed, height, width) for seed, (height, width) in enumerate([(8, 8), (32, 32), (21, 40), (96, 64)], start=3)]
    libraries = {name: version(name) for name in ("scipy", "torchmetrics", "vendi-score")}
    write_json("measures", "measures.py", {**libraries, "embeddings": cases, "rewards": rewards(), "curve": curve(), "looks": images})


if __name__ == "__main__":
    main()
