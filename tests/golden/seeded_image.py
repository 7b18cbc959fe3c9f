"""Images of whole numbers that `tests/seeded_image.ts` draws as well: stripes, with more noise in each quarter."""

import numpy as np


def seeded_image(seed, height, width):
    """Bytes `[height, width, 3]`."""
    y, x, c = np.indices((height, width, 3), dtype=np.int64)
    stripes = np.minimum(np.abs(((x * (5 + 2 * c) + y * (7 - 2 * c) + 13 * seed) & 511) - 255), 255)
    noise = mixed((y * width + x) * 3 + c + 0x9E3779B9 * seed) >> 24
    return np.clip(stripes + ((noise - 128) * (4 * x // width) >> 2), 0, 255).astype(np.uint8)


def mixed(number):
    """Whole numbers to words that look random: the finalizer of MurmurHash3."""
    word = number & 0xFFFFFFFF
    word = (word ^ (word >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
    word = (word ^ (word >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
    return word ^ (word >> 16)
