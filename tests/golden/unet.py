"""Denoising UNets of Stable Diffusion's kind, plain and with LoRA on the attention projections."""

import copy
import json

import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig

from common import gradients, leaf, normal, oracle, randomise, seeded, write_model, write_tensors

RANK = 4
TIMESTEPS = torch.tensor([981, 21])


def with_lora(unet, generator):
    """A copy with rank-4 adapters, scale 1, whose second factor is not zero."""
    tuned = copy.deepcopy(unet)
    targets = ["to_q", "to_k", "to_v", "to_out.0"]
    tuned.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=targets))
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_" in name:
                parameter.copy_(normal(generator, *parameter.shape, std=1 / RANK if "lora_A" in name else 0.3))
    return tuned


def adapters(unet):
    """The adapter's weights by the names that PEFT saves."""
    return {name.replace(".default", ""): p for name, p in unet.named_parameters() if "lora_" in name}


def evaluate(unet, inputs, cotangent, dtype, weights):
    """Output, gradients by the inputs, and gradients by `weights(unet)`."""
    unet = unet.to(dtype)
    leaves = {name: leaf(value, dtype) for name, value in inputs.items()}
    output = unet(leaves["sample"], TIMESTEPS, leaves["encoder_hidden_states"]).sample
    loss = (output * cotangent.to(dtype)).sum()
    return output, gradients(loss, leaves, "grad_input"), gradients(loss, weights(unet), "grad")


def case(name, seed, height, width, **options):
    """One UNet on a batch of two timesteps; the loss is `sum(sample * cotangent)`."""
    generator = seeded(seed)
    model = UNet2DConditionModel(
        sample_size=height,
        in_channels=4,
        out_channels=4,
        norm_num_groups=4,
        norm_eps=1e-5,
        act_fn="silu",
        flip_sin_to_cos=True,
        freq_shift=0,
        downsample_padding=1,
        **options,
    )
    randomise(model, generator)
    inputs = {
        "sample": normal(generator, 2, 4, height, width),
        "encoder_hidden_states": normal(generator, 2, 5, options["cross_attention_dim"]),
    }
    cotangent = normal(generator, 2, 4, height, width)
    tuned = with_lora(model, generator)

    def run(dtype):
        output, by_input, by_weight = evaluate(model, inputs, cotangent, dtype, lambda m: dict(m.named_parameters()))
        return {"output.sample": output, **by_input, **by_weight}

    def run_lora(dtype):
        output, by_input, by_weight = evaluate(tuned, inputs, cotangent, dtype, adapters)
        return {"output.sample": output, **by_input, **by_weight}

    plain, plain_error = oracle(run)
    lora, lora_error = oracle(run_lora)
    values = {f"input.{key}": value for key, value in inputs.items()}
    values |= {"cotangent": cotangent, "output.time_proj": model.time_proj(TIMESTEPS)}
    record = {
        "timesteps": TIMESTEPS.tolist(),
        "loss": "sum(output.sample * cotangent)",
        "lora": {"rank": RANK, "alpha": RANK},
        "float32_error": {"plain": plain_error, "lora": lora_error},
    }
    write_model(name, "unet.py", model.float(), json.loads(model.to_json_string()), values | plain, record)
    write_tensors(f"{name}.lora.weights", {f"unet.{key}": value for key, value in adapters(tuned.float()).items()})
    write_tensors(f"{name}.lora", lora)


case(
    "unet_two_levels",
    31,
    8,
    8,
    block_out_channels=[8, 16],
    down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
    layers_per_block=1,
    attention_head_dim=2,
    cross_attention_dim=12,
)
case(
    "unet_three_levels",
    32,
    8,
    12,
    block_out_channels=[8, 16, 24],
    down_block_types=["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    layers_per_block=2,
    attention_head_dim=[1, 2, 3],
    cross_attention_dim=16,
)
