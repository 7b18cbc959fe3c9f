/**
 * Every field of the configuration: type, unit, default and doc. `--help`, the checker and the annotated file come from here.
 *
 * Keys are the reference implementation's where it has one. The defaults are the run of the embedded model.
 *
 * @module
 */

import { z } from "zod";
import { attentionTargets } from "../../lib/models/lora.ts";
import { methodNames } from "../../lib/methods/mod.ts";
import { type ActivationName, activations } from "../../lib/nn/activation.ts";
import { combineModes } from "../../lib/stages/combine/combination.ts";
import { precisions } from "../load/precision.ts";
import { type Compat, count, decay, field, notNegative, positive, readingSwitch, section } from "./field.ts";
import { guardSection } from "./guard_section.ts";

/** The configuration's schema; the reading of the method decides the defaults of its switches. */
export function configSchema(compat: Compat) {
  return z.strictObject({
    seed: field(count(0), 42, { doc: "Where all random numbers come from" }),
    method: field(z.enum(methodNames), "tdpo-r", {
      doc: "How the model is trained; the method decides what some fields start with",
    }),
    compat: field(z.enum(["fixed", "official"]), "fixed", {
      doc: "The reading of the method that switches follow which are null or absent",
    }),
    model: field(z.string().min(1), "mini", {
      doc:
        "What is trained: an embedded model's name, a folder in the diffusers layout, or a downloaded owner/name@revision",
      reference: "pretrained.model",
    }),
    mixed_precision: field(z.enum(precisions), "stored", {
      doc:
        "In what precision frozen models lie in memory: weights as the files hold them, f32, or rounded to halves, with f16 what is kept between layers as well; all is computed in f32, and latents, log-probabilities and what is trained are f32",
    }),
    prompts: field(z.string().min(1), "simple_animals", {
      doc: "What is drawn in training: an embedded list's name, or a file with a prompt a line",
      reference: "prompt_fn",
    }),
    prompts_balanced: readingSwitch(
      z.boolean(),
      compat,
      { fixed: true, official: false },
      23,
      "Whether prompts take turns; otherwise each sample draws one with replacement",
    ),
    num_epochs: field(count(1), 15, { doc: "How long training goes on", unit: "epochs" }),
    save_freq: field(count(1), 5, { doc: "How often a checkpoint is written", unit: "epochs" }),
    kl_penalty_coef: field(notNegative(), 0, {
      doc: "Weight of the divergence from the base model that is taken off each step's reward; 0: none",
      reference: "sample.kl_penalty_coef",
    }),
    gamma: field(positive().max(1), 1, {
      doc: "How much less a step counts than the next",
      reference: "sample.gamma",
    }),
    rewards: rewards(),
    sample: sample(),
    train: train(compat),
    lora: lora(),
    critic: critic(compat),
    reset: reset(compat),
    rwr: rewardWeights(),
    backprop: backprop(),
    probe: probe(),
    per_prompt_stat_tracking: perPromptStatTracking(),
    evaluate: evaluate(),
    images: images(),
    guard: guardSection(),
  });
}

function rewards() {
  return section({
    train: field(
      z.union([z.string(), z.array(z.string()).min(1), z.record(z.string(), notNegative())]),
      "jpeg_compressibility",
      {
        doc:
          "What training raises: a reward's name, or a file of yours that exports one; or several, as a list or with weights, {gold: 2, mini_pick: 1}",
        reference: "reward_fn",
      },
    ),
    combine: field(z.enum(combineModes), "weighted_z", {
      doc:
        "How several become one: the weighted mean of running z-scores, or of rewards normalised each on its own; the first, with the others as constraints; the worst running z-score",
    }),
    constraints: section({
      learning_rate: field(notNegative(), 1, {
        doc:
          "How much a constraint's multiplier rises in an epoch for each deviation that its reward is below its level",
      }),
      max: field(positive(), 10, { doc: "The largest multiplier" }),
      levels: field(z.record(z.string(), z.number()), {}, {
        doc:
          "The mean that a constrained reward has to keep, {mini_pick: 0.2}; where none is given, the base model's",
      }),
    }),
    worst_case: section({
      softness: field(notNegative(), 0, {
        doc: "From the minimum of the rewards at 0 towards their mean",
        unit: "deviations",
      }),
    }),
    evaluate: field(
      z.array(z.string()),
      ["gold", "mini_aesthetic", "mini_pick", "mini_hps", "colourfulness"],
      {
        doc: "Rewards that are watched and never touch the gradient, names or files",
      },
    ),
  });
}

