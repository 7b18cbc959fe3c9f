"""Ten consecutive TDPO updates of a toy, from the formulas, with everything needed to replay them.

The policy predicts `eps(x, t) = x + W2 silu(W1 x + u t/1000 + b1) + b2` for latents of six numbers; five DDIM steps
with eta = 1 and no guidance. The critic is the five-layer one on given embeddings, without dropout.

    ratio = exp(log_prob - old_log_prob)
    policy_loss = mean max(-A ratio, -A clip(ratio, 1 - c, 1 + c))
    critic_loss = 0.5 mean max((R - G)^2, (clip(R, R_old - d, R_old + d) - G)^2)
    loss = policy_loss + critic_loss

`step_order[b]` is the order in which sample `b` visits its steps. For each position j of that order, and each
pair of microbatches of two consecutive samples, the gradients of `loss / 2` add up; then those of the policy and of
the critic are each clipped to a norm of 1, and one AdamW step is made for both. Five positions with two pairs: ten updates.
"""

import torch

from common import leaf, normal, oracle, seeded, write_json, write_tensors
from ddim import CONFIG, alphas_cumprod, log_prob
from mlp import clipped_loss, hidden, initialise

B, T, C, D, WIDTH = 8, 5, 6, 12, 10
MICROBATCH, ACCUMULATE = 2, 2
TIMESTEPS = [801, 601, 401, 201, 1]
OPTIONS = {"clip_range": 0.01, "clip_range_critic": 0.2, "max_grad_norm": 1.0}
POLICY_ADAMW = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-4)
CRITIC_ADAMW = dict(lr=3e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-4)


def predict(policy, x, timesteps):
    """Noise predicted for latents `[B, C]`."""
    inner = x @ policy["w1"].T + timesteps[:, None] / CONFIG["num_train_timesteps"] * policy["u"] + policy["b1"]
    return x + torch.nn.functional.silu(inner) @ policy["w2"].T + policy["b2"]


