"""Sizes of the files that Pillow makes of seeded images, and of flat and noisy ones, in JPEG with quality 95 and others."""

import io
from importlib.metadata import version

import numpy as np
from PIL import Image, features

from common import write_json
from seeded_image import mixed, seeded_image

SHAPES = [(1, 1), (7, 9), (8, 8), (16, 16), (17, 15), (24, 40), (33, 31), (40, 24), (65, 129), (127, 95), (200, 301), (512, 512)]
QUALITIES = [1, 30, 75, 95, 100]


def size(image, quality):
    """Bytes of the file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality)
    return buffer.tell()


def main():
    cases = []
    for seed, (height, width) in enumerate(SHAPES, start=1):
        image = seeded_image(seed, height, width)
        cases.append(dict(seed=seed, height=height, width=width, quality=95, bytes=size(image, 95)))
    for quality in QUALITIES:
        cases.append(dict(seed=20, height=43, width=50, quality=quality, bytes=size(seeded_image(20, 43, 50), quality)))
    noise = (mixed(np.arange(37 * 45 * 3)) >> 24).astype(np.uint8).reshape(37, 45, 3)
    extremes = {
        "white": np.full((40, 40, 3), 255, np.uint8),
        "chequered": np.indices((40, 41)).sum(axis=0)[..., None].repeat(3, axis=2).astype(np.uint8) % 2 * 255,
        "noise": noise,
    }
    record = {
        "pillow": version("pillow"),
        "libjpeg_turbo": features.version("libjpeg_turbo"),
        "cases": cases,
        "extremes": {name: size(image, 95) for name, image in extremes.items()},
    }
    write_json("jpeg", "jpeg.py", record)


if __name__ == "__main__":
    main()
