"""Autoencoders of Stable Diffusion's kind: an image to the moments of its latents, and latents to an image."""

import json

from diffusers import AutoencoderKL

from common import gradients, leaf, normal, oracle, randomise, seeded, write_model


def case(name, seed, channels, layers, height, width):
    """One autoencoder on two images; the encoder's loss reads mean and log variance, the decoder's its image."""
    generator = seeded(seed)
    model = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=["DownEncoderBlock2D"] * len(channels),
        up_block_types=["UpDecoderBlock2D"] * len(channels),
        block_out_channels=channels,
        layers_per_block=layers,
        latent_channels=4,
        norm_num_groups=4,
        act_fn="silu",
        sample_size=height,
        scaling_factor=0.5,
    )
    randomise(model, generator)
    factor = 2 ** (len(channels) - 1)
    latent_shape = (2, 4, height // factor, width // factor)
    image, latents = normal(generator, 2, 3, height, width), normal(generator, *latent_shape)
    cotangents = {
        "mean": normal(generator, *latent_shape),
        "logvar": normal(generator, *latent_shape),
        "image": normal(generator, 2, 3, height, width),
    }

    def run(dtype):
        vae = model.to(dtype)
        weights = dict(vae.named_parameters())
        pixels, codes = leaf(image, dtype), leaf(latents, dtype)
        moments = vae.encode(pixels).latent_dist
        decoded = vae.decode(codes).sample
        encode_loss = (moments.mean * cotangents["mean"].to(dtype)).sum()
        encode_loss = encode_loss + (moments.logvar * cotangents["logvar"].to(dtype)).sum()
        decode_loss = (decoded * cotangents["image"].to(dtype)).sum()
        assert moments.logvar.abs().max() < 20, "the log variance must stay clear of its clamp"
        values = {"output.mean": moments.mean, "output.logvar": moments.logvar, "output.image": decoded}
        values |= gradients(encode_loss, {"image": pixels}, "grad_input")
        values |= gradients(decode_loss, {"latents": codes}, "grad_input")
        return values | gradients(encode_loss, weights, "grad_encode") | gradients(decode_loss, weights, "grad_decode")

    values, error = oracle(run)
    values |= {"input.image": image, "input.latents": latents}
    values |= {f"cotangent.{key}": value for key, value in cotangents.items()}
    record = {
        "loss_encode": "sum(output.mean * cotangent.mean) + sum(output.logvar * cotangent.logvar)",
        "loss_decode": "sum(output.image * cotangent.image)",
        "float32_error": error,
    }
    write_model(name, "vae.py", model.float(), json.loads(model.to_json_string()), values, record)


case("vae_one_layer", 21, [8, 16, 16], 1, 16, 16)
case("vae_two_layers", 22, [8, 12], 2, 8, 12)
