/**
 * Prompts as the models read them.
 * @module
 */

import { joinRows, pickRows } from "../core/rows.ts";
import type { FloatTensor } from "../core/tensor.ts";
import type { Program, Runtime } from "../engine/runtime.ts";
import type { Models } from "./models.ts";
import { TEXT_PURPOSE } from "./programs.ts";
import { floats } from "./rows.ts";
import { textGraph } from "./sampling_graphs.ts";
import { compileBound } from "./weights.ts";

/** Prompts that have been read. */
export interface Conditioning {
  /** `P` prompts. */
  readonly prompts: readonly string[];
  /** `[P, S, D]`. */
  readonly context: FloatTensor;
  /** `[P, E]`. */
  readonly pooled: FloatTensor;
}

/** Reads prompts. */
export type EncodePrompts = (prompts: readonly string[]) => Promise<Conditioning>;

/** Prompts read together; fewer are filled up. */
const BATCH = 8;

/** Compiles the text encoder. */
export async function compileText(
  models: Models,
  runtime: Runtime,
): Promise<{ readonly encode: EncodePrompts; readonly program: Program }> {
  const graph = textGraph(models, models.tokenize(Array(BATCH).fill("")));
  const program = await compileBound(runtime, graph, TEXT_PURPOSE);
  const encode: EncodePrompts = async (prompts) => {
    const contexts: FloatTensor[] = [];
    const pools: FloatTensor[] = [];
    for (let start = 0; start < prompts.length; start += BATCH) {
      const part = prompts.slice(start, start + BATCH);
      const filled = [...part, ...Array<string>(BATCH - part.length).fill("")];
      const { context, pooled } = program.run({ ...models.tokenize(filled) });
      const [a, b] = await runtime.get([context!, pooled!]);
      runtime.free([context!, pooled!]);
      const rows = part.map((_, i) => i);
      contexts.push(pickRows(floats(a), rows));
      pools.push(pickRows(floats(b), rows));
    }
    return { prompts, context: joinRows(contexts), pooled: joinRows(pools) };
  };
  return { encode, program };
}
