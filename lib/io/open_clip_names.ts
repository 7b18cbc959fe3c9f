/**
 * How the tensors of an OpenCLIP checkpoint are those of transformers' `CLIPModel`.
 *
 * Names and layouts: https://github.com/mlfoundations/open_clip. Query, key and value are one tensor there, and what projects
 * to the shared space is multiplied from the right, so that a linear layer's weight is its transpose.
 * @module
 */

import type { TensorPiece } from "./tensor_piece.ts";

/** Tensors outside the transformer layers. */
const WHOLE: Readonly<Record<string, string>> = {
  "visual.class_embedding": "vision_model.embeddings.class_embedding",
  "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
  "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
  "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
  "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
  "visual.ln_post.weight": "vision_model.post_layernorm.weight",
  "visual.ln_post.bias": "vision_model.post_layernorm.bias",
  "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
  "positional_embedding": "text_model.embeddings.position_embedding.weight",
  "ln_final.weight": "text_model.final_layer_norm.weight",
  "ln_final.bias": "text_model.final_layer_norm.bias",
};

const TRANSPOSED: Readonly<Record<string, string>> = {
  "visual.proj": "visual_projection.weight",
  "text_projection": "text_projection.weight",
};

/** Modules of a layer. */
const MODULES: Readonly<Record<string, string>> = {
  "ln_1": "layer_norm1",
  "ln_2": "layer_norm2",
  "attn.out_proj": "self_attn.out_proj",
  "mlp.c_fc": "mlp.fc1",
  "mlp.c_proj": "mlp.fc2",
};

/**
 * What a tensor of an OpenCLIP file is in transformers' names; one that is none of CLIP's keeps its name.
 *
 * @param name Its name, with or without `state_dict.`, below which training checkpoints keep the weights.
 */
export function openClipPieces(name: string): readonly TensorPiece[] {
  const own = name.replace(/^state_dict\./, "");
  if (Object.hasOwn(TRANSPOSED, own)) return [{ name: TRANSPOSED[own]!, transposed: true }];
  const layer = /^(visual\.)?transformer\.resblocks\.(\d+)\.(.+?)[._](weight|bias)$/.exec(own);
  if (layer === null) return [{ name: WHOLE[own] ?? own }];
  const [, visual, number, module, kind] = layer;
  const place = `${visual === undefined ? "text" : "vision"}_model.encoder.layers.${number}`;
  if (module !== "attn.in_proj") return [{ name: `${place}.${MODULES[module!] ?? module}.${kind}` }];
  return ["q", "k", "v"].map((letter, i) => ({
    name: `${place}.self_attn.${letter}_proj.${kind}`,
    part: [i, 3],
  }));
}
