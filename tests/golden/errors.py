"""Standard errors of means over images, clustered by prompt, by statsmodels on seeded scores.

A mean is the constant of a regression on nothing else; its error by clusters is statsmodels' with its own correction,
which with one constant is G / (G - 1) for G clusters.
"""

from importlib.metadata import version

import numpy as np
import statsmodels.api as sm

from common import write_json

# How many images each prompt has.
SIZES = {"even": [4] * 9, "uneven": [1, 7, 3, 2, 12, 5], "one_each": [1] * 8, "two_prompts": [6, 2]}


def case(rng, sizes):
    """Images of one prompt share a part of their score; the order of images is no order of prompts."""
    prompts = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    scores = rng.normal(0.4, 1, len(sizes))[prompts] + rng.normal(0, 0.5, len(prompts))
    fit = sm.OLS(scores, np.ones(len(scores))).fit(cov_type="cluster", cov_kwds={"groups": prompts})
    return {
        "prompts": prompts.tolist(),
        "scores": scores.tolist(),
        "mean": float(fit.params[0]),
        "standard_error": float(fit.bse[0]),
    }


def main():
    rng = np.random.default_rng(11)
    cases = {name: case(rng, sizes) for name, sizes in SIZES.items()}
    write_json("errors", "errors.py", {"statsmodels": version("statsmodels"), "cases": cases})


if __name__ == "__main__":
    main()
