/**
 * Buffers by size: taken, given back, and taken again without asking the driver.
 * @module
 */

/** What a pool is of: a GPU's buffer, or what stands for one where bytes are only counted. */
export interface PoolBuffer {
  /** In bytes. */
  readonly size: number;
  /** Gives its memory back to the system. */
  destroy(): void;
}

/** A pool of storage buffers. */
export interface BufferPool<B extends PoolBuffer = GPUBuffer> {
  /** A buffer of at least so many bytes, with any content. */
  take(bytes: number): B;
  /** Gives a buffer back. */
  give(buffer: B): void;
  /** Gives a buffer's memory back to the system. */
  drop(buffer: B): void;
  /** Bytes of all its buffers. */
  bytes(): number;
  /** Bytes of all its buffers at their highest so far. */
  peakBytes(): number;
}

/**
 * Makes a pool.
 *
 * @param create A new buffer of so many bytes.
 * @param limit The largest buffer that there may be, in bytes.
 * @throws {RangeError} From `take`, if the adapter has no buffers of so many bytes.
 */
export function bufferPool<B extends PoolBuffer>(create: (size: number) => B, limit: number): BufferPool<B> {
  const idle = new Map<number, B[]>();
  let now = 0;
  let peak = 0;
  return {
    take: (bytes) => {
      const size = roundedBytes(bytes);
      if (size > limit) {
        throw new RangeError(
          `Cannot make a buffer of ${bytes} bytes as the adapter allows ${limit}: ` +
            "lower sample.batch_size or train.batch_size",
        );
      }
      const reused = idle.get(size)?.pop();
      if (reused !== undefined) return reused;
      now += size;
      peak = Math.max(peak, now);
      return create(size);
    },
    give: (buffer) => {
      const list = idle.get(buffer.size) ?? [];
      list.push(buffer);
      idle.set(buffer.size, list);
    },
    drop: (buffer) => {
      now -= buffer.size;
      buffer.destroy();
    },
    bytes: () => now,
    peakBytes: () => peak,
  };
}

/** Makes a pool of a GPU's storage buffers. */
export function gpuBufferPool(device: GPUDevice): BufferPool {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  return bufferPool((size) => device.createBuffer({ size, usage }), device.limits.maxBufferSize);
}

/** Bytes of the buffer that so many bytes get. */
function roundedBytes(bytes: number): number {
  return Math.max(256, Math.ceil(bytes / 256) * 256);
}
