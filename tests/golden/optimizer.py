"""AdamW and gradient clipping: torch.optim.AdamW over given gradients, torch.nn.utils.clip_grad_norm_.

`reset`: after step 5 the moments of the marked elements are zeroed while the step count goes on. `fresh`: an optimizer
that starts anew after step 5 from the same parameters, which is what an element with its own step count must follow.
"""

import torch

from common import normal, oracle, seeded, write_json, write_tensors

OPTIONS = dict(lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2)
SHAPES = {"a": (4, 3), "b": (5,)}
STEPS = 10


def descend(initial, grads, after=None):
    """Parameters after each step, and the moments at the end; `after(step, optimizer, parameters)` may interfere."""
    parameters = {name: torch.nn.Parameter(value.clone()) for name, value in initial.items()}
    optimizer = torch.optim.AdamW(parameters.values(), **OPTIONS)
    values = {}
    for step in range(next(iter(grads.values())).shape[0]):
        for name, parameter in parameters.items():
            parameter.grad = grads[name][step].clone()
        optimizer.step()
        values |= {f"step.{step + 1}.{name}": value.detach().clone() for name, value in parameters.items()}
        if after:
            after(step + 1, optimizer, parameters)
    for name, parameter in parameters.items():
        values |= {f"{key}.{name}": optimizer.state[parameter][key].clone() for key in ("exp_avg", "exp_avg_sq")}
    return values


def adamw(generator):
    """Three runs on the same gradients: plain, with moments reset, and fresh after step 5."""
    initial = {name: normal(generator, *shape) for name, shape in SHAPES.items()}
    grads = {name: normal(generator, STEPS, *shape) for name, shape in SHAPES.items()}
    grads["a"][:, 0, 0] = 0  # an element that only decays
    grads["b"][:, 1] *= 2.0**-30  # gradients of the size of eps
    masks = {name: (torch.rand(*shape, generator=generator) < 0.5).float() for name, shape in SHAPES.items()}

    def clear(step, optimizer, parameters):
        if step == 5:
            for name, parameter in parameters.items():
                for key in ("exp_avg", "exp_avg_sq"):
                    optimizer.state[parameter][key] *= 1 - masks[name].to(parameter.dtype)

    def run(dtype):
        start = {name: value.to(dtype) for name, value in initial.items()}
        slopes = {name: value.to(dtype) for name, value in grads.items()}
        plain, reset = descend(start, slopes), descend(start, slopes, clear)
        middle = {name: plain[f"step.5.{name}"] for name in SHAPES}
        fresh = descend(middle, {name: value[5:] for name, value in slopes.items()})
        runs = {"plain": plain, "reset": reset, "fresh": fresh}
        return {f"{kind}.{key}": value for kind, values in runs.items() for key, value in values.items()}

    values, error = oracle(run)
    values |= {f"initial.{name}": value for name, value in initial.items()}
    values |= {f"grad.{name}": value for name, value in grads.items()}
    return values | {f"mask.{name}": value for name, value in masks.items()}, error


def clipping(generator):
    """Gradients above, below and at zero norm, clipped to a norm of 1."""
    values = {}
    for case, std in (("above", 1.0), ("below", 0.05), ("zero", 0.0)):
        parameters = [torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64)) for shape in SHAPES.values()]
        for name, parameter in zip(SHAPES, parameters):
            parameter.grad = normal(generator, *parameter.shape, std=std).double()
            values[f"clip.{case}.grad.{name}"] = parameter.grad.clone()
        values[f"clip.{case}.norm"] = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        values |= {f"clip.{case}.clipped.{name}": parameter.grad for name, parameter in zip(SHAPES, parameters)}
    return values


def main():
    generator = seeded(71)
    values, error = adamw(generator)
    write_tensors("optimizer", values | clipping(generator))
    record = {"options": OPTIONS, "steps": STEPS, "reset_after_step": 5, "max_norm": 1.0, "float32_error": error}
    write_json("optimizer", "optimizer.py", record)


if __name__ == "__main__":
    main()
