"""ImageReward on tiny random towers: BLIP's image tower, BERT with cross-attention, the linear head.

transformers' BlipVisionModel and BlipTextModel are the same networks under other names; the weights are written by the
names of the published file. The loss is `sum(reward * cotangent)`.
"""

import re

import torch
from transformers import BlipTextConfig, BlipVisionConfig
from transformers.models.blip.modeling_blip import BlipVisionModel
from transformers.models.blip.modeling_blip_text import BlipTextModel

from common import gradients, leaf, normal, oracle, randomise, seeded, write_json, write_tensors

HEAD = {0: 32, 2: 16, 4: 12, 6: 8, 7: 1}  # the published one has 1024, 128, 64, 16, 1
VISION_NAMES = {
    r"^embeddings\.class_embedding": "cls_token",
    r"^embeddings\.position_embedding": "pos_embed",
    r"^embeddings\.patch_embedding": "patch_embed.proj",
    r"^encoder\.layers": "blocks",
    r"self_attn\.qkv": "attn.qkv",
    r"self_attn\.projection": "attn.proj",
    r"layer_norm(\d)": r"norm\1",
    r"^post_layernorm": "norm",
}


class Head(torch.nn.Module):
    """Five linear layers, nothing between them."""

    def __init__(self, width, widths):
        super().__init__()
        self.layers = torch.nn.ModuleDict()
        for number, out in widths.items():
            self.layers[str(number)] = torch.nn.Linear(width, out)
            width = out

    def forward(self, x):
        for layer in self.layers.values():
            x = layer(x)
        return x


def published(name):
    """The published file's name of a parameter."""
    part, _, rest = name.partition(".")
    if part != "vision":
        return {"text": "blip.text_encoder.", "head": "mlp."}[part] + rest
    for pattern, new in VISION_NAMES.items():
        rest = re.sub(pattern, new, rest)
    return f"blip.visual_encoder.{rest}"


def build(vision, text, head=HEAD):
    """The three parts as one module."""
    model = torch.nn.Module()
    model.vision = BlipVisionModel(BlipVisionConfig(**vision))
    model.text = BlipTextModel(BlipTextConfig(**text, is_decoder=True), add_pooling_layer=False)
    model.head = Head(text["hidden_size"], head)
    return model


def forward(model, pixels, ids, mask):
    """Image tokens, hidden states of the text, rewards."""
    tokens = model.vision(pixels).last_hidden_state
    seen = torch.ones(tokens.shape[:2], dtype=torch.long)
    hidden = model.text(
        ids, attention_mask=mask, encoder_hidden_states=tokens, encoder_attention_mask=seen, is_decoder=False
    ).last_hidden_state
    return tokens, hidden, model.head(hidden[:, 0])[:, 0]


def texts(vocabulary, lengths, length, generator):
    """Ids `[B, length]` padded with 0, and the mask."""
    rows = torch.zeros(len(lengths), length, dtype=torch.long)
    for row, count in zip(rows, lengths):
        row[:count] = torch.randint(1, vocabulary, (count,), generator=generator)
    return rows, (torch.arange(length)[None] < torch.tensor(lengths)[:, None]).long()


def case(name, seed, vision, text, lengths, length):
    """One model on as many images and texts as there are lengths."""
    generator = seeded(seed)
    text = text | dict(encoder_hidden_size=vision["hidden_size"], layer_norm_eps=1e-12, hidden_act="gelu")
    model = randomise(build(vision | dict(layer_norm_eps=1e-6, hidden_act="gelu"), text), generator)
    pixels = normal(generator, len(lengths), 3, vision["image_size"], vision["image_size"])
    ids, mask = texts(text["vocab_size"], lengths, length, generator)
    cotangent = normal(generator, len(lengths))

    def run(dtype):
        towers = model.to(dtype)
        inputs = {"pixel_values": leaf(pixels, dtype)}
        tokens, hidden, reward = forward(towers, inputs["pixel_values"], ids, mask)
        loss = (reward * cotangent.to(dtype)).sum()
        values = {"output.tokens": tokens, "output.first": hidden[:, 0], "output.reward": reward}
        return values | gradients(loss, inputs, "grad_input")

    values, error = oracle(run)
    values |= {"input.pixel_values": pixels, "cotangent": cotangent}
    weights = {published(key): value for key, value in model.float().named_parameters()}
    config = {
        "head": list(HEAD.values()),
        "vision_config": {key: vision[key] for key in sorted(vision)} | {"layer_norm_eps": 1e-6},
        "text_config": {key: text[key] for key in sorted(text) if not key.startswith("encoder") and key != "hidden_act"}
        | {"encoder_width": vision["hidden_size"]},
    }
    write_tensors(f"{name}.weights", weights)
    write_tensors(name, values)
    write_json(name, "imagereward.py", {"config": config, "ids": ids.tolist(), "mask": mask.tolist(),
               "loss": "sum(output.reward * cotangent)", "float32_error": error})


def sizes(width, inner, layers, heads):
    return dict(hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads)


if __name__ == "__main__":
    case("imagereward_small", 31, sizes(16, 32, 2, 2) | dict(image_size=16, patch_size=8),
         sizes(16, 24, 2, 4) | dict(vocab_size=40, max_position_embeddings=12), [3, 9, 6], 9)
    case("imagereward_wide", 32, sizes(24, 40, 1, 3) | dict(image_size=20, patch_size=4),
         sizes(8, 20, 3, 1) | dict(vocab_size=30, max_position_embeddings=8), [5, 2], 7)
