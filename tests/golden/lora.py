"""Adapters of the embedded model as other tools write and draw with them.

Seeded adapters of rank 2 on the embedded UNet are saved by PEFT and diffusers themselves (`lora_*.safetensors`), and as
the reference implementation's diffusers of old did (`lora_reference/`), then
written in every layout by `attune export`, loaded again by diffusers and PEFT, and drawn with: DDIM, eta 0, guidance 3,
8 steps, from the first noise that the sampler draws for these prompts and seeds. `lora.safetensors` has the images of
the base model and those with adapters, `lora.json` the hash of every exported file that gave them, and how far each
was from the first.
"""

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections import OrderedDict
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_diffusers, convert_state_dict_to_kohya
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTokenizer

from common import HERE, normal, seeded, write_json, write_tensors

ROOT = HERE.parent.parent
MODEL = ROOT / "models/mini"
RANK = 2
TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
WISHES = [("a red cat", 3), ("owl", 4)]
STEPS, GUIDANCE = 8, 3.0
SIDES = {"A": "down", "B": "up"}
FORMATS = ["diffusers", "kohya", "peft", "reference"]


def load_unet():
    return UNet2DConditionModel.from_pretrained(MODEL / "unet", torch_dtype=torch.float32)


def load_pipeline():
    return StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(MODEL / "vae", torch_dtype=torch.float32),
        text_encoder=CLIPTextModel.from_pretrained(MODEL / "text_encoder", torch_dtype=torch.float32),
        tokenizer=CLIPTokenizer.from_pretrained(MODEL / "tokenizer"),
        unet=load_unet(),
        scheduler=DDIMScheduler.from_pretrained(MODEL / "scheduler"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def first_noise():
    """`[N, 4, 8, 8]`, what the sampler starts from, asked of the sampler's own functions."""
    script = """
      import { startingNoise } from "./lib/stages/denoise.ts";
      import { pairKey } from "./pipelines/pair_key.ts";
      const keys = WISHES.map(([prompt, seed]) => pairKey(prompt, seed));
      const noise = startingNoise({ models: { latentShape: [8, 8, 4] } } as never, keys);
      console.log(JSON.stringify(Array.from(noise.data as ArrayLike<number>)));
    """.replace("WISHES", json.dumps(WISHES))
    text = subprocess.run(
        ["deno", "eval", "--ext=ts", script], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return torch.tensor(json.loads(text), dtype=torch.float32).reshape(-1, 8, 8, 4).permute(0, 3, 1, 2).contiguous()


def draw(pipeline, noise):
    """`[N, 32, 32, 3]`, in 0..1."""
    prompts = [prompt for prompt, _ in WISHES]
    options = dict(num_inference_steps=STEPS, guidance_scale=GUIDANCE, eta=0.0, output_type="np")
    pipeline.set_progress_bar_config(disable=True)
    return torch.from_numpy(pipeline(prompts, latents=noise, **options).images)


def seed_adapters(unet):
    """Gives adapters values that halves hold exactly, and that change what is drawn."""
    generator = seeded(71)
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if "lora_" in name:
                std = 1 / RANK if "lora_A" in name else 0.1
                parameter.copy_(normal(generator, *parameter.shape, std=std).half().float())


def save_by_tools():
    """The same adapters as four tools save them, in half precision."""
    unet = load_unet()
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=TARGETS))
    seed_adapters(unet)
    state = {name: value.half() for name, value in get_peft_model_state_dict(unet).items()}
    scripts = convert_state_dict_to_diffusers(state)
    kohya = convert_state_dict_to_kohya({f"unet.{name}": value for name, value in state.items()})
    for name, layers in {"diffusers": state, "diffusers_scripts": scripts}.items():
        StableDiffusionPipeline.save_lora_weights(HERE, layers, weight_name=f"lora_{name}.safetensors")
    save_file(kohya, HERE / "lora_kohya.safetensors", metadata={"format": "pt"})

    # PEFT's own file, with an alpha that is twice the rank: second matrices are half as large.
    wrapped = get_peft_model(load_unet(), LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=TARGETS))
    halved = {n: v.float() / (2 if "lora_B" in n else 1) for n, v in state.items()}
    set_peft_model_state_dict(wrapped, {f"base_model.model.{n}": v for n, v in halved.items()})
    folder = HERE / "lora_peft"
    wrapped.half().save_pretrained(folder)
    (folder / "README.md").unlink()
    config = json.loads((folder / "adapter_config.json").read_text())
    config |= {"base_model_name_or_path": None, "target_modules": TARGETS}
    (folder / "adapter_config.json").write_text(json.dumps(config, sort_keys=True) + "\n")
    for path in [*HERE.glob("lora_*.safetensors"), *folder.iterdir()]:
        path.chmod(0o644)
    return state