function sample() {
  return section({
    num_steps: field(count(1).max(1000), 8, { doc: "How many steps denoise an image", unit: "steps" }),
    eta: field(notNegative().max(1), 1, {
      doc:
        "Noise of a step: 1 is DDPM's, 0 is none, which methods with probabilities of steps cannot do with",
    }),
    guidance_scale: field(notNegative().max(1000), 3, { doc: "Classifier-free guidance; 1: none" }),
    batch_size: field(count(1), 16, { doc: "Samples denoised together", unit: "samples" }),
    num_batches_per_epoch: field(count(1), 4, { doc: "Batches an epoch", unit: "batches" }),
    group_size: field(count(1), 1, {
      doc: "Samples of a prompt in a row, which grpo compares with one another",
      unit: "samples",
    }),
    group_noise: field(z.boolean(), false, { doc: "Whether samples of a group start from the same noise" }),
    vae_tiling: field(z.boolean(), false, {
      doc:
        "Whether images are decoded in thin bands: less memory, more time, the same bits; where the adapter needs bands it has them anyway",
    }),
  });
}

function train(compat: Compat) {
  return section({
    learning_rate: field(positive(), 4e-3, {
      doc: "Learning rate of the policy; where nothing is said and lora is null, a hundredth of the default",
    }),
    critic_learning_rate: field(positive(), 3e-3, {
      doc: "Learning rate of the critic",
      reference: "train.learning_rate_critic",
    }),
    adam_beta1: field(decay(), 0.9, { doc: "AdamW's decay of the mean of gradients" }),
    adam_beta2: field(decay(), 0.999, { doc: "AdamW's decay of the mean of squared gradients" }),
    adam_weight_decay: field(notNegative(), 1e-4, { doc: "AdamW's weight decay" }),
    adam_epsilon: field(positive(), 1e-3, {
      doc:
        "Added to AdamW's denominator for the policy; above the gradients' size, large ones move it more than small ones, which are mostly noise",
    }),
    critic_adam_epsilon: field(positive(), 1e-8, { doc: "Added to AdamW's denominator for the critic" }),
    max_grad_norm: field(positive(), 1, {
      doc: "The norm that gradients are clipped to, policy and critic each on their own",
    }),
    batch_size: field(count(1), 16, { doc: "Samples a micro-batch", unit: "samples" }),
    gradient_accumulation_steps: field(count(1), 4, {
      doc: "Micro-batches an optimizer step",
      unit: "batches",
    }),
    num_inner_epochs: field(count(1), 1, { doc: "Times each epoch's samples are gone through" }),
    loss: field(z.enum(["clipped", "clamped", "score_function"]), "clipped", {
      doc:
        "The policy's loss: clipped as in PPO, clamped with no gradient beyond the clip at all, or the score function, right for one update an epoch",
    }),
    clip_range: field(positive(), 0.1, {
      doc: "How far the ratio of probabilities may move from 1; the larger the latents, the less",
    }),
    kl_weight: field(notNegative(), 0, {
      doc: "Weight of the divergence from the base model in the policy's loss; 0: none",
    }),
    kl_form: field(z.enum(["exact", "eps_mse"]), "exact", {
      doc:
        "That divergence: of a step's outcomes, or the mean square difference of the predictions, which weighs steps otherwise",
    }),
    ema_decay: field(decay().nullable(), null, {
      doc:
        "Decay, at an optimizer step, of a running mean of the policy, which then is evaluated and saved in its place; null: none",
    }),
    clip_range_critic: field(notNegative(), 0.2, {
      doc: "How far the critic may move from what it predicted when sampling; 0: any distance",
    }),
    adv_clip_max: field(positive().nullable(), null, {
      doc: "Largest temporal reward, either way; null: any",
    }),
    group_std: field(z.enum(["group", "global"]), "group", {
      doc: "For grpo: by whose deviation rewards of a group are divided, the group's or that of all rewards",
    }),
    shuffle_timestep: field(z.boolean(), true, {
      doc: "Whether every sample visits its steps in an order of its own; otherwise all from noise to image",
    }),
    timestep_window: field(z.tuple([count(0), count(1)]).nullable(), null, {
      doc:
        "The steps that the policy learns from, from the first to before the second, 0 being the noisiest; null: all",
    }),
    drop_last_steps: readingSwitch(
      count(0),
      compat,
      { fixed: 5, official: 0 },
      34,
      "How many of the last steps the policy does not learn from; the critic learns from all",
    ),
    timesteps_per_update: field(count(1).nullable(), 1, {
      doc: "Steps of each sample that an update adds up; null: all that the policy learns from",
      unit: "steps",
    }),
    gradient_checkpointing: field(z.boolean(), false, {
      doc:
        "Whether an update computes the UNet's layers again instead of keeping them: less memory, more time, the same bits",
    }),
    cfg: field(z.boolean(), true, { doc: "Whether training guides the prediction as sampling does" }),
    critic_grad_div: field(positive(), 1, {
      doc:
        "What the critic's clipped gradient is divided by; 65536 is the reference in half precision (quirk 1)",
    }),
    shuffle_advantages: field(z.boolean(), false, {
      doc: "A control: temporal rewards change places between samples, so that they say nothing",
    }),
  });
}

