"""Ten consecutive updates of a toy by each method's loss, from the published formulas, with everything needed to replay them.

The toy is that of `tdpo.py`; without adapters its base model predicts `eps(x, t) = x`. With `ratio = exp(log_prob - old)`, `A` the
weight of a step and `k` the divergence of a step from the base model's:

    ddpo      mean max(-A ratio, -A clip(ratio)), A the normalised reward          (Black et al. 2023)
    ddpo_sf   mean -A log_prob                                                    (the same)
    dpok      mean -A clip(ratio) + w mean((eps - eps_base)^2), A = R - V normalised, V by 0.5 (V - R)^2  (Fan et al. 2023, its code)
    dpok_kl   mean max(-A ratio, -A clip(ratio)) + w k, k = mean((mu - mu_base)^2) / (2 sigma^2)          (the same, exact)
    grpo      mean max(-A ratio, -A clip(ratio)) + w k, A = (r - mean_group) / (std_group + 1e-4)         (Liu et al. 2025)
    rwr       mean_b w_b mean((eps(x_t, t) - noise)^2), w = N softmax(beta r)                             (Black et al. 2023)

ddpo, ddpo_sf, grpo and rwr add up the gradients of all five steps of four samples in an update: two updates a pass, five passes. dpok
updates at each position as TDPO does. Gradients are clipped to a norm of 1, then AdamW takes a step.
"""

import torch

from common import leaf, normal, oracle, seeded, write_json, write_tensors
from ddim import CONFIG, alphas_cumprod
from mlp import hidden
from tdpo import ACCUMULATE, B, C, CRITIC_ADAMW, D, MICROBATCH, POLICY_ADAMW, T, constants, predict, prepare, transition

CLIP, NORM, BETA, GROUP = 0.01, 1.0, 1.0, 4
CASES = {
    "ddpo": dict(loss="clipped", kl_weight=0, kl_form="exact"),
    "ddpo_sf": dict(loss="score_function", kl_weight=0, kl_form="exact"),
    "dpok": dict(loss="clamped", kl_weight=0.05, kl_form="eps_mse"),
    "dpok_kl": dict(loss="clipped", kl_weight=0.05, kl_form="exact"),
    "grpo": dict(loss="clipped", kl_weight=0.1, kl_form="exact"),
    "rwr": dict(loss="clipped", kl_weight=0, kl_form="eps_mse"),
}


def weights_of(name, inputs, residuals):
    """`[B, T]`: what each step weighs."""
    rewards = inputs["rewards"]
    if name == "grpo":
        groups = rewards.reshape(-1, GROUP)
        mean, std = groups.mean(dim=1, keepdim=True), groups.std(dim=1, correction=0, keepdim=True)
        return ((groups - mean) / (std + 1e-4)).reshape(B, 1).expand(B, T)
    if name == "rwr":
        return (torch.softmax(BETA * rewards, dim=0) * B)[:, None].expand(B, T)
    normalised = ((rewards - rewards.mean()) / (rewards.std(correction=0) + 1e-6))[:, None].expand(B, T)
    if not name.startswith("dpok"):
        return normalised
    gain = normalised - residuals
    return (gain - gain.mean()) / (gain.std(correction=0) + 1e-8)


def divergence(form, policy, x, step_index):
    """From the base model, whose noise is `x`, by sample."""
    timesteps, a_t, a_prev, std = (value.reshape(-1) for value in constants(step_index, x.dtype))
    difference = predict(policy, x, timesteps) - x
    if form == "eps_mse":
        return difference.square().mean(dim=1)
    factor = (1 - a_prev - std**2).clamp(min=0).sqrt() - (a_prev / a_t * (1 - a_t)).sqrt()
    return (factor[:, None] * difference).square().mean(dim=1) / (2 * std**2)


def regression(policy, inputs, weights, rows, step_index):
    """Denoising of final latents at given timesteps with given noise."""
    timesteps, noise = inputs["timesteps"][rows, step_index], inputs["noise"][rows, step_index]
    alpha = alphas_cumprod()[timesteps.long()].to(noise.dtype)[:, None]
    x = alpha.sqrt() * inputs["latents"][rows, T] + (1 - alpha).sqrt() * noise
    error = (predict(policy, x.float().to(noise.dtype), timesteps) - noise).square().mean(dim=1)
    return {"policy_loss": (weights[rows, step_index] * error).mean()}


def microbatch(name, policy, critic, inputs, old, rows, step_index):
    """The losses and what is logged of them."""
    options = CASES[name]
    if name == "rwr":
        return regression(policy, inputs, old["weights"], rows, step_index)
    latents = inputs["latents"]
    x = latents[rows, step_index]
    _, _, log_probs = transition(policy, x, latents[rows, step_index + 1], step_index)
    log_ratio = log_probs - old["log_probs"][rows, step_index]
    ratio, gain = log_ratio.exp(), old["weights"][rows, step_index]
    kept = ratio.clamp(1 - CLIP, 1 + CLIP)
    loss, clipped = {
        "clipped": lambda: (torch.maximum(-gain * ratio, -gain * kept), -gain * kept > -gain * ratio),
        "clamped": lambda: (-gain * kept, kept != ratio),
        "score_function": lambda: (-gain * log_probs, torch.zeros_like(ratio)),
    }[options["loss"]]()
    found = {
        "policy_loss": loss.mean(),
        "approx_kl": (ratio - 1 - log_ratio).mean(),
        "clip_fraction": clipped.to(ratio.dtype).mean(),
        "ratio": ratio,
    }
    if options["kl_weight"] > 0:
        found["kl_loss"] = divergence(options["kl_form"], policy, x, step_index).mean()
    if name.startswith("dpok"):
        _, residual = hidden(critic, inputs["embeddings"][rows, step_index], "relu")
        found["critic_loss"] = 0.5 * (residual - old["returns"][rows, step_index]).square().mean()
    return found


