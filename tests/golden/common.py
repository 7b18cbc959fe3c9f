"""What the golden scripts share: seeded inputs, an oracle in double precision, and the files it is written to.

Every value that goes in is rounded to float32 first; what comes out is computed in float64 from there, then
rounded once. So a golden value is exact to half a unit in the last place, and a test measures its own error only.
The same run in float32 tells how far PyTorch itself is from that (`float32_error` in the JSON).
"""

import json
import platform
import warnings
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
PACKAGES = ("torch", "diffusers", "transformers", "peft", "numpy")

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
warnings.filterwarnings("ignore")


def seeded(seed):
    """A generator of its own for each case."""
    return torch.Generator().manual_seed(seed)


def normal(generator, *shape, std=1.0):
    """Normal numbers that are exact in float32."""
    return torch.randn(*shape, generator=generator) * std


def randomise(module, generator):
    """Gives every parameter a value that matters: fan-in weights, norms around one, biases around zero."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "embedding" in name and "patch" not in name and "time" not in name:
                parameter.copy_(normal(generator, *parameter.shape, std=0.5))
            elif parameter.dim() > 1:
                fan_in = parameter.numel() // parameter.shape[0]
                parameter.copy_(normal(generator, *parameter.shape, std=fan_in**-0.5))
            elif name.endswith("weight"):
                parameter.copy_(1 + normal(generator, *parameter.shape, std=0.2))
            else:
                parameter.copy_(normal(generator, *parameter.shape, std=0.2))
    return module.eval()


def oracle(run):
    """Runs `run(dtype)`, a dict of tensors, in float64; also reports the error of float32, by first name part."""
    torch.set_default_dtype(torch.float64)  # the causal mask of the text towers is built in the default type
    exact = run(torch.float64)
    torch.set_default_dtype(torch.float32)
    single = run(torch.float32)
    error, scale = {}, {}
    for name, value in exact.items():
        group = name.split(".")[0]
        error[group] = max(error.get(group, 0), (single[name].double() - value).abs().max().item())
        scale[group] = max(scale.get(group, 0), value.abs().max().item())
    return exact, {group: float(f"{error[group] / (scale[group] or 1):.1e}") for group in error}


def gradients(loss, tensors, prefix):
    """`{prefix}.{name}`: the gradient of `loss` by every named tensor that it depends on."""
    names = list(tensors)
    found = torch.autograd.grad(loss, [tensors[name] for name in names], retain_graph=True, allow_unused=True)
    return {f"{prefix}.{name}": gradient for name, gradient in zip(names, found) if gradient is not None}


def leaf(tensor, dtype):
    """A copy that gradients are taken by."""
    return tensor.detach().clone().to(dtype).requires_grad_(True)


def write_tensors(name, tensors):
    """Writes float32 tensors, contiguous and detached, to `NAME.safetensors`."""
    plain = {key: tensors[key].detach().to(torch.float32).contiguous().clone() for key in sorted(tensors)}
    for key, value in plain.items():
        assert torch.isfinite(value).all(), f"{name}: {key} is not finite"
    path = HERE / f"{name}.safetensors"
    save_file(plain, path, metadata={"format": "pt"})
    path.chmod(0o644)
    print(f"{path.name}: {len(plain)} tensors, {path.stat().st_size} bytes")


def made_by(script):
    """The command and the versions that make a file."""
    versions = {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}
    return {"command": f"python tests/golden/{script}", "versions": versions}


def write_json(name, script, record):
    """Writes `NAME.json` with the command and the versions that made it."""
    text = json.dumps({"made_by": made_by(script), **record}, ensure_ascii=False)
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def write_model(name, script, model, config, values, record):
    """Writes a model case: `NAME.weights.safetensors` by checkpoint names, `NAME.safetensors`, `NAME.json`."""
    write_tensors(f"{name}.weights", dict(model.named_parameters()))
    write_tensors(name, values)
    write_json(name, script, {"config": config, **record})