def constants(step_index, dtype):
    """`a_t`, `a_prev` and the standard deviation of the given steps."""
    alphas = alphas_cumprod()
    timesteps = torch.tensor(TIMESTEPS)[step_index]
    a_t, a_prev = alphas[timesteps], alphas[(timesteps - 1000 // T).clamp(min=0)]
    std = ((1 - a_prev) / (1 - a_t) * (1 - a_t / a_prev)).sqrt()
    return timesteps.to(dtype), *(value.to(dtype)[:, None, None, None] for value in (a_t, a_prev, std))


def transition(policy, x, x_next, step_index):
    """Mean of the next latents and the log probability of the given ones."""
    timesteps, a_t, a_prev, std = constants(step_index, x.dtype)
    x_next = x if x_next is None else x_next
    spread = lambda value: value[:, :, None, None]  # the formula averages over three axes
    mean, value = log_prob(spread(predict(policy, x, timesteps)), spread(x), spread(x_next), a_t, a_prev, std)
    return mean[:, :, 0, 0], std[:, :, 0, 0], value


def sample(policy, generator):
    """Latents `[B, T+1, C]`, each rounded to float32 before the next step reads it."""
    latents = [normal(generator, B, C)]
    for i in range(T):
        x = latents[-1].double()
        mean, std, _ = transition(policy, x, None, torch.full((B,), i))
        latents.append((mean + std * normal(generator, B, C).double()).float())
    return torch.stack(latents, dim=1)


def prepare(kind, seed):
    """Initial weights and the trajectories sampled, scored and critiqued with them."""
    generator = seeded(seed)
    policy = {
        "w1": normal(generator, WIDTH, C, std=C**-0.5),
        "u": normal(generator, WIDTH),
        "b1": normal(generator, WIDTH, std=0.1),
        "w2": normal(generator, C, WIDTH, std=0.1 * WIDTH**-0.5),
        "b2": normal(generator, C, std=0.01),
    }
    critic = initialise([D, 16, 12, 8, 4, 1], kind, generator)
    latents = sample({name: value.double() for name, value in policy.items()}, generator)
    features = torch.tanh(latents[:, :T] @ normal(generator, C, D, std=C**-0.5))
    embeddings = torch.nn.functional.normalize(features, dim=-1)
    rewards = latents[:, T].mean(dim=1) + normal(generator, B, std=0.3)
    rewards = (rewards - rewards.mean()) / rewards.std(correction=0)
    order = torch.stack([torch.randperm(T, generator=generator) for _ in range(B)])
    return policy, critic, {"latents": latents, "embeddings": embeddings, "rewards": rewards}, order


def critique(policy, critic, activation, inputs):
    """Old log probabilities, old residuals, returns and temporal rewards, all `[B, T]`."""
    latents = inputs["latents"]
    steps = range(T)
    old = [transition(policy, latents[:, i], latents[:, i + 1], torch.full((B,), i))[2] for i in steps]
    residuals = [hidden(critic, inputs["embeddings"][:, i], activation)[1] for i in steps]
    log_probs, residuals = torch.stack(old, dim=1), torch.stack(residuals, dim=1)
    returns = inputs["rewards"][:, None].expand(B, T)
    gain = returns - residuals
    rewards = (gain - gain.mean()) / (gain.std(correction=0) + 1e-8)
    return {"log_probs": log_probs, "residuals": residuals, "returns": returns, "temporal_rewards": rewards}


def microbatch(policy, critic, activation, inputs, old, rows, step_index):
    """Both losses and what is logged of them."""
    latents, embeddings = inputs["latents"], inputs["embeddings"]
    _, _, log_probs = transition(policy, latents[rows, step_index], latents[rows, step_index + 1], step_index)
    log_ratio = log_probs - old["log_probs"][rows, step_index]
    ratio, gain = log_ratio.exp(), old["temporal_rewards"][rows, step_index]
    free = -gain * ratio
    held = -gain * ratio.clamp(1 - OPTIONS["clip_range"], 1 + OPTIONS["clip_range"])
    _, residual = hidden(critic, embeddings[rows, step_index], activation)
    limits = old["residuals"][rows, step_index], old["returns"][rows, step_index], OPTIONS["clip_range_critic"]
    critic_loss, critic_clipped = clipped_loss(residual, *limits)
    return {
        "policy_loss": torch.maximum(free, held).mean(),
        "critic_loss": critic_loss,
        "approx_kl": ((ratio - 1) - log_ratio).mean(),
        "clip_fraction": (held > free).to(ratio.dtype).mean(),
        "critic_clip_fraction": critic_clipped,
        "ratio": ratio,
    }


def train(policy, critic, activation, inputs, order):
    """Ten updates; everything logged is `[10, ...]`."""
    old = {name: value.detach() for name, value in critique(policy, critic, activation, inputs).items()}
    optimizers = [torch.optim.AdamW(policy.values(), **POLICY_ADAMW), torch.optim.AdamW(critic.values(), **CRITIC_ADAMW)]
    log, values = {}, {f"old.{name}": value for name, value in old.items()}
    for j in range(T):
        for start in range(0, B, MICROBATCH * ACCUMULATE):
            parts = []
            for first in range(start, start + MICROBATCH * ACCUMULATE, MICROBATCH):
                rows = torch.arange(first, first + MICROBATCH)
                parts.append(microbatch(policy, critic, activation, inputs, old, rows, order[rows, j]))
                ((parts[-1]["policy_loss"] + parts[-1]["critic_loss"]) / ACCUMULATE).backward()
            if not log:
                values |= {f"first_grad.policy.{name}": value.grad.clone() for name, value in policy.items()}
                values |= {f"first_grad.critic.{name}": value.grad.clone() for name, value in critic.items()}
            update = {name: torch.stack([part[name] for part in parts]).detach() for name in parts[0]}
            update = {name: value.flatten() if name == "ratio" else value.mean() for name, value in update.items()}
            for name, weights in (("policy", policy), ("critic", critic)):
                update[f"grad_norm.{name}"] = torch.nn.utils.clip_grad_norm_(weights.values(), OPTIONS["max_grad_norm"])
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            for name, value in update.items():
                log.setdefault(name, []).append(value)
    values |= {f"log.{name}": torch.stack(series) for name, series in log.items()}
    values["log.loss"] = values["log.policy_loss"] + values["log.critic_loss"]
    values |= {f"final.policy.{name}": value for name, value in policy.items()}
    return values | {f"final.critic.{name}": value for name, value in critic.items()}


def case(name, kind, activation, seed):
    """One replayable run."""
    policy, critic, inputs, order = prepare(kind, seed)

    def run(dtype):
        weights = [{key: leaf(value, dtype) for key, value in part.items()} for part in (policy, critic)]
        return train(*weights, activation, {key: value.to(dtype) for key, value in inputs.items()}, order)

    values, error = oracle(run)
    ratio = values["log.ratio"]
    distance = ((ratio - 1).abs() - OPTIONS["clip_range"]).abs().min().item()
    assert (ratio[0] == 1).all(), "the ratio must be exactly one before the first update"
    values |= {f"initial.policy.{key}": value for key, value in policy.items()}
    values |= {f"initial.critic.{key}": value for key, value in critic.items()}
    values |= {f"input.{key}": value for key, value in inputs.items()}
    write_tensors(name, values)
    record = OPTIONS | {
        "critic": {"init": kind, "activation": activation},
        "policy_adamw": POLICY_ADAMW,
        "critic_adamw": CRITIC_ADAMW,
        "timesteps": TIMESTEPS,
        "step_order": order.tolist(),
        "microbatch": MICROBATCH,
        "gradient_accumulation_steps": ACCUMULATE,
        "smallest_distance_of_ratio_to_clip": float(f"{distance:.1e}"),
        "clip_fraction": values["log.clip_fraction"].tolist(),
        "loss": values["log.loss"].tolist(),
        "float32_error": error,
    }
    write_json(name, "tdpo.py", record)


if __name__ == "__main__":
    case("tdpo_official", "official", "none", 81)
    case("tdpo_fixed", "fan_in", "relu", 82)
