/**
 * Buffers by size: taken, given back, and taken again without asking the driver.
 * @module
 */

/** A pool of storage buffers. */
export interface BufferPool {
  /** A buffer of at least so many bytes, with any content. */
  take(bytes: number): GPUBuffer;
  /** Gives a buffer back. */
  give(buffer: GPUBuffer): void;
  /** Bytes of all buffers at their highest so far. */
  peakBytes(): number;
}

/**
 * Makes a pool.
 *
 * @throws {RangeError} From `take`, if the adapter has no buffers of so many bytes.
 */
export function bufferPool(device: GPUDevice): BufferPool {
  const idle = new Map<number, GPUBuffer[]>();
  let bytesNow = 0;
  const limit = device.limits.maxBufferSize;
  const rounded = (bytes: number) => Math.max(256, Math.ceil(bytes / 256) * 256);
  return {
    take: (bytes) => {
      const size = rounded(bytes);
      if (size > limit) {
        throw new RangeError(
          `Cannot make a buffer of ${bytes} bytes as the adapter allows ${limit}: ` +
            "lower sample.batch_size or train.batch_size",
        );
      }
      const reused = idle.get(size)?.pop();
      if (reused !== undefined) return reused;
      bytesNow += size;
      return device.createBuffer({
        size,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      });
    },
    give: (buffer) => {
      const list = idle.get(buffer.size) ?? [];
      list.push(buffer);
      idle.set(buffer.size, list);
    },
    peakBytes: () => bytesNow,
  };
}
