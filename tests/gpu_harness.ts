/**
 * Runs single ops on raw WebGPU, without planner or runtime: what kernel tests compare with an op's reference.
 * @module
 */

import { size, type Tensor, type TensorType, words } from "../lib/core/tensor.ts";
import type { Attrs, OpDef } from "../lib/engine/graph.ts";
import type { KernelCall, Operand } from "../lib/engine/lowering.ts";
import { isSoftware } from "../lib/gpu/device.ts";
import type { Epilogue } from "../kernels/expression.ts";
import type { Target } from "../kernels/kernel.ts";

/** A device to test on. */
export interface Harness {
  /** The device; whoever opened it destroys it. */
  readonly device: GPUDevice;
  /** What generators must know of it. */
  readonly target: Target;
}

/** Tensors beyond an op's inputs that its kernels may be bound to. */
export interface Extras {
  /** Operands of the epilogue, the first being operand 1 of its expression. */
  readonly epilogue?: readonly Tensor[];
  /** Output `i` is computed in the memory of input `inPlace[i]`. */
  readonly inPlace?: readonly number[];
}

/**
 * Opens the first adapter.
 *
 * @throws {Error} If there is none.
 */
export async function openHarness(): Promise<Harness> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("Cannot test kernels as WebGPU offers no adapter");
  return { device: await adapter.requestDevice(), target: { software: isSoftware(adapter.info) } };
}

/** Runs kernel calls in order on inputs and returns the outputs. */
export async function runKernelCalls(
  { device }: Harness,
  calls: readonly KernelCall[],
  inputs: readonly Tensor[],
  outputs: readonly TensorType[],
  extras: Extras = {},
): Promise<Tensor[]> {
  const own = new Map<string, GPUBuffer>();
  const allocate = (floats: number) =>
    device.createBuffer({
      size: Math.max(16, floats * 4),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
  const upload = (kind: Operand["kind"], tensors: readonly Tensor[]) =>
    tensors.forEach((tensor, index) => {
      const buffer = allocate(tensor.data.length);
      device.queue.writeBuffer(buffer, 0, tensor.data as unknown as Float32Array<ArrayBuffer>);
      own.set(`${kind} ${index}`, buffer);
    });
  const bufferOf = (operand: Operand): GPUBuffer => {
    const name = `${operand.kind} ${operand.index}`;
    const made = own.get(name);
    if (made) return made;
    if (operand.kind !== "scratch") throw new Error(`Cannot bind ${name} as it was not given`);
    own.set(name, allocate(operand.floats));
    return own.get(name)!;
  };

  device.pushErrorScope("validation");
  upload("input", inputs);
  upload("epilogue", extras.epilogue ?? []);
  outputs.forEach(({ shape }, i) => {
    const place = extras.inPlace?.[i];
    own.set(`output ${i}`, place === undefined ? allocate(size(shape)) : own.get(`input ${place}`)!);
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const { kernel, operands } of calls) {
    const module = device.createShaderModule({ code: kernel.code });
    const pipeline = device.createComputePipeline({
      layout: "auto",
      compute: { module, entryPoint: "main" },
    });
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: operands.map((operand, binding) => ({ binding, resource: { buffer: bufferOf(operand) } })),
      }),
    );
    pass.dispatchWorkgroups(...kernel.workgroups);
  }
  pass.end();
  const staging = outputs.map(({ shape }, i) => {
    const bytes = size(shape) * 4;
    const buffer = device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    encoder.copyBufferToBuffer(own.get(`output ${i}`)!, 0, buffer, 0, bytes);
    return buffer;
  });
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error) {
    throw new Error(
      `${calls.map(({ kernel }) => kernel.name).join(", ")}: ${error.message}\n${calls[0]?.kernel.code}`,
    );
  }
  await Promise.all(staging.map((buffer) => buffer.mapAsync(GPUMapMode.READ)));
  const results = staging.map((buffer, i): Tensor => {
    const { shape, dtype } = outputs[i]!;
    const bits = buffer.getMappedRange().slice(0);
    return dtype === "f32"
      ? { shape, dtype, data: new Float32Array(bits) }
      : words(shape, new Uint32Array(bits));
  });
  for (const buffer of [...new Set(own.values()), ...staging]) buffer.destroy();
  return results;
}

/** Runs an op's own kernels on inputs. */
export function runOp<A extends Attrs>(
  harness: Harness,
  op: OpDef<A>,
  inputs: readonly Tensor[],
  attrs: A,
  epilogue: Epilogue | null = null,
  epilogueOperands: readonly Tensor[] = [],
): Promise<Tensor[]> {
  if (op.lowering.kind !== "kernel") {
    throw new TypeError(`Cannot run ${op.name} as it has no kernel of its own`);
  }
  const outputs = op.infer(inputs, attrs);
  const calls = op.lowering.lower({ inputs, outputs, attrs, target: harness.target, epilogue });
  const { inPlace } = op.lowering;
  return runKernelCalls(harness, calls, inputs, outputs, {
    epilogue: epilogueOperands,
    ...(inPlace ? { inPlace } : {}),
  });
}
