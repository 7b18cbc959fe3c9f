/**
 * The tables of the report.
 *
 * @module
 */

import { rewardCatalogue } from "../../lib/rewards/catalogue.ts";
import { officialScore, type RewardInfo } from "../../lib/rewards/reward.ts";
import { type ConfigField, listFields } from "../config/mod.ts";
import { type Markup, markup } from "./markup.ts";
import { lastOf, type Measured, type RewardHistory } from "./measure.ts";
import { directionOf, rewardName } from "./outcome.ts";
import { at, leaves, textAt, type Tree } from "./tree.ts";
import { showFixed, showSigned, showSpread } from "./words.ts";

/** What each reward was and has become, on its own scale. */
export function rewardsTable({ rewards, combining }: Measured): Markup {
  const isTold = rewards.some(({ isTrained }) => isTrained);
  const roleOf = ({ isTrained, index }: RewardHistory) =>
    isTrained
      ? combining?.combine === "constraints" && index > 0 ? "kept at a level" : "trained on"
      : isTold
      ? "watched"
      : "–";
  const rows = rewards.map((reward) => {
    const [base, last] = [reward.points[0]!, lastOf(reward)];
    const info = Object.hasOwn(rewardCatalogue, reward.name) ? rewardCatalogue[reward.name] : undefined;
    const isCompared = reward.points.length > 1;
    return markup`<tr><th scope="row">${rewardName(reward)}</th>
<td class="number">${isCompared ? showGain(reward) : "–"}</td><td>${isCompared ? directionOf(last) : "–"}</td>
<td class="number">${showSpread(base.mean, base.std)}</td>
<td class="number">${isCompared ? showSpread(last.mean, last.std) : "–"}</td>
<td>${roleOf(reward)}</td>
<td class="long">${
      info === undefined ? "" : `${info.doc} In ${info.scale.unit}.${showOfficial(info, [base, last])}`
    }</td></tr>
`;
  });
  const heads =
    markup`<th scope="col">reward</th><th scope="col" class="number">change</th><th scope="col">verdict</th>
<th scope="col" class="number">base</th><th scope="col" class="number">now</th><th scope="col">role</th>
<th scope="col">what it measures</th>`;
  return table("Rewards before and after: mean ± standard deviation over images", heads, rows);
}

/** The means of all rewards at every point, for reading off. */
export function historyTable({ rewards }: Measured, label: string): Markup {
  const epochs = [...new Set(rewards.flatMap(({ points }) => points.map(({ epoch }) => epoch)))]
    .sort((a, b) => a - b);
  const rows = epochs.map((epoch) =>
    markup`<tr><th scope="row" class="number">${epoch}</th>${
      rewards.map(({ points }) => {
        const point = points.find((point) => point.epoch === epoch);
        return markup`<td class="number">${
          point === undefined ? "–" : showSpread(point.mean, point.std)
        }</td>`;
      })
    }</tr>
`
  );
  const heads = markup`<th scope="col" class="number">epoch</th>${
    rewards.map((reward) => markup`<th scope="col" class="number">${rewardName(reward)}</th>`)
  }`;
  return table(label, heads, rows);
}

/** Every setting, with its doc; those that are not the default stand out. */
export function settingsTable(
  config: Tree,
): { readonly table: Markup; readonly changed: number; readonly count: number } {
  const compat = textAt(config, "compat") === "official" ? "official" : "fixed";
  const fields = new Map(
    listFields(compat, textAt(config, "method"), at(config, "lora") === null)
      .map((field) => [field.name, field]),
  );
  const settings = settingsOf(config, fields);
  const rows = settings.map(({ name, value, field, isChanged }) =>
    markup`<tr${
      isChanged ? markup` class="changed"` : ""
    }><th scope="row" class="setting"><code>${name}</code><p>${field?.doc ?? ""}</p></th><td class="value">${
      showValue(value)
    }${field?.unit === undefined || value === null ? "" : ` ${field.unit}`}${
      isChanged ? markup`<p>default ${showValue(field?.initial)}</p>` : ""
    }</td></tr>
`
  );
  const heads = markup`<th scope="col">setting</th><th scope="col">value</th>`;
  return {
    table: table("Settings", heads, rows),
    changed: settings.filter(({ isChanged }) => isChanged).length,
    count: settings.length,
  };
}

/** Everything in the manifest. */
export function manifestTable(manifest: Tree): Markup {
  const rows = leaves(manifest).map(([name, value]) =>
    markup`<tr><th scope="row"><code>${name}</code></th><td class="value">${showValue(value)}</td></tr>
`
  );
  return table("Manifest", markup`<th scope="col">what</th><th scope="col">value</th>`, rows);
}

/** The base model's scores and the last on the scale that the reward's authors report, where that is another. */
function showOfficial(
  { official }: RewardInfo,
  points: readonly { readonly mean: number; readonly std: number }[],
) {
  if (official === undefined) return "";
  const spreads = points.map(({ mean, std }) =>
    showSpread(officialScore(official, mean), official.factor * std)
  );
  return ` As ${official.unit}: ${[...new Set(spreads)].join(", now ")}.`;
}

function showGain(reward: RewardHistory): string {
  const { gain, error } = lastOf(reward);
  if (!Number.isFinite(gain)) return "no unit";
  return `${showSigned(gain)}${error === null ? "" : ` ± ${showFixed(error)}`}`;
}

interface Setting {
  readonly name: string;
  readonly value: unknown;
  readonly field: ConfigField | undefined;
  readonly isChanged: boolean;
}

/** A field's value may be a list or object of its own, so that known names are asked for before leaves are listed. */
function settingsOf(config: Tree, fields: ReadonlyMap<string, ConfigField>): readonly Setting[] {
  const known = [...fields.values()].flatMap((field) => {
    const value = at(config, ...field.name.split("."));
    if (value === undefined) return [];
    return [{ name: field.name, value, field, isChanged: showValue(value) !== showValue(field.initial) }];
  });
  const others = leaves(config)
    .filter(([name]) =>
      !known.some((setting) => name === setting.name || name.startsWith(`${setting.name}.`))
    )
    .map(([name, value]) => ({ name, value, field: undefined, isChanged: false }));
  return [...known, ...others];
}

function showValue(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(showValue).join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (value === null || value === undefined) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function table(label: string, heads: Markup, rows: readonly Markup[]): Markup {
  return markup`<div class="scroll" role="region" aria-label="${label}" tabindex="0"><table>
<thead><tr>${heads}</tr></thead>
<tbody>
${rows}</tbody></table></div>
`;
}
