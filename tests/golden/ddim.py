"""DDIM steps of Stable Diffusion's scheduler with eta = 1, and the log probability of what they reach.

`prev_sample`, `variance` and `alphas_cumprod` come from diffusers, whose constants are float32; `log_prob` and its
gradient follow the formula below in float64 from the stored float32 values of `sample` and `prev_sample`:

    x0 = (x_t - sqrt(1 - a_t) eps) / sqrt(a_t)
    mu = sqrt(a_prev) x0 + sqrt(1 - a_prev - std^2) eps
    log_prob = mean over the latent of -(x_prev - mu)^2 / (2 std^2) - log std - log sqrt(2 pi)

`ddim_schedules` has few to as many steps as there can be, with eta 1 and 0.3. There diffusers' own code runs on the
schedule in float64 (its float32 variance is off by up to 1e-5), and gives `std` and the mean that `log_prob` is taken about.
With `steps_offset` 0 there can be 1000 steps; the last leads from timestep 0 to itself without noise, and its `log_prob` is
written as 0.
"""

import math

import torch
from diffusers import DDIMScheduler

from common import leaf, normal, seeded, write_json, write_tensors

CONFIG = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
CONFIG |= dict(clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type="epsilon")
CONFIG |= dict(timestep_spacing="leading")
LATENT = (4, 4, 4)
ETAS = (1.0, 0.3)


def alphas_cumprod():
    """The schedule in float64 throughout."""
    root = torch.linspace(CONFIG["beta_start"] ** 0.5, CONFIG["beta_end"] ** 0.5, 1000, dtype=torch.float64)
    return torch.cumprod(1 - root**2, 0)


def log_prob(eps, sample, prev_sample, a_t, a_prev, std):
    """One value a sample; see the formula above."""
    x0 = (sample - (1 - a_t).sqrt() * eps) / a_t.sqrt()
    mean = a_prev.sqrt() * x0 + (1 - a_prev - std**2).sqrt() * eps
    terms = -((prev_sample - mean) ** 2) / (2 * std**2) - std.log() - 0.5 * math.log(2 * math.pi)
    return mean, terms.mean(dim=(1, 2, 3))


def steps(count, generator):
    """All steps of a schedule, one random latent for each; first axis: step index 0..T-1."""
    scheduler = DDIMScheduler(**CONFIG)
    scheduler.set_timesteps(count)
    timesteps = scheduler.timesteps
    previous = (timesteps - 1000 // count).clamp(min=0)
    inputs = {name: normal(generator, count, *LATENT) for name in ("sample", "eps", "noise")}
    inputs["eps_new"] = inputs["eps"] + normal(generator, count, *LATENT, std=0.05)
    inputs["cotangent"] = normal(generator, count)
    reached = []
    for i, t in enumerate(timesteps):
        noise = inputs["noise"][i : i + 1]
        step = scheduler.step(inputs["eps"][i : i + 1], t, inputs["sample"][i : i + 1], eta=1.0, variance_noise=noise)
        reached.append(step.prev_sample)
    prev_sample = torch.cat(reached)
    variance = torch.stack([scheduler._get_variance(int(t), int(t) - 1000 // count) for t in timesteps])

    exact = alphas_cumprod()
    wide = {name: value.double() for name, value in inputs.items()}
    a_t, a_prev = (exact[index].view(-1, 1, 1, 1) for index in (timesteps, previous))
    std = ((1 - a_prev) / (1 - a_t) * (1 - a_t / a_prev)).sqrt()
    mean, old = log_prob(wide["eps"], wide["sample"], prev_sample.double(), a_t, a_prev, std)
    assert (mean + std * wide["noise"] - prev_sample).abs().max() < 1e-5, "diffusers and the formula must agree"
    eps_new = leaf(inputs["eps_new"], torch.float64)
    _, new = log_prob(eps_new, wide["sample"], prev_sample.double(), a_t, a_prev, std)
    (gradient,) = torch.autograd.grad((new * wide["cotangent"]).sum(), eps_new)

    values = inputs | {"prev_sample": prev_sample, "variance": variance, "mean": mean, "std": std.flatten()}
    values |= {"log_prob": old, "log_prob_new": new, "ratio": (new - old).exp(), "grad_eps_new": gradient}
    return values, {"timesteps": timesteps.tolist(), "previous_timesteps": previous.tolist()}


def exact_scheduler(count, **changes):
    """diffusers' scheduler with its constants in float64."""
    scheduler = DDIMScheduler(**CONFIG | changes)
    scheduler.alphas_cumprod = alphas_cumprod()
    scheduler.final_alpha_cumprod = scheduler.alphas_cumprod[0]
    scheduler.set_timesteps(count)
    return scheduler


def schedule(count, generator, **changes):
    """Standard deviations and log-probabilities of all steps of a schedule, on latents of two elements."""
    scheduler = exact_scheduler(count, **changes)
    sample, eps, noise = (normal(generator, count, 2) for _ in range(3))
    values = {"sample": sample, "eps": eps}
    for eta in ETAS:
        rows = []
        for i, t in enumerate(scheduler.timesteps):
            here, predicted = sample[i].double(), eps[i].double()
            std = eta * scheduler._get_variance(int(t), int(t) - 1000 // count) ** 0.5
            mean = scheduler.step(predicted, t, here, eta=eta, variance_noise=torch.zeros(2)).prev_sample
            reached = (mean + std * noise[i]).float()
            terms = -((reached - mean) ** 2) / (2 * std**2) - std.log() - 0.5 * math.log(2 * math.pi)
            rows.append((reached, std, torch.where(std > 0, terms.mean(), 0)))
        columns = [torch.stack(column) for column in zip(*rows)]
        values |= {f"{eta}.{name}": column for name, column in zip(("prev_sample", "std", "log_prob"), columns)}
    return values, scheduler.timesteps.tolist()


def beyond(count):
    """The error of a schedule with more steps than there can be."""
    try:
        scheduler = exact_scheduler(count)
        scheduler.step(torch.zeros(2), scheduler.timesteps[0], torch.zeros(2), eta=1.0)
    except IndexError as error:
        return str(error)
    raise AssertionError(f"diffusers denoises in {count} steps")


def write_schedules(generator):
    tensors, timesteps = {"alphas_cumprod": alphas_cumprod()}, {}
    offsets = {5: 1, 20: 1, 50: 1, 999: 1, 1000: 0}
    for count, offset in offsets.items():
        values, timesteps[str(count)] = schedule(count, generator, steps_offset=offset)
        tensors |= {f"{count}.{name}": value for name, value in values.items()}
    write_tensors("ddim_schedules", tensors)
    config = {"_class_name": "DDIMScheduler"} | CONFIG
    write_json("ddim_schedules", "ddim.py", {"config": config, "etas": ETAS, "steps_offset": offsets, "timesteps": timesteps, "error": {"1000": beyond(1000)}})


def main():
    generator = seeded(41)
    tensors, schedules = {"alphas_cumprod": DDIMScheduler(**CONFIG).alphas_cumprod}, {}
    for count in (8, 20, 50):
        values, schedules[str(count)] = steps(count, generator)
        tensors |= {f"{count}.{name}": value for name, value in values.items()}
    write_tensors("ddim", tensors)
    write_json("ddim", "ddim.py", {"config": {"_class_name": "DDIMScheduler"} | CONFIG, "eta": 1.0, "steps": schedules})
    write_schedules(seeded(42))


if __name__ == "__main__":
    main()
