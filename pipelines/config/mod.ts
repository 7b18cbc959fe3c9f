/**
 * The configuration of a run: its fields, how it is read, checked and shown.
 *
 * @module
 */

export { checkConfig, type Config, type DeepReadonly } from "./check.ts";
export { criticConfigOf } from "./critic_config.ts";
export type { Compat, FieldNotes } from "./field.ts";
export { type ConfigField, listFields } from "./fields.ts";
export { guardBlindSpots } from "./guard_section.ts";
export {
  type ConfigSource,
  embeddedConfigs,
  parseConfig,
  readConfig,
  readRawConfig,
  withSetting,
} from "./read.ts";
export {
  combinationOf,
  renamedCombination,
  renamedRewards,
  type RewardsSection,
  trainedNames,
  type TrainSetting,
} from "./training_rewards.ts";
export { configHelp, configTemplate, showConfig } from "./show.ts";
export { overlaid, type RawConfig } from "./tree.ts";