function lora() {
  return z.strictObject({
    rank: field(count(1), 4, {
      doc: "Rank of each adapter; with lora: null there are none, and all weights of the UNet are trained",
    }),
    targets: field(z.array(z.enum(attentionTargets as [string, ...string[]])).min(1), [...attentionTargets], {
      doc: "Which of the attention's projections have adapters",
    }),
  }).nullable().prefault({}).meta({ doc: "The UNet's adapters; null: all of its weights are trained" });
}

function critic(compat: Compat) {
  return section({
    encoder: field(z.string().min(1), "reward", {
      doc:
        "What the critic sees of a step: its image through the training reward's tower (reward) or that of the reward named here; or, with nothing decoded, latents pooled to 8 by 8 (latents) or the mean over space of the base model's middle block (unet)",
    }),
    sees: field(z.enum(["noisy", "predicted"]), "noisy", {
      doc:
        "Which image or latents of a step that is: the noisy ones that it starts from, or those that the step predicts in them, which sampling computes anyway; nothing for unet",
    }),
    every: field(count(1), 1, {
      doc:
        "How often it looks, from noise on, which is most of what sampling costs where images are decoded; at steps between, it judges what it last saw by the step's own timestep, and their returns are as ever",
      unit: "steps",
    }),
    hidden: field(z.array(count(1)).min(1), [1024, 128, 64, 16], {
      doc: "Widths of the critic's hidden layers",
      unit: "neurons",
    }),
    init: readingSwitch(
      z.enum(["fan_in", "reference"]),
      compat,
      { fixed: "fan_in", official: "reference" },
      2,
      "How its weights start: as He et al. 2015 with a last layer of 0, or with the deviation 1/(input's width + 1) in every layer",
    ),
    activation: readingSwitch(
      z.enum(Object.keys(activations) as [ActivationName, ...ActivationName[]]),
      compat,
      { fixed: "relu", official: "none" },
      2,
      "What follows each hidden layer; none makes the critic one affine map",
    ),
    dropout: readingSwitch(
      z.array(decay()),
      compat,
      { fixed: [], official: [0.2, 0.2, 0.1] },
      24,
      "The part of each hidden layer's elements that training drops; layers beyond the list drop none",
    ),
    inputs: section({
      rescaled: readingSwitch(
        z.boolean(),
        compat,
        { fixed: true, official: false },
        2,
        "Whether embeddings, which have length 1, are brought to elements that deviate by 1",
      ),
      timestep: readingSwitch(
        z.boolean(),
        compat,
        { fixed: true, official: false },
        26,
        "Whether the critic also sees the timestep",
      ),
      prompt: readingSwitch(
        z.boolean(),
        compat,
        { fixed: true, official: false },
        26,
        "Whether the critic also sees the prompt's embedding",
      ),
    }),
  });
}

function reset(compat: Compat) {
  return section({
    of: field(z.enum(["critic", "policy"]), "critic", {
      doc:
        "Whose neurons are reset: the critic's, scored by their activity; or, with any method, the components of the policy's adapters, scored by what they contribute, which begin as at the start of training, after the epoch's policy is judged and saved",
    }),
    mode: field(z.enum(["active", "dormant", "all", "none"]), "active", {
      doc: "Which neurons are reset; none makes the method TDPO",
      reference: "sample.neuron_reset_critic",
    }),
    share: field(positive().max(1), 1, {
      doc: "The part of these neurons that is reset, drawn anew each time",
    }),
    frequency: field(count(0), 5, {
      doc: "How often neurons are reset; 0: never",
      unit: "epochs",
      reference: "sample.neuron_reset_freq",
    }),
    relearn: readingSwitch(
      count(0),
      compat,
      { fixed: 4, official: 0 },
      3,
      "How often the critic alone goes through samples: the base model's before the first epoch, an epoch's after a reset",
    ),
    tau: field(notNegative(), 0, {
      doc: "The highest score of a dormant neuron",
      reference: "sample.dormant_threshold",
    }),
    optimizer_step: readingSwitch(
      z.enum(["reset", "keep"]),
      compat,
      { fixed: "reset", official: "keep" },
      4,
      "Whether the optimizer's step count begins anew for what was reset",
    ),
    outgoing: readingSwitch(
      z.enum(["zero", "random"]),
      compat,
      { fixed: "zero", official: "random" },
      4,
      "What the outgoing weights of a reset neuron become; random ones of an adapter, which starts at 0, are as its incoming, and leave the base model",
    ),
    seed: readingSwitch(
      z.enum(["distinct", "fixed"]),
      compat,
      { fixed: "distinct", official: "fixed" },
      10,
      "Whether every reset draws other numbers or the same",
    ),
    std_from_width: readingSwitch(
      z.boolean(),
      compat,
      { fixed: true, official: false },
      7,
      "Whether the critic's new weights have the deviation that its widths ask for, or the reference's 1/769",
    ),
  });
}

