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
    seed: field(count(0), 42, { doc: "The seed of all random numbers" }),
    method: field(z.enum(methodNames), "tdpo-r", {
      doc: "The training method; it decides the defaults of some fields",
    }),
    compat: field(z.enum(["fixed", "official"]), "fixed", {
      doc:
        "The reading of the method that decides every switch that is null or absent: as we hold it to be meant, or as the reference implementation does it",
    }),
    model: field(z.string().min(1), "mini", {
      doc:
        "What is trained: an embedded model's name, a folder in the diffusers layout, or a downloaded owner/name@revision",
      reference: "pretrained.model",
    }),
    mixed_precision: field(z.enum(precisions), "stored", {
      doc:
        "The precision of frozen models in memory: stored (weights as the files hold them), f32, f16_weights (weights rounded to halves) or f16 (activations between layers as well); all arithmetic, latents, log-probabilities and what is trained are f32",
    }),
    prompts: field(z.string().min(1), "simple_animals", {
      doc: "The training prompts: the name of an embedded list, or a file with one prompt a line",
      reference: "prompt_fn",
    }),
    prompts_balanced: readingSwitch(
      z.boolean(),
      compat,
      { fixed: true, official: false },
      23,
      "Whether prompts take turns; otherwise each sample draws one at random, with replacement",
    ),
    num_epochs: field(count(1), 15, { doc: "Number of epochs", unit: "epochs" }),
    save_freq: field(count(1), 5, { doc: "How often a checkpoint is written", unit: "epochs" }),
    kl_penalty_coef: field(notNegative(), 0, {
      doc:
        "Weight of the KL divergence from the base model that is subtracted from each step's reward; 0: none",
      reference: "sample.kl_penalty_coef",
    }),
    gamma: field(positive().max(1), 1, {
      doc: "Discount factor of returns, by denoising step",
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
        "How several rewards become one: weighted_z (the weighted mean of running z-scores), per_reward (that of rewards normalised each on its own), constraints (the first reward, the others as constraints) or worst_case (the lowest running z-score)",
    }),
    constraints: section({
      learning_rate: field(notNegative(), 1, {
        doc:
          "How much a constraint's multiplier rises in an epoch for each standard deviation that its reward is below its level",
      }),
      max: field(positive(), 10, { doc: "The largest multiplier" }),
      levels: field(z.record(z.string(), z.number()), {}, {
        doc:
          "The mean that a constrained reward has to keep, as in {mini_pick: 0.2}; where none is given, the base model's",
      }),
    }),
    worst_case: section({
      softness: field(notNegative(), 0, {
        doc: "Temperature of a soft minimum of the z-scores: 0 takes the lowest, a large one their mean",
        unit: "standard deviations",
      }),
    }),
    evaluate: field(
      z.array(z.string()),
      ["gold", "mini_aesthetic", "mini_pick", "mini_hps", "colourfulness"],
      {
        doc: "Rewards that are measured and never trained on, by name or file",
      },
    ),
  });
}

function sample() {
  return section({
    num_steps: field(count(1).max(1000), 8, { doc: "Denoising steps of an image", unit: "steps" }),
    eta: field(notNegative().max(1), 1, {
      doc: "The noise of a step: 1 as in DDPM, 0 none; policy gradients need some",
    }),
    guidance_scale: field(notNegative().max(1000), 3, { doc: "Scale of classifier-free guidance; 1: none" }),
    batch_size: field(count(1), 16, { doc: "Samples denoised together", unit: "samples" }),
    num_batches_per_epoch: field(count(1), 4, { doc: "Batches an epoch", unit: "batches" }),
    group_size: field(count(1), 1, {
      doc: "Samples in a row that share a prompt; grpo compares them with one another",
      unit: "samples",
    }),
    group_noise: field(z.boolean(), false, {
      doc: "Whether the samples of a group start from the same noise",
    }),
    vae_tiling: field(z.boolean(), false, {
      doc:
        "Whether images are decoded in bands: less memory, more time, the same bits; adapters that need bands get them anyway",
    }),
  });
}

