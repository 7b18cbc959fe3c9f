"""The gradient of image preparation in floats: PyTorch's bicubic resize with antialiasing, the crop, the normalisation.

The gradient of `sum(pixel_values * cotangent)` by the images. Pillow's windows differ from PyTorch's by the 22 binary places of
their weights.
"""

import torch

from common import normal, oracle, seeded, write_json, write_tensors

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073], dtype=torch.float64)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711], dtype=torch.float64)
CASES = [("down", 8, 20, 15), ("up", 12, 7, 9)]


def prepared(images, size):
    """`[1, S, S, 3]`: the shortest edge resized to `size`, the middle cut out, normalised."""
    height, width = images.shape[1:3]
    shortest = min(height, width)
    to = [size * height // shortest, size * width // shortest]
    x = images.permute(0, 3, 1, 2)
    x = torch.nn.functional.interpolate(x, to, mode="bicubic", antialias=True, align_corners=False)
    top, left = [(extent - size) // 2 for extent in to]
    x = x[:, :, top : top + size, left : left + size].permute(0, 2, 3, 1)
    return (x - MEAN.to(x.dtype)) / STD.to(x.dtype)


def main():
    generator = seeded(95)
    inputs = {}
    for name, size, height, width in CASES:
        inputs[f"input.{name}"] = torch.rand(1, height, width, 3, generator=generator)
        inputs[f"cotangent.{name}"] = normal(generator, 1, size, size, 3)

    def run(dtype):
        values = {}
        for name, size, *_ in CASES:
            images = inputs[f"input.{name}"].to(dtype).requires_grad_(True)
            loss = (prepared(images, size) * inputs[f"cotangent.{name}"].to(dtype)).sum()
            (values[f"grad.{name}"],) = torch.autograd.grad(loss, images)
        return values

    values, error = oracle(run)
    write_tensors("pixel_gradient", inputs | values)
    sizes = {name: size for name, size, *_ in CASES}
    write_json("pixel_gradient", "pixel_gradient.py", {"sizes": sizes, "float32_error": error})


if __name__ == "__main__":
    main()
