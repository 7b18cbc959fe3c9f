"""Ten consecutive updates by the gradient of a reward through the denoising chain, unrolled as a whole, for each method.

The policy is that of `tdpo.py`; five DDIM steps. Images are `s = sigmoid(x_0)` of six numbers, the reward `r = sum(w s^2)`.

    alignprop  eta 1; loss 0.01 mean |target - r|; the noise predicted at a step is constant where its mask is 0
    draft      eta 0; loss -mean r; only the last two steps have a gradient
    draft_lv   eta 0; loss -mean r; x_0, a constant, is made noisy anew to the smallest timestep and denoised once, twice over
    refl       eta 0; loss 0.001 mean relu(threshold - r) of the x_0 predicted at a step, from latents that are constant

Each update samples four new trajectories, two microbatches of two; the gradients of `loss / 2` add up, are clipped to a norm
of 0.4, and make one AdamW step. Masks are drawn for a microbatch, the steps of `refl` for a sample.
"""

import torch

from common import leaf, normal, oracle, seeded, write_json, write_tensors
from ddim import CONFIG, alphas_cumprod
from tdpo import predict

B, T, C, WIDTH = 4, 5, 6, 10
MICROBATCH, ACCUMULATE, UPDATES = 2, 2, 10
TIMESTEPS = [801, 601, 401, 201, 1]
ADAMW = dict(lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2)
MAX_GRAD_NORM = 0.4


