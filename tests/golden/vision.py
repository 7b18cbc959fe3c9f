"""CLIP image towers with their projection, with quick_gelu and with exact gelu."""

from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from common import gradients, leaf, normal, oracle, randomise, seeded, write_model

SIZES = dict(image_size=24, patch_size=8, num_channels=3, hidden_size=32, intermediate_size=64, num_hidden_layers=2)
SIZES |= dict(num_attention_heads=4, projection_dim=16, layer_norm_eps=1e-5)


def case(name, seed, activation):
    """One tower on two images; the loss is `sum(image_embeds * cotangent)`."""
    generator = seeded(seed)
    config = SIZES | dict(hidden_act=activation)
    model = randomise(CLIPVisionModelWithProjection(CLIPVisionConfig(**config)), generator)
    pixels = normal(generator, 2, 3, 24, 24)
    cotangent = normal(generator, 2, config["projection_dim"])

    def run(dtype):
        tower = model.to(dtype)
        inputs = {"pixel_values": leaf(pixels, dtype)}
        result = tower(**inputs)
        loss = (result.image_embeds * cotangent.to(dtype)).sum()
        values = {"output.image_embeds": result.image_embeds, "output.last_hidden_state": result.last_hidden_state}
        values |= gradients(loss, inputs, "grad_input")
        return values | gradients(loss, dict(tower.named_parameters()), "grad")

    values, error = oracle(run)
    values |= {"input.pixel_values": pixels, "cotangent": cotangent}
    record = {"loss": "sum(output.image_embeds * cotangent)", "float32_error": error}
    write_model(name, "vision.py", model.float(), type(model.config)(**config).to_diff_dict() | config, values, record)


case("vision_quick", 11, "quick_gelu")
case("vision_gelu", 12, "gelu")
