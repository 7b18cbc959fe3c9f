"""The temporal critic: forward, clipped loss and gradients in both initialisations, neuron scores, and resets.

Score of neuron i in a hidden layer: `s_i = mean_b relu(h_bi) / (mean_j mean_b relu(h_bj) + 1e-9)`, `h` before any
activation; dormant where `s_i <= tau`, active elsewhere. A reset goes from the first layer to the last: rows of
the chosen neurons get fresh incoming weights and zero bias, then the next layer's columns get fresh outgoing weights
(or zero); so where a column meets a row that is reset as well, the row wins.
"""

import torch

from common import gradients, leaf, normal, oracle, seeded, write_json, write_tensors
from mlp import NAMES, clipped_loss, hidden, initialise

WIDTHS = [24, 32, 16, 8, 4, 1]
DROPOUT = [0.2, 0.2, 0.1]
CLIP = 0.2
TAUS = [0.0, 0.025, 0.1]


def regression(kind, activation, dropout, generator):
    """One forward and backward pass of a critic on twelve embeddings."""
    weights = initialise(WIDTHS, kind, generator)
    if kind != "official":
        weights |= {name: normal(generator, *value.shape, std=0.1) for name, value in weights.items() if "bias" in name}
    inputs = {
        "embeddings": torch.nn.functional.normalize(normal(generator, 12, WIDTHS[0]), dim=1),
        "old_residuals": normal(generator, 12, std=0.2),
        "returns": normal(generator, 12),
    }
    masks = None
    if dropout:
        keep = [torch.rand(12, width, generator=generator) >= p for width, p in zip(WIDTHS[1:], DROPOUT)]
        masks = [kept / (1 - p) for kept, p in zip(keep, DROPOUT)]

    def run(dtype):
        parameters = {name: leaf(value, dtype) for name, value in weights.items()}
        wide = {name: value.to(dtype) for name, value in inputs.items()}
        factors = [mask.to(dtype) for mask in masks] if masks else None
        outputs, residual = hidden(parameters, wide["embeddings"], activation, factors)
        loss, fraction = clipped_loss(residual, wide["old_residuals"], wide["returns"], CLIP)
        values = {f"hidden.{i}": output for i, output in enumerate(outputs)}
        values |= {"residuals": residual, "loss": loss, "clip_fraction": fraction}
        return values | gradients(loss, parameters, "grad")

    values, error = oracle(run)
    values |= inputs | {f"weight.{name}": value for name, value in weights.items()}
    return values | {f"dropout.{i}": mask for i, mask in enumerate(masks or [])}, error


def scores(outputs):
    """One vector for each hidden layer."""
    means = [torch.relu(output).mean(dim=0) for output in outputs]
    return [mean / (mean.mean() + 1e-9) for mean in means]


def reset(weights, chosen, incoming, outgoing):
    """Weights after a reset; `outgoing` None writes zeros."""
    result = {name: value.clone() for name, value in weights.items()}
    for name, following, mask in zip(NAMES, NAMES[1:], chosen):
        result[f"{name}.weight"][mask] = incoming[f"{name}.weight"][mask]
        result[f"{name}.bias"][mask] = 0
        column = outgoing[f"{following}.weight"][:, mask] if outgoing else 0
        result[f"{following}.weight"][:, mask] = column
    return result


def reset_cases(generator):
    """Scores of hidden outputs with dead, nearly dead and wholly dead parts, and what each choice resets."""
    outputs = [normal(generator, 10, width).double() for width in WIDTHS[1:-1]]
    outputs[0][:, 3] = -outputs[0][:, 3].abs()
    outputs[1][:, 5] = -outputs[1][:, 5].abs()
    outputs[0][:, 7] = outputs[0][:, 7] * 2.0**-6
    outputs[1][:, 2] = outputs[1][:, 2] * 2.0**-4
    outputs[3] = -outputs[3].abs()
    weights, incoming, outgoing = (initialise(WIDTHS, "fan_in", generator) for _ in range(3))
    weights |= {name: normal(generator, *value.shape, std=0.1) for name, value in weights.items() if "bias" in name}
    tensors = {f"hidden.{i}": output for i, output in enumerate(outputs)}
    tensors |= {f"weight.{name}": value for name, value in weights.items()}
    tensors |= {f"incoming.{name}": value for name, value in incoming.items() if "weight" in name}
    tensors |= {f"outgoing.{name}": value for name, value in outgoing.items() if "weight" in name}
    found = scores(outputs)
    tensors |= {f"score.{i}": score for i, score in enumerate(found)}
    dormant = {str(tau): [score <= tau for score in found] for tau in TAUS}
    choice = dormant["0.1"]
    choices = {
        "dormant": choice,
        "active": [~mask for mask in choice],
        "all": [torch.ones_like(mask) for mask in choice],
        "none": [torch.zeros_like(mask) for mask in choice],
    }
    for name, chosen in choices.items():
        for kind, columns in (("fresh", outgoing), ("zero", None)):
            after = reset(weights, chosen, incoming, columns)
            tensors |= {f"after.{name}.{kind}.{key}": value for key, value in after.items()}
    margin = min((score - tau).abs()[score > 0].min().item() for score in found[:3] for tau in TAUS[1:])
    return tensors, {
        "dormant": {tau: [mask.int().tolist() for mask in masks] for tau, masks in dormant.items()},
        "reset_tau": 0.1,
        "smallest_distance_to_tau": float(f"{margin:.1e}"),
    }


def main():
    cases = {
        "official": ("official", "none", False),
        "official_dropout": ("official", "none", True),
        "fixed": ("fan_in", "relu", False),
    }
    tensors, errors = {}, {}
    for seed, (name, options) in enumerate(cases.items(), 61):
        values, errors[name] = regression(*options, seeded(seed))
        tensors |= {f"{name}.{key}": value for key, value in values.items()}
    resets, record = reset_cases(seeded(64))
    write_tensors("critic", tensors)
    write_tensors("reset", resets)
    shared = {"widths": WIDTHS, "layers": NAMES}
    details = {"clip_range_critic": CLIP, "dropout": DROPOUT, "float32_error": errors}
    write_json("critic", "critic.py", shared | details)
    write_json("reset", "critic.py", shared | record)


if __name__ == "__main__":
    main()
