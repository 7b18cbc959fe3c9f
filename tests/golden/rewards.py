"""Reward statistics, returns and temporal rewards, from the formulas, in float64.

Per prompt: the batch's rewards join a first-in-first-out buffer of `buffer_size`; once it holds `min_count`, the
prompt's mean and population standard deviation are those of the buffer, before that those of the whole batch;
`normalised = (r - mean) / (std + 1e-6)`.

Returns: the reward arrives with the last step and a penalty `k` with every step, discounted backwards:
`G[T-1] = r + k[T-1]`, `G[t] = k[t] + gamma G[t+1]`. Temporal rewards: `A = G - residual`, then
`(A - mean(A)) / (std(A) + 1e-8)` over all samples and steps, with the population standard deviation.
"""

from collections import deque

import torch

from common import normal, seeded, write_json, write_tensors

PROMPTS = ["a cat", "a dog", "a horse, running"]
TRACKERS = [dict(buffer_size=32, min_count=16), dict(buffer_size=4, min_count=2)]


def track(batches, buffer_size, min_count):
    """Normalised rewards of consecutive batches of `(prompt indices, rewards)`, and the buffers at the end."""
    buffers, results = {}, []
    for prompts, rewards in batches:
        result = torch.empty_like(rewards)
        for prompt in sorted(set(prompts)):
            mine = torch.tensor([other == prompt for other in prompts])
            buffer = buffers.setdefault(prompt, deque(maxlen=buffer_size))
            buffer.extend(rewards[mine].tolist())
            known = torch.tensor(buffer, dtype=torch.float64) if len(buffer) >= min_count else rewards
            result[mine] = (rewards[mine] - known.mean()) / (known.std(correction=0) + 1e-6)
        results.append(result)
    return results, {PROMPTS[prompt]: list(buffer) for prompt, buffer in sorted(buffers.items())}


def discount(rewards, penalties, gamma):
    """Returns `[B, T]` from rewards `[B]` and per-step penalties `[B, T]`."""
    returns = penalties.clone()
    returns[:, -1] += rewards
    for t in reversed(range(penalties.shape[1] - 1)):
        returns[:, t] += gamma * returns[:, t + 1]
    return returns


def main():
    generator = seeded(51)
    sizes = [8, 8, 12, 5, 16, 8]
    choices = [torch.randint(0, 3, (size,), generator=generator).tolist() for size in sizes]
    rewards = [(5 + normal(generator, size)).double() for size in sizes]
    tensors = {f"tracker.rewards.{i}": batch for i, batch in enumerate(rewards)}
    runs = []
    for number, options in enumerate(TRACKERS):
        results, buffers = track(list(zip(choices, rewards)), **options)
        tensors |= {f"tracker.normalised.{number}.{i}": batch for i, batch in enumerate(results)}
        runs.append(options | {"buffers": {prompt: [float(f"{x:.9g}") for x in buffer] for prompt, buffer in buffers.items()}})

    final, residuals = normal(generator, 6).double(), normal(generator, 6, 5, std=0.3).double()
    penalties = normal(generator, 6, 5, std=0.1).double()
    tensors |= {"returns.rewards": final, "returns.residuals": residuals, "returns.penalties": penalties}
    cases = {"plain": (torch.zeros_like(penalties), 1.0), "penalty": (penalties, 1.0), "discounted": (penalties, 0.9)}
    for name, (terms, gamma) in cases.items():
        returns = discount(final, terms, gamma)
        gain = returns - residuals
        tensors[f"returns.{name}.returns"] = returns
        tensors[f"returns.{name}.temporal_rewards"] = (gain - gain.mean()) / (gain.std(correction=0) + 1e-8)
    write_tensors("rewards", tensors)
    record = {
        "prompts": [[PROMPTS[index] for index in batch] for batch in choices],
        "trackers": runs,
        "gamma": {name: gamma for name, (_, gamma) in cases.items()},
    }
    write_json("rewards", "rewards.py", record)


if __name__ == "__main__":
    main()
