"""The temporal critic: five linear layers named as in the published aesthetic head, shared by the golden scripts."""

import torch
from torch.nn.functional import linear, relu

from common import normal

NAMES = ["layers.0", "layers.2", "layers.4", "layers.6", "layers.7"]


def initialise(widths, kind, generator):
    """Weights by name. `official`: N(0, 1/(D+1)) everywhere; `fan_in`: N(0, 1/sqrt(fan-in)); biases zero.

    `D` is the width of the embedding, `widths` those of all layers from `D` to 1.
    """
    weights = {}
    for name, fan_in, fan_out in zip(NAMES, widths, widths[1:]):
        std = 1 / (widths[0] + 1) if kind == "official" else fan_in**-0.5
        weights[f"{name}.weight"] = normal(generator, fan_out, fan_in, std=std)
        weights[f"{name}.bias"] = torch.zeros(fan_out)
    return weights


def hidden(weights, x, activation, masks=None):
    """Outputs of the four hidden layers before activation, and the residual `[B]`.

    `masks`: what dropout multiplies the outputs of the first three layers by, `0` or `1 / (1 - p)`.
    """
    outputs = []
    for i, name in enumerate(NAMES):
        x = linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])
        if i < 4:
            outputs.append(x)
            x = relu(x) if activation == "relu" else x
            x = x * masks[i] if masks is not None and i < 3 else x
    return outputs, x.squeeze(1)


def clipped_loss(residual, old, returns, clip):
    """`0.5 mean max((R - G)^2, (clip(R, R_old - c, R_old + c) - G)^2)`, and the fraction where the clip decides."""
    free = (residual - returns) ** 2
    held = (residual.clamp(old - clip, old + clip) - returns) ** 2
    return 0.5 * torch.maximum(free, held).mean(), (held > free).to(free.dtype).mean()
