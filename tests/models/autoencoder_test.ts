import { add, mul, sum, type Value } from "../../lib/engine/mod.ts";
import { declareAutoencoder, decode, encode, parseAutoencoderConfig } from "../../lib/models/mod.ts";
import { channelsLast, checkGolden, readGolden, readGoldenJson, runtimes, withPrefix } from "./golden.ts";

for (const { name: where, runtime } of runtimes) {
  // The GPU, whose shaders take long to build, computes the deeper case only.
  for (const name of where === "GPU" ? ["vae_one_layer"] : ["vae_one_layer", "vae_two_layers"]) {
    Deno.test(`${name}: the autoencoder computes what diffusers does, on the ${where}`, async () => {
      const config = parseAutoencoderConfig((await readGoldenJson(name)).config);
      const file = await readGolden(name);
      const image = (key: string) => channelsLast(file[key]!);
      await checkGolden(runtime, {
        inputs: {
          image: image("input.image"),
          latents: image("input.latents"),
          ctMean: image("cotangent.mean"),
          ctLogvar: image("cotangent.logvar"),
          ctImage: image("cotangent.image"),
        },
        params: [{ specs: declareAutoencoder(config), values: await readGolden(`${name}.weights`) }],
        build: ([scope], inputs) => {
          const { mean, logvar } = encode(scope!, config, inputs.image!);
          const decoded = decode(scope!, config, inputs.latents!);
          const encodeLoss = add(against(mean, inputs.ctMean!), against(logvar, inputs.ctLogvar!));
          const decodeLoss = against(decoded, inputs.ctImage!);
          return {
            outputs: { mean, logvar, image: decoded },
            losses: {
              grad_encode: encodeLoss,
              grad_decode: decodeLoss,
              grad_input: add(encodeLoss, decodeLoss),
            },
          };
        },
        outputs: { mean: image("output.mean"), logvar: image("output.logvar"), image: image("output.image") },
        gradients: {
          ...withPrefix(file, "grad_encode.", { keep: true }),
          ...withPrefix(file, "grad_decode.", { keep: true }),
        },
        inputGradients: {
          "grad_input.image": image("grad_input.image"),
          "grad_input.latents": image("grad_input.latents"),
        },
      });
    });
  }
}

function against(output: Value, cotangent: Value): Value {
  return sum(mul(output, cotangent));
}