function train(compat: Compat) {
  return section({
    learning_rate: field(positive(), 4e-3, {
      doc: "Learning rate of the policy; with lora: null the default is a hundredth of this",
    }),
    critic_learning_rate: field(positive(), 3e-3, {
      doc: "Learning rate of the critic",
      reference: "train.learning_rate_critic",
    }),
    adam_beta1: field(decay(), 0.9, { doc: "AdamW's decay of the running mean of gradients" }),
    adam_beta2: field(decay(), 0.999, { doc: "AdamW's decay of the running mean of squared gradients" }),
    adam_weight_decay: field(notNegative(), 1e-4, { doc: "AdamW's weight decay" }),
    adam_epsilon: field(positive(), 1e-3, {
      doc:
        "AdamW's epsilon for the policy; above the size of the gradients it keeps their proportions, so that small ones, which are mostly noise, move the policy less",
    }),
    critic_adam_epsilon: field(positive(), 1e-8, { doc: "AdamW's epsilon for the critic" }),
    max_grad_norm: field(positive(), 1, {
      doc: "The norm that gradients are clipped to, separately for policy and critic",
    }),
    batch_size: field(count(1), 16, { doc: "Samples of a micro-batch", unit: "samples" }),
    gradient_accumulation_steps: field(count(1), 4, {
      doc: "Micro-batches of an optimizer step",
      unit: "batches",
    }),
    num_inner_epochs: field(count(1), 1, { doc: "How often training passes over each epoch's samples" }),
    loss: field(z.enum(["clipped", "clamped", "score_function"]), "clipped", {
      doc:
        "The policy's loss: clipped (PPO's), clamped (without a gradient outside the clip range, on either side) or score_function (REINFORCE, unbiased for one update an epoch)",
    }),
    clip_range: field(positive(), 0.1, {
      doc: "How far the probability ratio may move from 1; smaller for larger latents",
    }),
    kl_weight: field(notNegative(), 0, {
      doc: "Weight of the KL divergence from the base model in the policy's loss; 0: none",
    }),
    kl_form: field(z.enum(["exact", "eps_mse"]), "exact", {
      doc:
        "The form of that divergence: exact (the KL divergence of a step's two Gaussians) or eps_mse (the mean squared difference of the predicted noises, which weighs steps differently)",
    }),
    ema_decay: field(decay().nullable(), null, {
      doc:
        "Decay of an exponential moving average of the policy's weights at each optimizer step, which is evaluated and saved in the policy's place; null: none",
    }),
    clip_range_critic: field(notNegative(), 0.2, {
      doc:
        "How far the critic's prediction may move from the one made when sampling, as PPO clips value functions; 0: any distance",
    }),
    adv_clip_max: field(positive().nullable(), null, {
      doc: "Limit on the absolute value of temporal rewards (advantages); null: none",
    }),
    group_std: field(z.enum(["group", "global"]), "group", {
      doc:
        "For grpo: the standard deviation that a group's rewards are divided by, the group's own or that of all rewards",
    }),
    shuffle_timestep: field(z.boolean(), true, {
      doc:
        "Whether every sample visits its timesteps in a random order of its own; otherwise all go from noise to image",
    }),
    timestep_window: field(z.tuple([count(0), count(1)]).nullable(), null, {
      doc:
        "The steps that the policy learns from, [from, to): from the first up to, but not including, the second, where 0 is the noisiest; drop_last_steps leaves steps of these out, too; null: all",
    }),
    drop_last_steps: readingSwitch(
      count(0),
      compat,
      { fixed: 5, official: 0 },
      34,
      "How many of the last steps the policy does not learn from; the critic learns from all",
    ),
    timesteps_per_update: field(count(1).nullable(), 1, {
      doc: "Steps of each sample that one update adds up; null: all that the policy learns from",
      unit: "steps",
    }),
    gradient_checkpointing: field(z.boolean(), false, {
      doc:
        "Whether an update recomputes the UNet's activations instead of keeping them: less memory, more time, the same bits",
    }),
    cfg: field(z.boolean(), true, {
      doc: "Whether training applies classifier-free guidance as sampling does",
    }),
    critic_grad_div: field(positive(), 1, {
      doc:
        "Divisor of the critic's clipped gradient; 65536 is what the reference does in half precision (quirk 1)",
    }),
    shuffle_advantages: field(z.boolean(), false, {
      doc: "A control: gives each sample the temporal rewards of another, so that there is nothing to learn",
    }),
  });
}

