/**
 * From steps to kernels and the blocks of memory they touch.
 * @module
 */

import { bytesOf, type TensorType } from "../core/tensor.ts";
import { elementwise } from "../../kernels/elementwise.ts";
import type { Kernel, Target, Tile } from "../../kernels/kernel.ts";
import { reduce } from "../../kernels/reduce.ts";
import type { Attrs, Value } from "./graph.ts";
import type { Block, Homes } from "./homes.ts";
import type { Lowering, LoweringContext, Operand } from "./lowering.ts";
import type { KernelStep, ReduceStep, Step } from "./steps.ts";

/** A part of a block. */
export interface BlockPart {
  /** Whose part. */
  readonly block: Block;
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** How long it is. */
  readonly bytes: number;
}

/** One kernel and the parts of blocks its bindings stand for. */
export interface Call {
  /** The kernel. */
  readonly kernel: Kernel;
  /** One part for each binding. */
  readonly blocks: readonly BlockPart[];
}

/** The tiles that were chosen for steps; others take their op's default. */
export type TileChoices = ReadonlyMap<Step, Tile>;

/** Writes out the kernels of all steps. */
export function lowerSteps(
  steps: readonly Step[],
  homes: Homes,
  target: Target,
  tiles: TileChoices,
): Call[] {
  return steps.flatMap((step): Call[] => {
    switch (step.kind) {
      case "elementwise": {
        const { expression, reads, output } = step;
        const types = { reads: reads.map(({ dtype }) => dtype), output: output.dtype };
        return [{ kernel: elementwise(expression, types), blocks: [...reads, output].map(whole) }];
      }
      case "reduce":
        return lowerReduce(step);
      case "kernel":
        return lowerNode(step, target, tiles.get(step)).filter(({ blocks }) => !isInPlaceCopy(blocks, homes));
    }
  });
}

/** How a step's op reaches the GPU, and what it is lowered from. */
export function loweringOf(
  { node, epilogue, ...stored }: KernelStep,
  target: Target,
): {
  readonly lowering: Lowering<Attrs> & { readonly kind: "kernel" };
  readonly context: LoweringContext<Attrs>;
} {
  const { op: { name, lowering }, attrs } = node;
  if (lowering.kind !== "kernel") throw new TypeError(`Cannot lower ${name} as it has no kernels`);
  const inputs = node.inputs.map(({ shape }, i) => ({ shape, dtype: stored.inputs[i]!.value.dtype }));
  const outputs = node.outputs.map(({ shape }, i) => ({ shape, dtype: stored.outputs[i]!.dtype }));
  return { lowering, context: { inputs, outputs, attrs, target, epilogue } };
}

function lowerReduce(step: ReduceStep): Call[] {
  const types = step.reads.map(({ dtype }) => dtype);
  const { kernels: [first, second], partial } = reduce({ ...step, types });
  const reads = step.reads.map(whole);
  if (second === undefined) return [{ kernel: first!, blocks: [...reads, whole(step.output)] }];
  const scratch: BlockPart = { block: { scratch: 0 }, offset: 0, bytes: 4 * partial };
  return [
    { kernel: first!, blocks: [...reads, scratch] },
    { kernel: second, blocks: [scratch, whole(step.output)] },
  ];
}

function lowerNode(step: KernelStep, target: Target, tile: Tile | undefined): Call[] {
  const { lowering, context } = loweringOf(step, target);
  const { inputs } = context;
  const scratch = new Map<number, Block>();
  const part = (operand: Operand): BlockPart => {
    switch (operand.kind) {
      case "input": {
        const { value, offset } = step.inputs[operand.index]!;
        const { offset: within, bytes } = operand.part ??
          { offset: 0, bytes: spaceOf(inputs[operand.index]!) };
        return { block: value, offset: bytesOf({ shape: [offset], dtype: value.dtype }) + within, bytes };
      }
      case "output":
        return whole(step.outputs[operand.index]!);
      case "epilogue":
        return whole(step.reads[operand.index]!);
      case "scratch": {
        if (!scratch.has(operand.index)) scratch.set(operand.index, { scratch: operand.index });
        return { block: scratch.get(operand.index)!, offset: 0, bytes: 4 * operand.floats };
      }
    }
  };
  return lowering.lower(tile ? { ...context, tile } : context)
    .map(({ kernel, operands }) => ({ kernel, blocks: operands.map(part) }));
}

/** Whether a copy has nothing to do, as what it reads was written where it belongs. */
function isInPlaceCopy(blocks: readonly BlockPart[], homes: Homes): boolean {
  if (blocks.length !== 2) return false;
  const [from, to] = blocks as readonly [BlockPart, BlockPart];
  return homes.collected.has(to.block) && homes.of(from.block).block === homes.of(to.block).block;
}

function whole(value: Value): BlockPart {
  return { block: value, offset: 0, bytes: spaceOf(value) };
}

/** Bytes that a value takes; never none. */
export function spaceOf(type: TensorType): number {
  return Math.max(bytesOf(type), 4);
}
