/**
 * How the ops of the gemm family are lowered: which buffers their kernels are bound to.
 * @module
 */

import type { Epilogue } from "../../../kernels/expression.ts";
import type { GemmKernels } from "../../../kernels/gemm.ts";
import type { KernelCall, LoweringContext, Operand } from "../lowering.ts";

/** Binds the kernels of a product of an op's two inputs. */
export function gemmCalls<A>(
  { product, sum, scratch }: GemmKernels,
  context: LoweringContext<A>,
): KernelCall[] {
  const inputs: Operand[] = [{ kind: "input", index: 0 }, { kind: "input", index: 1 }];
  const others = (context.epilogue?.expression.operands.length ?? 1) - 1;
  const epilogue = Array.from({ length: others }, (_, index): Operand => ({ kind: "epilogue", index }));
  const output: Operand = { kind: "output", index: 0 };
  if (sum === null) return [{ kernel: product, operands: [...inputs, ...epilogue, output] }];
  const partial: Operand = { kind: "scratch", index: 0, floats: scratch };
  return [
    { kernel: product, operands: [...inputs, partial] },
    { kernel: sum, operands: [...epilogue, output, partial] },
  ];
}

/** Operands of an epilogue that differ from row to row: what a kernel with many rows takes long to compile for. */
export function readsPerRow(epilogue: Epilogue | null): number {
  const operands = epilogue?.expression.operands.slice(1) ?? [];
  return operands.filter(({ strides }) => strides.slice(0, -1).some((stride) => stride !== 0)).length;
}
