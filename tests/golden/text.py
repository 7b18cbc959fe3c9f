"""CLIP text towers: the encoder of a pipeline (quick_gelu) and a scoring tower with its projection (exact gelu)."""

import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from common import gradients, normal, oracle, randomise, seeded, write_model

BOS, EOS = 62, 63
SIZES = dict(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)
SIZES |= dict(bos_token_id=BOS, pad_token_id=EOS, layer_norm_eps=1e-5, projection_dim=24)


def prompts(length, words, generator):
    """Token ids `[3, length]`: a full prompt, a short one and an empty one, padded by the end token."""
    rows = []
    for count in (length - 2, words, 0):
        body = torch.randint(0, BOS, (count,), generator=generator).tolist()
        rows.append([BOS, *body, *[EOS] * (length - 1 - count)])
    return torch.tensor(rows)


def case(name, seed, model_class, output, options):
    """One tower; the loss is `sum(output * cotangent)`."""
    generator = seeded(seed)
    config = SIZES | options
    model = randomise(model_class(CLIPTextConfig(**config)), generator)
    ids = prompts(config["max_position_embeddings"], 4, generator)
    shape = model(ids)[output].shape
    cotangent = normal(generator, *shape)

    def run(dtype):
        tower = model.to(dtype)
        result = tower(ids)
        loss = (result[output] * cotangent.to(dtype)).sum()
        values = {f"output.{key}": result[key] for key in ("last_hidden_state", "pooler_output", "text_embeds") if key in result}
        return values | gradients(loss, dict(tower.named_parameters()), "grad")

    values, error = oracle(run)
    values["cotangent"] = cotangent
    record = {"ids": ids.tolist(), "loss": f"sum(output.{output} * cotangent)", "float32_error": error}
    write_model(name, "text.py", model.float(), type(model.config)(**config).to_diff_dict() | config, values, record)


# The end token 2 is what old configs say; the pooled row is then that of the largest id.
case("text_quick", 1, CLIPTextModel, "last_hidden_state", dict(hidden_act="quick_gelu", max_position_embeddings=12, eos_token_id=2))
case("text_gelu", 2, CLIPTextModelWithProjection, "text_embeds", dict(hidden_act="gelu", max_position_embeddings=10, eos_token_id=EOS))
