/**
 * What an adapter can do at best: multiply-adds that wait for nothing, and copies.
 * @module
 */

import { declare } from "../kernels/kernel.ts";
import type { Gpu } from "../lib/gpu/device.ts";
import { type Job, runJobs, timeJobs } from "../lib/gpu/timer.ts";

/** Measures an adapter. */
export interface Peak {
  /** GFLOP/s of unrolled multiply-adds in registers, now; the best of a few runs. */
  multiplyAdd(): Promise<number>;
  /** GB/s of a copy in memory, now, bytes read and bytes written counted; the best of a few runs. */
  copy(): Promise<number>;
  /** Gives the memory back. */
  free(): void;
}

/** Runs of a measurement; the best counts. */
const ROUNDS = 3;
/** Milliseconds that one run is to take. */
const RUN_MS = 25;
const CHAINS = 8;
const UNROLLED = 8;
const LANES = 64;
const WORKGROUPS = 256;
/** Operations of one turn of the loop in all invocations. */
const TURN_FLOPS = 2 * 4 * CHAINS * UNROLLED * LANES * WORKGROUPS;
const COPY_BYTES = 32 << 20;

/** Prepares the measurements. */
export function peak({ device }: Gpu): Peak {
  const turns = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
  const sums = device.createBuffer({ size: 16 * LANES * WORKGROUPS, usage: GPUBufferUsage.STORAGE });
  const [from, to] = [0, 1].map(() =>
    device.createBuffer({ size: COPY_BYTES, usage: GPUBufferUsage.STORAGE })
  );
  const add = jobOf(device, multiplyAddShader(), [turns, sums], WORKGROUPS);
  const copy = jobOf(device, copyShader(), [from!, to!], COPY_BYTES / 16 / LANES / 4);
  const best = async (job: Job) => Math.min(...await timeJobs(device, Array<Job>(ROUNDS).fill(job)));
  let count = 0;
  const setTurns = (value: number) => {
    count = value;
    device.queue.writeBuffer(turns, 0, new Uint32Array([count]));
  };
  return {
    multiplyAdd: async () => {
      if (count === 0) {
        setTurns(1);
        runJobs(device, [add]);
        for (let ms = 0; ms < RUN_MS;) {
          setTurns(2 * count);
          ms = await best(add);
        }
      }
      return count * TURN_FLOPS / await best(add) / 1e6;
    },
    copy: async () => {
      runJobs(device, [copy]);
      return 2 * COPY_BYTES / await best(copy) / 1e6;
    },
    free: () => [turns, sums, from, to].forEach((buffer) => buffer!.destroy()),
  };
}

/** Eight chains of vec4f that depend on themselves alone. */
function multiplyAddShader(): string {
  const chains = Array.from({ length: CHAINS }, (_, i) => i);
  const lines = Array.from({ length: UNROLLED }, () => chains.map((i) => `c${i} = fma(c${i}, a, b);`)).flat();
  return `${
    declare([
      { name: "turns", type: "u32", access: "read" },
      { name: "sums", type: "vec4f", access: "read_write" },
    ])
  }

@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = vec4f(0.5);
  let b = vec4f(f32(id.x));
  ${chains.map((i) => `var c${i} = vec4f(${i}.0) * b;`).join("\n  ")}
  for (var turn = 0u; turn < turns[0]; turn++) {
    ${lines.join("\n    ")}
  }
  sums[id.x] = ${chains.map((i) => `c${i}`).join(" + ")};
}
`;
}

/** Four vec4f an invocation, neighbours together. */
function copyShader(): string {
  return `${
    declare([{ name: "x", type: "vec4f", access: "read" }, {
      name: "y",
      type: "vec4f",
      access: "read_write",
    }])
  }

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.x * ${4 * LANES}u + lane;
  ${[0, 1, 2, 3].map((n) => `let v${n} = x[i + ${n * LANES}u];`).join("\n  ")}
  ${[0, 1, 2, 3].map((n) => `y[i + ${n * LANES}u] = v${n};`).join("\n  ")}
}
`;
}

function jobOf(device: GPUDevice, code: string, buffers: readonly GPUBuffer[], workgroups: number): Job {
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  return (pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(workgroups);
  };
}
