"""Several rewards as one, in numpy over all scores so far instead of batch by batch.

Four batches of 12 images, three prompts, three rewards on scales far apart that drift from batch to batch.
"""

import numpy as np
from scipy.special import logsumexp

from common import normal, seeded, write_json

BATCHES, IMAGES = 4, 12
PROMPTS = ["a cat", "a dog", "a hen"]
NAMES = ["first", "second", "third"]
WEIGHTS = np.array([2.0, 1.0, 0.5])
MEANS, STDS, DRIFTS = np.array([-20.0, 0.21, 3.0]), np.array([5.0, 0.01, 1.0]), np.array([2.0, -0.004, 0.3])
SOFTNESS = 0.5
TRACKING = {"buffer_size": 8, "min_count": 5}
DUAL = {"learning_rate": 0.75, "max": 0.6}
GIVEN_LEVEL = 3.4  # of the third; the second's is the first batch's mean
TOL = 1e-6


def normalised(scores, prompts, past):
    """By the latest scores of each prompt where there are enough, else by the batch."""
    for prompt, score in zip(prompts, scores):
        past.setdefault(prompt, []).append(score)
    out = []
    for prompt, score in zip(prompts, scores):
        latest = past[prompt][-TRACKING["buffer_size"] :]
        basis = latest if len(latest) >= TRACKING["min_count"] else scores
        out.append((score - np.mean(basis)) / (np.std(basis) + TOL))
    return np.array(out)


def main():
    generator = seeded(5)
    batches, past, multipliers = [], [{} for _ in NAMES], np.zeros(2)
    seen, levels = np.zeros((3, 0)), None
    for batch in range(BATCHES):
        noise = normal(generator, 3, IMAGES).double().numpy()
        scores = (MEANS[:, None] + STDS[:, None] * noise + batch * DRIFTS[:, None]).astype(np.float32)
        # One prompt comes up more often than the others.
        prompts = [PROMPTS[max(0, i % 4 - 1)] for i in range(IMAGES)]
        exact = scores.astype(np.float64)
        seen = np.concatenate([seen, exact], axis=1)
        mean, std = seen.mean(axis=1), seen.std(axis=1)
        z = (exact - mean[:, None]) / (std[:, None] + TOL)
        levels = np.array([exact[1].mean(), GIVEN_LEVEL]) if levels is None else levels
        slacks = (exact[1:] - levels[:, None]) / (std[1:, None] + TOL)
        own = np.stack([normalised(exact[i], prompts, past[i]) for i in range(3)])
        soft = -SOFTNESS * (logsumexp(-z / SOFTNESS, axis=0) - np.log(3))
        combined = {
            "weighted_z": np.average(z, axis=0, weights=WEIGHTS),
            "per_reward": np.average(own, axis=0, weights=WEIGHTS),
            "constraints": z[0] + multipliers @ slacks,
            "worst_case": z.min(axis=0),
            "soft_worst_case": soft,
        }
        multipliers = np.clip(multipliers - DUAL["learning_rate"] * slacks.mean(axis=1), 0, DUAL["max"])
        batches.append(
            {
                "prompts": prompts,
                "scores": dict(zip(NAMES, scores.astype(np.float64).tolist())),
                "mean": mean.tolist(),
                "std": std.tolist(),
                "combined": {name: values.tolist() for name, values in combined.items()},
                "levels": levels.tolist(),
                "multipliers": multipliers.tolist(),
            }
        )
    write_json(
        "combine",
        "combine.py",
        {
            "weights": dict(zip(NAMES, WEIGHTS.tolist())),
            "softness": SOFTNESS,
            "tracking": TRACKING,
            "constraints": {**DUAL, "levels": {"third": GIVEN_LEVEL}},
            "batches": batches,
        },
    )


if __name__ == "__main__":
    main()
