"""A full-size Stable Diffusion v1.4 with random weights, and what PyTorch computes with it: for `full_size_sd14.ts`.

    python tests/full_size_sd14.py FOLDER [--half]

writes FOLDER/model, a checkpoint in the diffusers layout with the published shapes (about 4 GB; `--half` adds the
fp16 variant), and FOLDER/expected.safetensors with inputs and outputs:

    text.ids [2, 77], text.output [2, 77, 768]           two prompts
    unet.sample [2, 4, 64, 64], unet.timestep [2], unet.output   both rows of one guided step, at timestep 981
    vae.latents [1, 4, 64, 64], vae.image [1, 3, 512, 512]        decoded, before the clamp

Weights are seeded, with a deviation that keeps activations near 1; PyTorch's own float32 is what the other side is
compared with. Takes about 12 GB of memory and some minutes.
"""

import argparse
import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

PROMPTS = ["a photo of a cat", ""]
TIMESTEP = 981

TEXT = dict(vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
TEXT |= dict(max_position_embeddings=77, hidden_act="quick_gelu", layer_norm_eps=1e-5, bos_token_id=0, eos_token_id=2, pad_token_id=1)

VAE = dict(in_channels=3, out_channels=3, latent_channels=4, layers_per_block=2, norm_num_groups=32, sample_size=512)
VAE |= dict(block_out_channels=(128, 256, 512, 512), act_fn="silu", scaling_factor=0.18215)
VAE |= dict(down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)

UNET = dict(sample_size=64, in_channels=4, out_channels=4, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2)
UNET |= dict(down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",), cross_attention_dim=768)
UNET |= dict(up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3, attention_head_dim=8)
UNET |= dict(norm_num_groups=32, norm_eps=1e-5, act_fn="silu", flip_sin_to_cos=True, freq_shift=0)

SCHEDULER = dict(_class_name="PNDMScheduler", num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012)
SCHEDULER |= dict(beta_schedule="scaled_linear", set_alpha_to_one=False, steps_offset=1, clip_sample=False, skip_prk_steps=True)


def randomise(model, seed):
    """Fan-in weights, norms around one, small biases: what comes in with a deviation of 1 leaves with about that."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                fan_in = parameter[0].numel()
                parameter.normal_(0, 0.02 if "embedding" in name and "time" not in name else fan_in**-0.5, generator=generator)
            else:
                parameter.normal_(1 if name.endswith("weight") else 0, 0.05, generator=generator)
    return model.eval().requires_grad_(False)


def byte_symbols():
    """The 256 symbols that stand for bytes in a vocabulary, those that can be printed for themselves."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(256))
    return [chr(b) if b in visible else chr(0x100 + next(others)) for b in range(256)]


def vocabulary():
    """49408 tokens: bytes, bytes that end a word, 48894 merges of two, start and end."""
    bytes_ = byte_symbols()
    symbols = bytes_ + [symbol + "</w>" for symbol in bytes_]
    pairs = ((a, b) for b in symbols for a in bytes_)
    merges = [next(pairs) for _ in range(49408 - len(symbols) - 2)]
    tokens = symbols + [a + b for a, b in merges] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(tokens)) == 49408
    return {token: i for i, token in enumerate(tokens)}, merges


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def write_tokenizer(folder):
    vocab, merges = vocabulary()
    write_json(folder / "vocab.json", vocab)
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {"model_max_length": 77, "pad_token": "<|endoftext|>"})


def write_weights(model, path, half):
    tensors = {name: value.contiguous() for name, value in model.state_dict().items() if not name.endswith("position_ids")}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={"format": "pt"})
    if half:
        save_file({name: value.half() for name, value in tensors.items()}, path.with_suffix(".fp16.safetensors"), metadata={"format": "pt"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", action="store_true", help="also write the fp16 variant")
    given = parser.parse_args()
    folder = given.folder / "model"
    generator = torch.Generator().manual_seed(7)
    expected = {}

    write_json(folder / "model_index.json", {"_class_name": "StableDiffusionPipeline"})
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
    write_tokenizer(folder / "tokenizer")

    # Ids as a tokenizer lays them out: start, tokens, end, and the end again as padding.
    ids = torch.full((len(PROMPTS), 77), 49407)
    ids[:, 0] = 49406
    ids[0, 1:6] = torch.randint(0, 49406, (5,), generator=generator)
    text = randomise(CLIPTextModel(CLIPTextConfig(**TEXT)), 1)
    write_json(folder / "text_encoder" / "config.json", TEXT)
    write_weights(text, folder / "text_encoder" / "model.safetensors", given.half)
    context = text(ids).last_hidden_state
    expected |= {"text.ids": ids.float(), "text.output": context}
    del text

    vae = randomise(AutoencoderKL(**VAE), 2)
    write_json(folder / "vae" / "config.json", VAE)
    write_weights(vae, folder / "vae" / "diffusion_pytorch_model.safetensors", given.half)
    latents = torch.randn(1, 4, 64, 64, generator=generator)
    expected |= {"vae.latents": latents, "vae.image": vae.decode(latents).sample}
    del vae

    unet = randomise(UNet2DConditionModel(**UNET), 3)
    write_json(folder / "unet" / "config.json", UNET)
    write_weights(unet, folder / "unet" / "diffusion_pytorch_model.safetensors", given.half)
    sample = torch.randn(1, 4, 64, 64, generator=generator).repeat(2, 1, 1, 1)
    timestep = torch.full((2,), TIMESTEP)
    expected |= {"unet.sample": sample, "unet.timestep": timestep.float()}
    expected["unet.output"] = unet(sample, timestep, context).sample

    save_file({name: value.contiguous() for name, value in expected.items()}, given.folder / "expected.safetensors")
    for name, value in expected.items():
        assert torch.isfinite(value).all(), f"{name} is not finite"
        print(f"{name} {list(value.shape)}: mean {value.mean():.4f}, deviation {value.std():.4f}")


if __name__ == "__main__":
    main()
