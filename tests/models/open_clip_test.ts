import { type ParamTree, words } from "../../lib/core/tensor.ts";
import { mul, sum } from "../../lib/engine/mod.ts";
import { openClipPieces } from "../../lib/io/open_clip_names.ts";
import { takePiece } from "../../lib/io/tensor_piece.ts";
import {
  clipImage,
  clipText,
  declareClip,
  pooledText,
  textEnds,
  textProjection,
} from "../../lib/models/mod.ts";
import { normalize } from "../../lib/nn/norm.ts";
import type { ClipConfig } from "../../lib/models/mod.ts";
import { parseDualEncoderConfig } from "../../lib/rewards/dual_encoder.ts";
import { channelsLast, checkGolden, readGolden, readGoldenJson, runtimes } from "./golden.ts";

for (const { name: where, runtime } of runtimes) {
  for (const name of ["open_clip_gelu", "open_clip_quick"]) {
    Deno.test(`${name}: a converted checkpoint computes what PyTorch does, on the ${where}`, async () => {
      const record = await readGoldenJson(name);
      const config = { ...parseDualEncoderConfig(record.config), projection_dim: 0 } as ClipConfig;
      const file = await readGolden(name);
      const rows = record.ids as number[][];
      const ids = words([rows.length, rows[0]!.length], rows.flat());
      await checkGolden(runtime, {
        inputs: {
          pixel_values: channelsLast(file["input.pixel_values"]!),
          ids,
          ends: textEnds(ids, config.text_config),
          cotangent: file.cotangent!,
        },
        params: [{ specs: declareClip(config), values: converted(await readGolden(`${name}.weights`)) }],
        build: ([scope], { pixel_values, ids, ends, cotangent }) => {
          const images = clipImage(scope!, config.vision_config, pixel_values!);
          const pooled = pooledText(clipText(scope!, config.text_config, ids!), ends!);
          const texts = textProjection(scope!, config.text_config, pooled);
          const cosines = sum(mul(normalize(images), normalize(texts)), [1]);
          return {
            outputs: { images, texts, cosines },
            losses: { grad_input: sum(mul(cosines, cotangent!)) },
          };
        },
        outputs: {
          images: file["output.images"]!,
          texts: file["output.texts"]!,
          cosines: file["output.cosines"]!,
        },
        gradients: {},
        inputGradients: { "grad_input.pixel_values": channelsLast(file["grad_input.pixel_values"]!) },
      });
    });
  }
}

/** A checkpoint with OpenCLIP's names by transformers' names. */
function converted(tree: ParamTree): ParamTree {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([own, param]) =>
      openClipPieces(own).map((piece) => [piece.name, takePiece(piece, param)])
    ),
  ) as ParamTree;
}