def save_as_reference(state):
    """A checkpoint of the reference implementation: what `save_attn_procs` of its diffusers 0.17.1 writes."""
    folder = HERE / "lora_reference"
    folder.mkdir(exist_ok=True)
    name = lambda n: re.sub(r"\.(to_\w+?)(?:\.0)?\.lora_([AB])", lambda m: f".processor.{m[1]}_lora.{SIDES[m[2]]}", n)
    torch.save(OrderedDict((name(n), value) for n, value in state.items()), folder / "pytorch_lora_weights.bin")


def attune(folder, *command):
    """Runs a task as if typed in a folder."""
    environment = {**os.environ, "INIT_CWD": str(folder)}
    subprocess.run(["deno", "task", "--quiet", *command], cwd=ROOT, check=True, env=environment)


def export(path, format, folder):
    out = folder / f"{format}.safetensors"
    attune(folder, "export", str(path), "--format", format, "--out", str(out))
    return out


def draw_by_diffusers(path, format, noise):
    """`load_lora_weights`, or for names without `unet.` the loader of the reference implementation."""
    pipeline = load_pipeline()
    if format == "reference":
        pipeline.unet.load_attn_procs(load_file(path))
    else:
        pipeline.load_lora_weights(path.parent, weight_name=path.name)
    return draw(pipeline, noise)


def draw_by_peft(path, noise):
    """PEFT alone: adapters added to the UNet, and set from the file."""
    pipeline = load_pipeline()
    pipeline.unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=TARGETS))
    state = {name.removeprefix("unet."): value for name, value in load_file(path).items()}
    result = set_peft_model_state_dict(pipeline.unet, state)
    assert not result.unexpected_keys, result.unexpected_keys
    return draw(pipeline, noise)


def draw_merged(path, folder, noise):
    """A folder that `attune merge` wrote, with no adapters."""
    out = folder / "merged"
    attune(folder, "merge", str(path), "--dtype", "f32", "--out", str(out))
    return draw(StableDiffusionPipeline.from_pretrained(out, torch_dtype=torch.float32), noise)


def main():
    state = save_by_tools()
    save_as_reference(state)
    noise = first_noise()
    source = HERE / "lora_diffusers.safetensors"
    base = draw(load_pipeline(), noise)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        exported = {format: export(source, format, folder) for format in FORMATS}
        drawn = {format: draw_by_diffusers(path, format, noise) for format, path in exported.items()}
        drawn |= {"peft, by PEFT": draw_by_peft(exported["peft"], noise)}
        drawn |= {"merged": draw_merged(source, folder, noise)}
        # Kohya's metadata have the file's date and name, which the hash must not depend on.
        hashes = {f: hashlib.sha256(p.read_bytes()).hexdigest() for f, p in exported.items() if f != "kohya"}
    adapted = drawn["diffusers"]
    distance = {name: (images - adapted).abs().max().item() for name, images in drawn.items()}
    change = (adapted - base).abs()
    assert change.mean() > 0.02, f"the adapters change too little: {change.mean()}"
    assert max(distance.values()) < 1e-4, distance
    write_tensors("lora", {"noise": noise, "images.base": base, "images.adapted": adapted})
    record = {
        "wishes": WISHES,
        "steps": STEPS,
        "guidance": GUIDANCE,
        "rank": RANK,
        "layers": len(state) // 2,
        "sha256": hashes,
        "largest_difference_from_first": distance,
        "mean_change_from_base": change.mean().item(),
    }
    write_json("lora", "lora.py", record)
    print(json.dumps(record, indent=1))


main()
