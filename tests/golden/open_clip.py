"""CLIP with OpenCLIP's parameter names: one in_proj for query, key and value, projections multiplied from the right.

Written in plain PyTorch after the published layout. Weights are in OpenCLIP's names; the loss is `sum(cosines * cotangent)`
over the pairs of each image with its text.
"""

import torch
from torch import nn

from common import gradients, leaf, normal, oracle, seeded, write_json, write_tensors


class Block(nn.Module):
    def __init__(self, width, inner, heads, activation):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, inner), "c_proj": nn.Linear(inner, width)})
        self.activation = activation

    def forward(self, x, mask=None):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp.c_proj(self.activation(self.mlp.c_fc(self.ln_2(x))))


class Transformer(nn.Module):
    def __init__(self, layers, *sizes):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(*sizes) for _ in range(layers))

    def forward(self, x, mask=None):
        for block in self.resblocks:
            x = block(x, mask)
        return x


class Visual(nn.Module):
    def __init__(self, side, patch, width, inner, layers, heads, out, activation):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty((side // patch) ** 2 + 1, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Transformer(layers, width, inner, heads, activation)
        self.proj = nn.Parameter(torch.empty(width, out))

    def forward(self, pixels):
        x = self.conv1(pixels).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(x.shape[0], 1, -1)
        x = self.ln_pre(torch.cat([first, x], 1) + self.positional_embedding)
        return self.ln_post(self.transformer(x)[:, 0]) @ self.proj


class OpenClip(nn.Module):
    def __init__(self, vision, text, out, activation):
        super().__init__()
        width, inner, layers, heads, vocabulary, length = text
        self.positional_embedding = nn.Parameter(torch.empty(length, width))
        self.text_projection = nn.Parameter(torch.empty(width, out))
        self.logit_scale = nn.Parameter(torch.empty([]))
        self.visual = Visual(*vision, out, activation)
        self.transformer = Transformer(layers, width, inner, heads, activation)
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.ln_final = nn.LayerNorm(width)

    def encode_text(self, ids):
        x = self.token_embedding(ids) + self.positional_embedding[: ids.shape[1]]
        mask = torch.full((ids.shape[1], ids.shape[1]), float("-inf"), dtype=x.dtype).triu(1)
        x = self.ln_final(self.transformer(x, mask))
        return x[torch.arange(x.shape[0]), ids.argmax(-1)] @ self.text_projection


def case(name, seed, activation, act_name, vision, text, out):
    generator = seeded(seed)
    model = OpenClip(vision, text, out, activation).eval()
    with torch.no_grad():
        model.logit_scale.fill_(2.5)
        for key, parameter in model.named_parameters():
            if key == "logit_scale":
                continue
            fan_in = parameter.shape[-1] if parameter.dim() > 1 else 1
            std = fan_in**-0.5 if parameter.dim() > 1 else 0.2
            centre = 1 if ".ln_" in f".{key}" and key.endswith("weight") else 0
            parameter.copy_(centre + normal(generator, *parameter.shape, std=std))
    side, vocabulary, length = vision[0], text[4], text[5]
    pixels = normal(generator, 3, 3, side, side)
    ids = torch.zeros(3, length, dtype=torch.long)
    for row, count in zip(ids, (length - 1, 4, 1)):
        row[:count] = torch.randint(1, vocabulary - 1, (count,), generator=generator)
        row[count] = vocabulary - 1
    cotangent = normal(generator, 3)

    def run(dtype):
        towers = model.to(dtype)
        inputs = {"pixel_values": leaf(pixels, dtype)}
        images, texts = towers.visual(inputs["pixel_values"]), towers.encode_text(ids)
        cosines = nn.functional.cosine_similarity(images, texts)
        values = {"output.images": images, "output.texts": texts, "output.cosines": cosines}
        loss = (cosines * cotangent.to(dtype)).sum()
        return values | gradients(loss, inputs, "grad_input")

    values, error = oracle(run)
    values |= {"input.pixel_values": pixels, "cotangent": cotangent}

    def sizes(width, inner, layers, heads):
        return dict(hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
                    hidden_act=act_name)

    config = {
        "projection_dim": out,
        "vision_config": sizes(*vision[2:]) | dict(image_size=side, patch_size=vision[1]),
        "text_config": sizes(*text[:4])
        | dict(vocab_size=vocabulary, max_position_embeddings=length, eos_token_id=vocabulary - 1),
    }
    write_tensors(f"{name}.weights", dict(model.float().named_parameters()))
    write_tensors(name, values)
    write_json(name, "open_clip.py", {"config": config, "ids": ids.tolist(), "loss": "sum(output.cosines * cotangent)",
               "float32_error": error})


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


if __name__ == "__main__":
    case("open_clip_gelu", 41, nn.functional.gelu, "gelu", (28, 14, 40, 72, 2, 2), (24, 40, 2, 3, 30, 11), 16)
    case("open_clip_quick", 42, quick_gelu, "quick_gelu", (16, 4, 16, 64, 1, 4), (32, 48, 1, 2, 20, 7), 12)
