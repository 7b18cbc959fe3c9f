"""Files of torch.save in every form that the reader takes, and the tensors they hold.

`torch_NAME.bin` is the file, `torch_files.safetensors` its tensors as `NAME.TENSOR`, all of them as float32.
"""

from collections import OrderedDict

import torch

from common import HERE, normal, seeded, write_json, write_tensors


def dtypes(generator):
    """Every element type that is read, an empty tensor and a scalar."""
    return OrderedDict(
        f32=normal(generator, 2, 3),
        f16=normal(generator, 3).half(),
        bf16=normal(generator, 3).bfloat16(),
        i64=torch.tensor([[77, -1]]),
        u8=torch.tensor([0, 200], dtype=torch.uint8),
        bool=torch.tensor([True, False, True]),
        scalar=torch.tensor(0.5),
        empty=torch.zeros(0, 4),
    )


def views(generator):
    """Tensors of one storage: whole, transposed, a slice, a stepped slice of a permutation; and a tied one."""
    whole = normal(generator, 4, 6)
    cube = normal(generator, 2, 3, 4)
    return {
        "whole": whole,
        "transposed": whole.t(),
        "rows": whole[1:3],
        "columns": whole[:, ::2],
        "permuted": cube.permute(2, 0, 1)[1:, :, ::2],
        "tied": whole,
    }


def module(generator):
    """What a module's state_dict() is, with the versions of its parts as attributes, and its parameters themselves."""
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    state = net.state_dict()
    state["0.weight"].copy_(normal(generator, 2, 3))
    state["0.bias"].copy_(normal(generator, 2))
    state["parameter"] = net[0].weight
    return state


def main():
    tensors, fields = {}, {}
    cases = {
        "zip": (dtypes, {}),
        "legacy": (dtypes, {"_use_new_zipfile_serialization": False}),
        "zip_views": (views, {}),
        "legacy_views": (views, {"_use_new_zipfile_serialization": False}),
        "protocol_4": (module, {"pickle_protocol": 4}),
        "module": (module, {}),
    }
    for name, (make, options) in cases.items():
        saved = make(seeded(len(name)))
        torch.save(saved, HERE / f"torch_{name}.bin", **options)
        tensors |= {f"{name}.{key}": value for key, value in saved.items()}
        fields[name] = {"dtypes": {key: str(value.dtype).removeprefix("torch.") for key, value in saved.items()}}
    state = {"weight": normal(seeded(1), 2, 2).half()}
    torch.save({"epoch": 3, "name": "a", "state_dict": state, "optimizer": None}, HERE / "torch_nested.bin")
    tensors["nested.weight"] = state["weight"]
    fields["nested"] = {"within": ["state_dict"], "dtypes": {"weight": "float16"}}
    write_tensors("torch_files", tensors)
    write_json("torch_files", "torch_files.py", {"files": fields})


main()
