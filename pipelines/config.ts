/**
 * The `config` task: prints a configuration with a line of doc for each field.
 *
 * @module
 */

import { readArguments } from "./arguments.ts";
import { configHelp, configTemplate, readConfig, showConfig } from "./config/mod.ts";

/** What `--help` says. */
const HELP = `Prints a configuration with a line of doc for each field, to be used with train --config.

Usage: attune config [--config FILE]… [--set key=value]… > mine.yaml

  --config FILE    complete and check this file; without it, the defaults. An embedded one by its name: sd14-aesthetic;
                   where there are several, later ones count
  --set key=value  set one field, as often as needed: --set sample.num_steps=16
  --help           print this

Fields:
`;

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 * @throws {UsageError} If an argument or the configuration is wrong.
 */
export async function run(args: readonly string[]): Promise<number> {
  const { config, set, help } = readArguments(args, { lists: ["config", "set"] });
  if (help) console.log(HELP + configHelp());
  else if (config.length === 0 && set.length === 0) console.log(configTemplate().trimEnd());
  else console.log(showConfig(await readConfig({ config, set })).trimEnd());
  return 0;
}
