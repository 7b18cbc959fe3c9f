"""What transformers' CLIP processor and torchvision's transforms, as ImageReward has them, make of seeded images.

Of small sizes `pixel_values.safetensors` has everything; of the published models' size, which would be large, the JSON has the
SHA-256 of the float32 bytes, `[size, size, 3]` each.
"""

import hashlib
from importlib.metadata import version

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor
from transformers import CLIPImageProcessor

from common import write_json, write_tensors
from seeded_image import seeded_image

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
SHAPES = {
    16: [(16, 16), (5, 5), (40, 29), (17, 20), (16, 19), (23, 16), (64, 70), (150, 31)],
    224: [(512, 512), (64, 64), (300, 451), (256, 224)],
}


def prepared(image, size, library):
    """float32 `[size, size, 3]`."""
    picture = Image.fromarray(image)
    if library == "transformers":
        processor = CLIPImageProcessor(size={"shortest_edge": size}, crop_size=size)
        assert tuple(processor.image_mean) == MEAN and tuple(processor.image_std) == STD
        values = processor(picture, return_tensors="np")["pixel_values"][0]
    else:
        resize = Resize(size, interpolation=InterpolationMode.BICUBIC)
        values = Compose([resize, CenterCrop(size), ToTensor(), Normalize(MEAN, STD)])(picture).numpy()
    assert values.shape == (3, size, size) and values.dtype == np.float32
    return np.ascontiguousarray(values.transpose(1, 2, 0))


def main():
    cases, tensors = [], {}
    for size, shapes in SHAPES.items():
        for library in ("transformers", "torchvision"):
            for seed, (height, width) in enumerate(shapes, start=1):
                values = prepared(seeded_image(seed, height, width), size, library)
                name = f"{library}.{size}.{height}x{width}"
                case = dict(name=name, library=library, size=size, seed=seed, height=height, width=width)
                if size < 100:
                    tensors[name] = torch.from_numpy(values)
                cases.append(case | dict(sha256=hashlib.sha256(values.astype("<f4").tobytes()).hexdigest()))
    write_tensors("pixel_values", tensors)
    write_json("pixel_values", "pixel_values.py", {"pillow": version("pillow"), "torchvision": version("torchvision"), "cases": cases})


if __name__ == "__main__":
    main()
