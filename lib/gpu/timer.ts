/**
 * Timing work on the GPU by timestamp queries.
 * @module
 */

/** Work that is encoded into a compute pass. */
export type Job = (pass: GPUComputePassEncoder) => void;

/** Passes that one query set can time. */
const MOST_PASSES = 2048;

/**
 * Milliseconds that each job takes on the GPU, every job in a pass of its own, in order.
 *
 * Drivers compile when a shader first runs: run jobs once before they are timed.
 *
 * @param device One with `timestamp-query`.
 */
export async function timeJobs(device: GPUDevice, jobs: readonly Job[]): Promise<number[]> {
  const times: number[] = [];
  for (let start = 0; start < jobs.length; start += MOST_PASSES) {
    times.push(...await timePart(device, jobs.slice(start, start + MOST_PASSES)));
  }
  return times;
}

/** Runs jobs in one pass, untimed. */
export function runJobs(device: GPUDevice, jobs: readonly Job[]): void {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const job of jobs) job(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

async function timePart(device: GPUDevice, jobs: readonly Job[]): Promise<number[]> {
  const size = 16 * jobs.length;
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 * jobs.length });
  const resolved = device.createBuffer({
    size,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  });
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  jobs.forEach((job, i) => {
    const timestampWrites = {
      querySet,
      beginningOfPassWriteIndex: 2 * i,
      endOfPassWriteIndex: 2 * i + 1,
    };
    const pass = encoder.beginComputePass({ timestampWrites });
    job(pass);
    pass.end();
  });
  encoder.resolveQuerySet(querySet, 0, 2 * jobs.length, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const stamps = new BigUint64Array(staging.getMappedRange().slice(0));
  staging.destroy();
  resolved.destroy();
  querySet.destroy();
  return jobs.map((_, i) => Number(stamps[2 * i + 1]! - stamps[2 * i]!) / 1e6);
}