def updates_of(name, order):
    """The microbatches of each update: rows and their steps."""
    size = MICROBATCH * ACCUMULATE
    parts = lambda start: [torch.arange(first, first + MICROBATCH) for first in range(start, start + size, MICROBATCH)]
    if name.startswith("dpok"):
        return [[(rows, order[rows, j]) for rows in parts(start)] for j in range(T) for start in range(0, B, size)]
    together = lambda start: [(rows, order[rows, j]) for j in range(T) for rows in parts(start)]
    return [together(start) for _ in range(5) for start in range(0, B, size)]


def train(name, policy, critic, inputs, order):
    """Ten updates; everything logged is `[10, ...]`."""
    options, steps = CASES[name], range(T)
    latents, has_critic = inputs["latents"], name.startswith("dpok")
    log_probs = [transition(policy, latents[:, i], latents[:, i + 1], torch.full((B,), i))[2] for i in steps]
    residuals = torch.stack([hidden(critic, inputs["embeddings"][:, i], "relu")[1] for i in steps], dim=1).detach()
    rewards = inputs["rewards"]
    returns = ((rewards - rewards.mean()) / (rewards.std(correction=0) + 1e-6))[:, None].expand(B, T)
    old = {"log_probs": torch.stack(log_probs, dim=1).detach(), "returns": returns}
    old["weights"] = weights_of(name, inputs, residuals)
    learners = [("policy", policy)] + ([("critic", critic)] if has_critic else [])
    rates = {"policy": POLICY_ADAMW, "critic": CRITIC_ADAMW}
    optimizers = [torch.optim.AdamW(weights.values(), **rates[part]) for part, weights in learners]
    log, values = {}, {f"old.{key}": value for key, value in (old | {"residuals": residuals}).items()}
    for batches in updates_of(name, order):
        parts = []
        for rows, step_index in batches:
            part = microbatch(name, policy, critic, inputs, old, rows, step_index)
            whole = part["policy_loss"] + options["kl_weight"] * part.get("kl_loss", 0) + part.get("critic_loss", 0)
            (whole / len(batches)).backward()
            parts.append(part)
        if not log:
            values |= {f"first_grad.{key}": value.grad.clone() for key, value in policy.items()}
        update = {key: torch.stack([part[key] for part in parts]).detach() for key in parts[0]}
        update = {key: value.flatten() if key == "ratio" else value.mean() for key, value in update.items()}
        for part, weights in learners:
            update[f"grad_norm.{part}"] = torch.nn.utils.clip_grad_norm_(weights.values(), NORM)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        for key, value in update.items():
            log.setdefault(key, []).append(value)
    values |= {f"log.{key}": torch.stack(series) for key, series in log.items()}
    return values | {f"final.{part}.{key}": value for part, weights in learners for key, value in weights.items()}


if __name__ == "__main__":
    policy, critic, inputs, order = prepare("fan_in", 91)
    generator = seeded(92)
    inputs["timesteps"] = torch.randint(0, 1000, (B, T), generator=generator).float()
    inputs["noise"] = normal(generator, B, T, C)
    values = {f"initial.policy.{key}": value for key, value in policy.items()}
    values |= {f"initial.critic.{key}": value for key, value in critic.items()}
    values |= {f"input.{key}": value for key, value in inputs.items()}
    record = {}
    for name, options in CASES.items():

        def run(dtype):
            weights = [{key: leaf(value, dtype) for key, value in part.items()} for part in (policy, critic)]
            return train(name, *weights, {key: value.to(dtype) for key, value in inputs.items()}, order)

        found, error = oracle(run)
        values |= {f"{name}.{key}": value for key, value in found.items()}
        record[name] = options | {"float32_error": error}
        if name != "rwr":
            distance = ((found["log.ratio"] - 1).abs() - CLIP).abs().min().item()
            record[name]["smallest_distance_of_ratio_to_clip"] = float(f"{distance:.1e}")
            record[name]["clip_fraction"] = found["log.clip_fraction"].tolist()
    write_tensors("methods", values)
    write_json("methods", "methods.py", {
        "clip_range": CLIP, "max_grad_norm": NORM, "beta": BETA, "group_size": GROUP, "step_order": order.tolist(),
        "microbatch": MICROBATCH, "gradient_accumulation_steps": ACCUMULATE,
        "policy_adamw": POLICY_ADAMW, "critic_adamw": CRITIC_ADAMW, "cases": record,
    })
