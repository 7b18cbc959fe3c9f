/**
 * Compute pipelines by shader text: the same text is built once.
 * @module
 */

import type { Access, Kernel } from "../../kernels/kernel.ts";

/** A pipeline and the layout its bind groups follow. */
export interface BuiltPipeline {
  /** The pipeline. */
  readonly pipeline: GPUComputePipeline;
  /** The layout of its only bind group. */
  readonly layout: GPUBindGroupLayout;
}

/** Builds pipelines. */
export interface PipelineCache {
  /**
   * The pipeline of a kernel.
   *
   * @throws {Error} If the shader does not compile, with its text.
   */
  get(kernel: Kernel): Promise<BuiltPipeline>;
}

/** Makes a cache for a device. */
export function pipelineCache(device: GPUDevice): PipelineCache {
  const built = new Map<string, Promise<BuiltPipeline>>();
  const layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();
  const layoutOf = (bindings: readonly Access[]) => {
    const signature = bindings.join();
    const known = layouts.get(signature);
    if (known !== undefined) return known;
    const group = device.createBindGroupLayout({
      entries: bindings.map((access, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: access === "read" ? "read-only-storage" : "storage" },
      })),
    });
    const layout = { group, pipeline: device.createPipelineLayout({ bindGroupLayouts: [group] }) };
    layouts.set(signature, layout);
    return layout;
  };
  const build = async (kernel: Kernel): Promise<BuiltPipeline> => {
    const layout = layoutOf(kernel.bindings);
    const { name: label, code } = kernel;
    const refuse = (why: string, cause?: unknown) => {
      throw new Error(`Cannot build ${label} as its shader does not compile: ${why}\n${code}`, { cause });
    };
    // In a scope of its own a broken shader is this kernel's error and not the device's.
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code, label });
    const problem = await device.popErrorScope();
    if (problem !== null) refuse(problem.message);
    const pipeline = await device.createComputePipelineAsync({
      label,
      layout: layout.pipeline,
      compute: { module, entryPoint: "main" },
    }).catch((cause) => refuse(cause.message, cause) as never);
    return { pipeline, layout: layout.group };
  };
  return {
    get: (kernel) => {
      const known = built.get(kernel.code) ?? build(kernel);
      built.set(kernel.code, known);
      return known;
    },
  };
}
