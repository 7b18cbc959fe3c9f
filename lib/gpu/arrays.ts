/**
 * Arrays in buffers: how they come, which are alive, and how they go.
 * @module
 */

import { bytesOf, halves, type Tensor, tensor, type TensorType, words } from "../core/tensor.ts";
import type { DeviceArray, Runtime } from "../engine/runtime.ts";
import type { BufferPool } from "./memory.ts";

/** An array in a buffer. */
export interface GpuArray extends DeviceArray {
  /** The buffer, at least as large as the array. */
  readonly buffer: GPUBuffer;
}

/** The arrays of a runtime. */
export interface GpuArrays {
  /** Makes an array of a buffer that was taken from the pool. */
  wrap(type: TensorType, buffer: GPUBuffer): GpuArray;
  /** Whether an array is of this runtime and was not freed. */
  isAlive(array: DeviceArray): boolean;
  /**
   * The buffer of an array.
   *
   * @throws {TypeError} If the array was freed, or is of another runtime.
   */
  bufferOf(array: DeviceArray): GPUBuffer;
  /**
   * Gives an array's buffer back to the pool.
   *
   * @throws {TypeError} If the array was freed before, or is of another runtime.
   */
  free(array: DeviceArray): void;
}

/** Keeps the arrays of a runtime. */
export function gpuArrays(pool: BufferPool, runtime: () => Runtime): GpuArrays {
  const alive = new WeakSet<DeviceArray>();
  const bufferOf = (array: DeviceArray): GPUBuffer => {
    if (!alive.has(array)) {
      throw new TypeError(
        `Cannot use the array as it ${
          array.runtime === runtime() ? "was freed before" : "belongs to another runtime"
        }: ${array.dtype}[${array.shape.join(", ")}]`,
      );
    }
    return (array as GpuArray).buffer;
  };
  return {
    wrap: ({ shape, dtype }, buffer) => {
      const array = { shape, dtype, runtime: runtime(), buffer };
      alive.add(array);
      return array;
    },
    isAlive: (array) => alive.has(array),
    bufferOf,
    free: (array) => {
      pool.give(bufferOf(array));
      alive.delete(array);
    },
  };
}

/** Copies a tensor's values to a buffer. */
export function write(device: GPUDevice, buffer: GPUBuffer, { data }: Tensor): void {
  const chunk = 16 << 20;
  for (let start = 0; start < data.byteLength; start += chunk) {
    const length = Math.min(chunk, data.byteLength - start);
    device.queue.writeBuffer(buffer, start, data.buffer, data.byteOffset + start, length);
  }
}

/** What is read, and from where. */
export interface Source extends TensorType {
  /** It begins at the buffer's start. */
  readonly buffer: GPUBuffer;
}

/** Reads buffers back through one staging buffer: each wait costs some 10 ms, however little is read. */
export async function read(device: GPUDevice, sources: readonly Source[]): Promise<Tensor[]> {
  if (sources.length === 0) return [];
  const starts: number[] = [];
  let total = 0;
  for (const source of sources) {
    starts.push(total);
    total += bytesOf(source);
  }
  const staging = device.createBuffer({
    size: Math.max(total, 4),
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  sources.forEach((source, i) => {
    encoder.copyBufferToBuffer(source.buffer, 0, staging, starts[i]!, bytesOf(source));
  });
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const mapped = staging.getMappedRange();
  const tensors = sources.map((source, i) =>
    ofBytes(source, mapped.slice(starts[i]!, starts[i]! + bytesOf(source)))
  );
  staging.destroy();
  return tensors;
}

function ofBytes({ shape, dtype }: TensorType, bytes: ArrayBuffer): Tensor {
  switch (dtype) {
    case "f32":
      return tensor(shape, new Float32Array(bytes));
    case "u32":
      return words(shape, new Uint32Array(bytes));
    case "f16":
      return halves(shape, new Uint16Array(bytes));
  }
}
