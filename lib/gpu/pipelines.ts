/**
 * Compute pipelines by shader text: the same text is built once.
 * @module
 */

import type { Access, Kernel } from "../../kernels/kernel.ts";

/** A pipeline and the layout its bind groups follow. */
export interface BuiltPipeline {
  readonly pipeline: GPUComputePipeline;
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
    try {
      const module = device.createShaderModule({ code: kernel.code, label: kernel.name });
      const pipeline = await device.createComputePipelineAsync({
        label: kernel.name,
        layout: layout.pipeline,
        compute: { module, entryPoint: "main" },
      });
      return { pipeline, layout: layout.group };
    } catch (cause) {
      throw new Error(`Cannot build ${kernel.name} as its shader does not compile:\n${kernel.code}`, {
        cause,
      });
    }
  };
  return {
    get: (kernel) => {
      const known = built.get(kernel.code) ?? build(kernel);
      built.set(kernel.code, known);
      return known;
    },
  };
}
