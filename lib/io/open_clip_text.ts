/**
 * How OpenCLIP reads prompts, which HPSv2 does.
 * @module
 */

import { resolveEntities } from "./html_entities.ts";
import type { Dialect } from "./tokenizer.ts";

/** What Python's `strip` takes off: Unicode's white space and four separators among the control characters. */
const SPACE = "[\\p{White_Space}\\u001c-\\u001f]+";
const ENDS = new RegExp(`^${SPACE}|${SPACE}$`, "gu");

/**
 * OpenCLIP's dialect: character references of HTML resolved twice, white space collapsed and trimmed, lower case.
 *
 * Differs from OpenCLIP where ftfy, which repairs text that was decoded wrongly, changes a prompt: it also replaces typographic
 * quotes, ligatures and full-width letters, normalises (NFC), and drops control characters. Prompts in ASCII it leaves alone.
 */
export const openClipDialect: Dialect = {
  clean: (prompt) => {
    const resolved = resolveEntities(resolveEntities(prompt));
    return resolved.replace(ENDS, "").replace(/\p{White_Space}+/gu, " ").replace(ENDS, "").toLowerCase();
  },
  special: ["<start_of_text>", "<end_of_text>"],
  specialFirst: false,
};