function lora() {
  return z.strictObject({
    rank: field(count(1), 4, {
      doc: "Rank of each adapter",
    }),
    targets: field(z.array(z.enum(attentionTargets as [string, ...string[]])).min(1), [...attentionTargets], {
      doc: "The attention projections that have adapters",
    }),
  }).nullable().prefault({}).meta({ doc: "The UNet's adapters; null: all of its weights are trained" });
}

function critic(compat: Compat) {
  return section({
    encoder: field(z.string().min(1), "reward", {
      doc:
        "What the critic sees of a step: the decoded image through the image tower of the training reward (reward) or of another reward, by name; or, without decoding, the latents pooled to 8 x 8 (latents) or the base model's middle block averaged over space (unet)",
    }),
    sees: field(z.enum(["noisy", "predicted"]), "noisy", {
      doc:
        "Which latents of a step, or image decoded from them: noisy (x_t, where the step starts) or predicted (the x_0 that the step predicts); with encoder: unet only noisy",
    }),
    every: field(count(1), 1, {
      doc:
        "How often the critic looks, from the noisiest step on: decoding is most of the cost of sampling. At the steps between, it predicts from what it last saw and the step's own timestep",
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
      "How its weights start: fan_in (He et al. 2015, with a last layer of 0) or reference (a standard deviation of 1 / (input width + 1) in every layer)",
    ),
    activation: readingSwitch(
      z.enum(Object.keys(activations) as [ActivationName, ...ActivationName[]]),
      compat,
      { fixed: "relu", official: "none" },
      2,
      "The activation after each hidden layer; none makes the critic one affine map",
    ),
    dropout: readingSwitch(
      z.array(decay()),
      compat,
      { fixed: [], official: [0.2, 0.2, 0.1] },
      24,
      "Dropout of each hidden layer in training; layers beyond the list have none",
    ),
    inputs: section({
      rescaled: readingSwitch(
        z.boolean(),
        compat,
        { fixed: true, official: false },
        2,
        "Whether embeddings, which have length 1, are scaled up to elements of standard deviation 1",
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
        "What is reset: neurons of the critic, scored by their activity, or, with tdpo-r and methods without a critic, rank components of the policy's adapters, scored by their contribution, after the epoch's policy is evaluated and saved",
    }),
    mode: field(z.enum(["active", "dormant", "all", "none"]), "active", {
      doc: "Which neurons are reset, by their dormancy scores; none turns TDPO-R into TDPO",
      reference: "sample.neuron_reset_critic",
    }),
    share: field(positive().max(1), 1, {
      doc: "The share of these neurons that is reset, drawn anew each time",
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
      "Passes over samples in which the critic alone learns: over the base model's before the first epoch, over the epoch's after each reset",
    ),
    tau: field(notNegative(), 0, {
      doc: "Dormancy threshold: the highest score of a dormant neuron",
      reference: "sample.dormant_threshold",
    }),
    optimizer_step: readingSwitch(
      z.enum(["reset", "keep"]),
      compat,
      { fixed: "reset", official: "keep" },
      4,
      "Whether the optimizer's step count starts anew for the weights that were reset",
    ),
    outgoing: readingSwitch(
      z.enum(["zero", "random"]),
      compat,
      { fixed: "zero", official: "random" },
      4,
      "What the outgoing weights of a reset neuron become. Adapters start with outgoing weights of 0; random ones change the policy at once",
    ),
    seed: readingSwitch(
      z.enum(["distinct", "fixed"]),
      compat,
      { fixed: "distinct", official: "fixed" },
      10,
      "Whether each reset draws new random numbers or the same again",
    ),
    std_from_width: readingSwitch(
      z.boolean(),
      compat,
      { fixed: true, official: false },
      7,
      "Whether the critic's new weights have the standard deviation of their layer's initialisation, or the reference's 1/769",
    ),
  });
}

function rewardWeights() {
  return section({
    beta: field(positive(), 1, {
      doc: "For rwr: samples are weighted by exp(beta * reward)",
    }),
    standardised: field(z.boolean(), true, { doc: "For rwr: whether rewards are normalised first" }),
    per_prompt: field(z.boolean(), false, {
      doc: "For rwr: whether weights are normalised among the samples of one prompt, not among all",
    }),
    percentile: field(positive().lt(100).nullable(), null, {
      doc:
        "For rwr: trains on the samples from this percentile of rewards on, all with the same weight; null: on all, by their weights",
    }),
    centred: field(z.boolean(), false, {
      doc: "For rwr: whether the mean weight is subtracted, so that samples below it are unlearned",
    }),
  });
}

function backprop() {
  return section({
    loss: field(z.enum(["reward", "distance", "shortfall"]), "reward", {
      doc:
        "For methods that differentiate the reward, the loss of a score: reward (its negative), distance (its absolute difference from the target) or shortfall (how far it is below the target)",
    }),
    target: field(z.number(), 10, {
      doc: "The target of distance and shortfall, on the training reward's own scale",
    }),
    loss_coeff: field(positive(), 1, { doc: "Factor of the loss" }),
    truncation: field(z.enum(["last", "trajectory", "each_step"]), "last", {
      doc:
        "Which steps the gradient reaches: last (the last last_steps), trajectory (all from a randomly drawn one on) or each_step (each step or not, by a draw of its own)",
    }),
    last_steps: field(count(1), 1, {
      doc: "How many steps the gradient reaches with truncation: last",
      unit: "steps",
    }),
    renoised: field(count(0), 0, {
      doc: "For draft-lv: how often an image is noised again, for a gradient through the last step alone",
    }),
    predict_from: field(notNegative().lt(1), 0.75, {
      doc: "For refl: the share of steps before the first one at which the image may be predicted",
    }),
    pretrain_weight: field(notNegative(), 0, {
      doc:
        "For refl: weight of the denoising loss on images of the base model, drawn anew each epoch; 0: none",
    }),
  });
}

function probe() {
  return section({
    gradient: field(count(0), 0, {
      doc:
        "How often the noise of the policy's gradient is measured at each timestep, at the cost of an update; 0: only with updates at one timestep, where it costs nothing",
      unit: "epochs",
    }),
    plasticity: field(count(0), 0, {
      doc:
        "For methods with a critic: how often its plasticity is measured, against a critic that starts anew; 0: never",
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
      "Normalises rewards by the statistics of their prompt; null: by those of the whole batch, so that a critic has to tell prompts apart",
  });
}

function evaluate() {
  return section({
    every: field(count(0), 5, { doc: "How often the model is evaluated; 0: never", unit: "epochs" }),
    prompts: field(z.string().min(1), "simple_animals", {
      doc: "The evaluation prompts: a list's name, or a file",
    }),
    unseen: field(z.string().min(1).nullable(), "unseen_animals", {
      doc:
        "Prompts evaluated beside them that training does not see: a list's name, or a file; training prompts among them are left out; null: none",
    }),
    seeds: field(count(1), 2, { doc: "Images of a prompt, always from the same seeds", unit: "images" }),
  });
}

function images() {
  return section({
    every: field(count(0), 3, { doc: "How often the grid of images is drawn; 0: never", unit: "epochs" }),
    prompts: field(z.string().min(1), "eight_animals", {
      doc: "The prompts of the grid: a list's name, or a file",
    }),
    seeds: field(count(1), 2, { doc: "Images of a prompt, always from the same seeds", unit: "images" }),
  });
}