def shares(step_index, dtype):
    """`a_t` and `a_prev` of the given steps, each `[B, 1]`."""
    alphas = alphas_cumprod()
    timesteps = torch.tensor(TIMESTEPS)[step_index]
    a_t, a_prev = alphas[timesteps], alphas[(timesteps - 1000 // T).clamp(min=0)]
    return timesteps.to(dtype), a_t.to(dtype)[:, None], a_prev.to(dtype)[:, None]


def clean(policy, x, step_index, is_constant=False):
    """The image predicted in latents, and the noise."""
    timesteps, a_t, _ = shares(step_index, x.dtype)
    eps = predict(policy, x, timesteps)
    eps = eps.detach() if is_constant else eps
    return (x - (1 - a_t).sqrt() * eps) / a_t.sqrt(), eps


def step(policy, x, step_index, eta=0.0, noise=0.0, is_constant=False):
    """The next latents."""
    _, a_t, a_prev = shares(step_index, x.dtype)
    sigma = eta * ((1 - a_prev) / (1 - a_t) * (1 - a_t / a_prev)).sqrt()
    image, eps = clean(policy, x, step_index, is_constant)
    return a_prev.sqrt() * image + (1 - a_prev - sigma**2).sqrt() * eps + sigma * noise


def at(i, rows):
    return torch.full((len(rows),), i)


def chain(policy, inputs, rows, eta, constant, until=T):
    """Latents after `until` steps; the noise predicted is constant at the steps `constant`, a list of booleans."""
    x = inputs["start"][rows]
    for i in range(until):
        x = step(policy, x, at(i, rows), eta, inputs["noise"][rows, i], constant[i])
    return x


def score(latents, weights):
    return (torch.sigmoid(latents) ** 2 * weights).sum(dim=1)


def alignprop(policy, inputs, rows, draws, target):
    scores = score(chain(policy, inputs, rows, 1.0, [mask == 0 for mask in draws["mask"]]), inputs["weights"])
    return scores, 0.01 * (target - scores).abs().mean()


def draft(policy, inputs, rows, draws, _):
    kept = 2
    with torch.no_grad():
        x = chain(policy, inputs, rows, 0.0, [True] * T, until=T - kept)
    for i in range(T - kept, T):
        x = step(policy, x, at(i, rows))
    scores = score(x, inputs["weights"])
    return scores, -scores.mean()


def draft_lv(policy, inputs, rows, draws, _):
    with torch.no_grad():
        x0 = chain(policy, inputs, rows, 0.0, [True] * T)
    last = at(T - 1, rows)
    _, a_t, _ = shares(last, x0.dtype)
    scores = []
    for n in range(2):
        noisy = a_t.sqrt() * x0 + (1 - a_t).sqrt() * inputs["noise"][rows, n]
        scores.append(score(step(policy, noisy, last), inputs["weights"]))
    return torch.cat(scores), -torch.stack(scores).mean()


def refl(policy, inputs, rows, draws, threshold):
    steps = torch.tensor(draws["steps"])
    with torch.no_grad():
        until = [chain(policy, inputs, rows[i : i + 1], 0.0, [True] * T, until=m) for i, m in enumerate(steps)]
    scores = score(clean(policy, torch.cat(until), steps)[0], inputs["weights"])
    return scores, 0.001 * torch.relu(threshold - scores).mean()


def train(method, policy, inputs, draws, target):
    optimizer = torch.optim.AdamW(policy.values(), **ADAMW)
    log, values = {}, {}
    for update in range(UPDATES):
        now = {"start": inputs["start"][update], "noise": inputs["noise"][update], "weights": inputs["weights"]}
        losses, scores = [], []
        for j, first in enumerate(range(0, B, MICROBATCH)):
            rows = torch.arange(first, first + MICROBATCH)
            found, loss = method(policy, now, rows, draws[update][j], target)
            (loss / ACCUMULATE).backward()
            losses.append(loss.detach())
            scores.append(found.detach())
        if update == 0:
            values |= {f"first_grad.policy.{name}": value.grad.clone() for name, value in policy.items()}
        norm = torch.nn.utils.clip_grad_norm_(policy.values(), MAX_GRAD_NORM)
        optimizer.step()
        optimizer.zero_grad()
        for name, value in {"loss": torch.stack(losses).mean(), "scores": torch.cat(scores), "grad_norm": norm}.items():
            log.setdefault(name, []).append(value)
    values |= {f"log.{name}": torch.stack(series) for name, series in log.items()}
    return values | {f"final.policy.{name}": value for name, value in policy.items()}


def draw(name, generator):
    """What is drawn for a microbatch."""
    match name:
        case "alignprop":
            limits = torch.randint(0, T + 1, (T,), generator=generator)
            return {"mask": (torch.arange(T) >= limits).int().tolist()}
        case "refl":
            return {"steps": torch.randint(T - 2, T, (MICROBATCH,), generator=generator).tolist()}
        case _:
            return {}


def case(method, target, seed):
    """One replayable run."""
    name = method.__name__
    generator = seeded(seed)
    policy = {
        "w1": normal(generator, WIDTH, C, std=C**-0.5),
        "u": normal(generator, WIDTH),
        "b1": normal(generator, WIDTH, std=0.1),
        "w2": normal(generator, C, WIDTH, std=0.3 * WIDTH**-0.5),
        "b2": normal(generator, C, std=0.01),
    }
    inputs = {
        "start": normal(generator, UPDATES, B, C),
        "noise": normal(generator, UPDATES, B, T, C),
        "weights": normal(generator, C),
    }
    draws = [[draw(name, generator) for _ in range(ACCUMULATE)] for _ in range(UPDATES)]

    def run(dtype):
        weights = {key: leaf(value, dtype) for key, value in policy.items()}
        return train(method, weights, {key: value.to(dtype) for key, value in inputs.items()}, draws, target)

    values, error = oracle(run)
    values |= {f"initial.policy.{key}": value for key, value in policy.items()}
    values |= {f"input.{key}": value for key, value in inputs.items()}
    write_tensors(f"backprop_{name}", values)
    record = {
        "target": target,
        "draws": draws,
        "adamw": ADAMW,
        "max_grad_norm": MAX_GRAD_NORM,
        "timesteps": TIMESTEPS,
        "microbatch": MICROBATCH,
        "gradient_accumulation_steps": ACCUMULATE,
        "loss": values["log.loss"].tolist(),
        "float32_error": error,
    }
    write_json(f"backprop_{name}", "backprop.py", record)


if __name__ == "__main__":
    case(alignprop, 0.2, 91)
    case(draft, None, 92)
    case(draft_lv, None, 93)
    case(refl, 0.9, 94)