function rewardWeights() {
  return section({
    beta: field(positive(), 1, {
      doc: "For rwr: what rewards are multiplied by before their exponentials weigh the samples",
    }),
    standardised: field(z.boolean(), true, { doc: "For rwr: whether rewards are normalised first" }),
    per_prompt: field(z.boolean(), false, {
      doc: "For rwr: whether samples are weighed among those of their prompt only",
    }),
    percentile: field(positive().lt(100).nullable(), null, {
      doc: "For rwr: the percentile from which on samples count, all alike; null: all do, by their rewards",
    }),
    centred: field(z.boolean(), false, {
      doc: "For rwr: whether the mean weight is taken off, so that what weighs less is unlearnt",
    }),
  });
}

function backprop() {
  return section({
    loss: field(z.enum(["reward", "distance", "shortfall"]), "reward", {
      doc:
        "For methods that differentiate the reward: what scores cost; the reward negated, their distance to the target, or what is missing to it",
    }),
    target: field(z.number(), 10, {
      doc: "The score that distance and shortfall are taken to, on the training reward's own scale",
    }),
    loss_coeff: field(positive(), 1, { doc: "What the loss is multiplied by" }),
    truncation: field(z.enum(["last", "trajectory", "each_step"]), "last", {
      doc:
        "Which steps the gradient reaches: the last ones, all from one on that is drawn, or each by a draw of its own",
    }),
    last_steps: field(count(1), 1, {
      doc: "How many steps it reaches with truncation last",
      unit: "steps",
    }),
    renoised: field(count(0), 0, {
      doc:
        "For draft: how often an image is made noisy anew, for the last step alone to be learnt from; 0: never",
    }),
    predict_from: field(notNegative().lt(1), 0.75, {
      doc: "For refl: the part of the steps that are over before the first at which the image is predicted",
    }),
    pretrain_weight: field(notNegative(), 0, {
      doc:
        "For refl: weight of the loss of denoising the base model's images, drawn for it in every epoch; 0: none",
    }),
  });
}

function probe() {
  return section({
    gradient: field(count(0), 0, {
      doc:
        "How often the noise of the policy's gradient is told at each denoising step, which takes an update again; 0: only where an update is at one step, at no cost",
      unit: "epochs",
    }),
    plasticity: field(count(0), 0, {
      doc: "For methods with a critic: how often one that begins anew is compared with it; 0: never",
      unit: "epochs",
    }),
  });
}

function perPromptStatTracking() {
  return z.strictObject({
    buffer_size: field(count(1), 32, {
      doc: "Rewards remembered for each prompt",
      unit: "rewards",
      reference: "per_prompt_running_moments.buffer_size",
    }),
    min_count: field(count(1), 16, {
      doc: "Rewards a prompt needs before its own statistics are used",
      unit: "rewards",
      reference: "per_prompt_running_moments.min_count",
    }),
  }).nullable().default(null).meta({
    doc:
      "How rewards are compared with others of their prompt; null: with the whole batch, and the critic tells prompts apart",
  });
}

function evaluate() {
  return section({
    every: field(count(0), 5, { doc: "How often the model is evaluated; 0: never", unit: "epochs" }),
    prompts: field(z.string().min(1), "simple_animals", {
      doc: "What is drawn then: a list's name, or a file",
    }),
    unseen: field(z.string().min(1).nullable(), "unseen_animals", {
      doc:
        "What is drawn beside, for what training brings to prompts that it does not draw: a list's name, or a file, of which those it draws are left out; null: nothing",
    }),
    seeds: field(count(1), 2, { doc: "Images a prompt, always from the same seeds", unit: "images" }),
  });
}

function images() {
  return section({
    every: field(count(0), 3, { doc: "How often the grid of images is drawn; 0: never", unit: "epochs" }),
    prompts: field(z.string().min(1), "eight_animals", { doc: "What is on it: a list's name, or a file" }),
    seeds: field(count(1), 2, { doc: "Images a prompt, always from the same seeds", unit: "images" }),
  });
}
