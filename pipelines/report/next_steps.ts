/**
 * How to go on with a run: the commands, ready to be typed.
 *
 * @module
 */

import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { quoted } from "../arguments.ts";
import { optionsToGoOn } from "../run/ending.ts";
import { LORA_FILE, UNET_FILE } from "../run/policy_files.ts";
import { endingOf, presentedOf } from "./guard_marks.ts";
import { type Markup, markup } from "./markup.ts";
import { epochOf, type Run } from "./read_run.ts";
import { at, numberAt, textsAt } from "./tree.ts";

/** The project's folder, which `./attune` is typed in. */
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Lists the commands. */
export function nextSteps(run: Run): Markup {
  const shown = presentedOf(run);
  const folder = quoted(fromRoot(run.folder));
  if (shown === undefined) {
    return markup`<p>There is no checkpoint yet. To go on from the beginning:</p>
${command(`./attune train --resume ${folder}`)}`;
  }
  const prompt = textsAt(run.manifest, "prompts", "images")[0] ?? "cat";
  return markup`<p>${resumeText(run)}</p>
${command(`./attune train --resume ${folder}${resumeOptions(run)}`)}
<p>To draw with the policy of the ${
    shown === run.checkpoints.at(-1) ? "last" : "best"
  } checkpoint, after epoch ${shown.epoch}:</p>
${command(`./attune generate ${quoted(prompt)} --lora ${folder} --seeds 0-7`)}
<p>To compare it with the base model on prompts it was trained with and on others:</p>
${command(`./attune evaluate ${folder}`)}
${forOtherTools(run, shown.path)}
`;
}

function forOtherTools(run: Run, checkpoint: string): Markup {
  const folder = quoted(fromRoot(run.folder));
  if (at(run.config, "lora") === null) {
    const unet = fromRoot(dirname(join(checkpoint, UNET_FILE)));
    return markup`<p>The UNet is <code>${unet}</code>, which diffusers loads. For a whole model with it:</p>
${command(`./attune merge ${folder} --out ${quoted(`${run.name}-model`)}`)}`;
  }
  const lora = fromRoot(join(checkpoint, LORA_FILE));
  return markup`<p>The adapter is <code>${lora}</code>, which diffusers and ComfyUI load. For other tools:</p>
${command(`./attune export ${folder} --format kohya`)}`;
}

function resumeText(run: Run): string {
  if (endingOf(run) !== null) return "To go on in spite of what the guard found:";
  return isDone(run) ? "To train longer:" : "To go on from the last checkpoint:";
}

function resumeOptions(run: Run): string {
  const ending = endingOf(run);
  if (ending !== null) return ` ${optionsToGoOn(ending)}`;
  const planned = numberAt(run.config, "num_epochs");
  return isDone(run) && planned !== undefined ? ` --set num_epochs=${2 * planned}` : "";
}

/** Whether all planned epochs are trained. */
export function isDone({ lines, config }: Run): boolean {
  const planned = numberAt(config, "num_epochs"), last = lines.at(-1);
  return planned === undefined || (last !== undefined && epochOf(last) >= planned);
}

function command(text: string): Markup {
  return markup`<pre><code>${text}</code></pre>`;
}

/** A path as it is typed in the project's folder. */
function fromRoot(path: string): string {
  const below = relative(ROOT, resolve(path));
  return below.startsWith("..") ? resolve(path) : below;
}
