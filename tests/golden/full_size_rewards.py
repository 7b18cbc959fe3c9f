"""Reward models of the published sizes with random weights, in files of the published kinds, and what PyTorch computes.

`python full_size_rewards.py clip_l|hpsv2|imagereward FOLDER`: writes FOLDER/rewards/ and FOLDER/expected.safetensors. One at a
time, as each takes several gigabytes. `tests/full_size_rewards.ts` runs it.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from common import seeded
import imagereward
import open_clip

MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
L_TEXT = dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12, projection_dim=768)
L_VISION = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14)


def randomise(module, generator):
    """As in the small cases: every parameter matters, and activations stay of one size."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5, generator=generator)
            elif "norm" in name.lower() or "ln_" in name:
                parameter.normal_(mean=float(name.endswith("weight")), std=0.2, generator=generator)
            else:
                parameter.normal_(std=0.2, generator=generator)
    return module.eval()


def pixels(generator):
    """An image of bytes as RGB in [0, 1], and what CLIP's processor makes of it."""
    image = torch.randint(0, 256, (300, 400, 3), generator=generator, dtype=torch.uint8)
    processor = CLIPImageProcessor(size=224, crop_size=224, image_mean=MEAN, image_std=STD)
    return image[None].float() / 255, processor(image.numpy(), return_tensors="pt").pixel_values


def prompt(generator, length, count, low, high, end):
    """Ids `[1, length]` of a prompt of so many tokens, padded with 0."""
    ids = torch.zeros(1, length, dtype=torch.long)
    ids[0, :count] = torch.randint(low, high, (count,), generator=generator)
    ids[0, count] = end
    return ids


def clip_l(folder, generator):
    config = CLIPConfig(text_config=L_TEXT, vision_config=L_VISION | dict(projection_dim=768), projection_dim=768)
    model = randomise(CLIPModel(config), generator)
    image, values = pixels(generator)
    ids = prompt(generator, 77, 12, 1, 49000, 49407)
    save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    return {"image": image, "ids": ids, "images": model.get_image_features(values), "texts": model.get_text_features(ids)}


def hpsv2(folder, generator):
    gelu = torch.nn.functional.gelu
    vision, text = (224, 14, 1280, 5120, 32, 16), (1024, 4096, 24, 16, 49408, 77)
    model = randomise(open_clip.OpenClip(vision, text, 1024, gelu), generator).half()
    torch.save({"epoch": 1, "state_dict": model.state_dict()}, folder / "HPS_v2_compressed.pt")
    model = model.float()
    image, values = pixels(generator)
    ids = prompt(generator, 77, 12, 1, 49000, 49407)
    return {"image": image, "ids": ids, "images": model.visual(values), "texts": model.encode_text(ids)}


def image_reward(folder, generator):
    vision = imagereward.sizes(1024, 4096, 24, 16) | dict(image_size=224, patch_size=16, layer_norm_eps=1e-6, hidden_act="gelu")
    text = imagereward.sizes(768, 3072, 12, 12) | dict(vocab_size=30524, max_position_embeddings=512)
    text |= dict(encoder_hidden_size=1024, layer_norm_eps=1e-12, hidden_act="gelu")
    head = {0: 1024, 2: 128, 4: 64, 6: 16, 7: 1}
    model = randomise(imagereward.build(vision, text, head), generator)
    weights = {imagereward.published(name): value for name, value in model.named_parameters()}
    weights |= {"blip.vision_proj.weight": torch.zeros(256, 1024), "blip.text_proj.weight": torch.zeros(256, 768)}
    torch.save(weights, folder / "ImageReward.pt")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{i}" for i in range(30517))]
    (folder / "vocab.txt").write_text("\n".join(names))
    image, values = pixels(generator)
    ids = prompt(generator, 35, 12, 200, 30000, 3)
    mask = (ids > 0).long()
    _, _, reward = imagereward.forward(model, values, ids, mask)
    return {"image": image, "ids": ids, "mask": mask, "reward": reward}


if __name__ == "__main__":
    name, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(2)
    place = folder / "rewards" / name
    place.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        expected = {"clip_l": clip_l, "hpsv2": hpsv2, "imagereward": image_reward}[name](place, seeded(61))
    save_file({key: value.float().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
