"""Measures of a run's health by numpy and scipy: the law of distance, gradient noise, ranks and alignment.

The law: scipy's curve_fit, the optimum's error by finite differences from its covariance;
gradient noise: the unbiased covariance of numpy; ranks: numpy's SVD; CLIP scores: torch's cosine similarity, scaled
and cut as torchmetrics does.
"""

from importlib.metadata import version

import numpy as np
import scipy.stats
import torch
from scipy.optimize import curve_fit

from common import normal, seeded, write_json, write_tensors


def law(d, alpha, beta):
    return d * (alpha - beta * np.log(d))


def optimum(coefficients):
    return np.exp(coefficients[0] / coefficients[1] - 1)


def kl_laws():
    """Paths that turn down, that never do, of two points, and with the base model in them."""
    rng = np.random.default_rng(11)
    cases = []
    for alpha, beta, count, scatter in [(1.2, 0.35, 9, 0.15), (0.1, -0.05, 6, 0.02), (0.8, 0.3, 2, 0), (2.5, 1.1, 30, 0.4)]:
        d = np.sort(rng.uniform(0.3, 14, count))
        gain = law(d, alpha, beta) + scatter * rng.normal(size=count)
        fitted, covariance = curve_fit(law, d, gain, p0=[1, 0.5], xtol=1e-14, ftol=1e-14)
        case = {
            "points": [[0, 0], *np.stack([d, gain], axis=1).tolist()],
            "coefficients": fitted.tolist(),
            "errors": np.sqrt(np.diag(covariance)).tolist() if count > 2 else None,
            "optimum": None,
        }
        if fitted[1] > 0:
            steps = 1e-5 * np.eye(2)
            slope = np.array([(np.log(optimum(fitted + step)) - np.log(optimum(fitted - step))) / 2e-5 for step in steps])
            best = optimum(fitted)
            case["optimum"] = {
                "value": best,
                "gain": law(best, *fitted),
                "error": best * np.sqrt(slope @ covariance @ slope) if count > 2 else None,
            }
        cases.append(case)
    return cases


def gradient_noise():
    """Optimizer steps of four micro-batches: the trace of the mean's covariance, and what it leaves of the mean."""
    rng = np.random.default_rng(13)
    gradients = rng.normal(size=(5, 1, 8)) * 0.6 + rng.normal(size=(5, 4, 8))
    means = gradients.mean(axis=1)
    variance = np.mean([np.trace(np.cov(step, rowvar=False)) / 4 for step in gradients])
    return {
        "gradients": gradients.tolist(),
        "variance": variance,
        "signal_share": 1 - variance / np.mean((means**2).sum(axis=1)),
    }


def effective_rank(features):
    singular = np.linalg.svd(features.numpy().astype(np.float64), compute_uv=False)
    return float(np.exp(scipy.stats.entropy(singular)))


def main():
    generator = seeded(14)
    few = normal(generator, 12, 3) @ normal(generator, 3, 20) + 0.01 * normal(generator, 12, 20)
    features = {"wide": few.relu(), "deep": normal(generator, 30, 6).relu(), "flat": torch.ones(5, 4)}
    images, texts = normal(generator, 9, 10), normal(generator, 3, 10)
    images[:4] += texts[0]
    unit = lambda x: (x / x.norm(dim=1, keepdim=True)).float()
    images, texts = unit(images), unit(texts)
    targets = [0, 0, 0, 0, 1, 1, 1, 2, 2]
    cosines = torch.nn.functional.cosine_similarity(images.double(), texts.double()[targets])
    write_tensors("health", {**{f"features.{name}": x for name, x in features.items()}, "images": images, "texts": texts})
    write_json("health", "health.py", {
        "scipy": version("scipy"),
        "kl_laws": kl_laws(),
        "gradient_noise": gradient_noise(),
        "effective_rank": {name: effective_rank(x) for name, x in features.items()},
        "alignment": {"targets": targets, "scores": (100 * cosines).clamp(min=0).tolist()},
    })


if __name__ == "__main__":
    main()
