/**
 * Opening a GPU with buffers as large and as many as it offers, and telling what it is.
 * @module
 */

import type { Target } from "../../kernels/kernel.ts";
import { largestBinding } from "../engine/limits.ts";

/** A GPU ready to be used. */
export interface Gpu {
  /** The device, with its adapter's limits on buffers. */
  readonly device: GPUDevice;
  /** The adapter's own name. */
  readonly name: string;
  /** What kernel generators need to know of it. */
  readonly target: Target;
  /** Whether single kernels can be timed. */
  readonly canTime: boolean;
}

/**
 * Opens the system's GPU, or the software adapter where there is none.
 *
 * @param gpu `navigator.gpu`.
 * @throws {Error} If there is no adapter at all, with what to install.
 */
export async function openGpu(gpu: GPU | undefined): Promise<Gpu> {
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" }) ?? null;
  if (adapter === null) {
    throw new Error(
      "Cannot compute as no WebGPU adapter was found: install a Vulkan driver " +
        "(on Debian and Ubuntu without a GPU: apt-get install mesa-vulkan-drivers)",
    );
  }
  const canTime = adapter.features.has("timestamp-query");
  const { limits } = adapter;
  const device = await adapter.requestDevice({
    requiredFeatures: canTime ? ["timestamp-query"] : [],
    requiredLimits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    },
  });
  const { info } = adapter;
  const { vendor, architecture, description } = info;
  const name = [description, vendor, architecture].find((text) => text) ?? "unknown adapter";
  const target = {
    software: isSoftware(info),
    maxBindingBytes: largestBinding(device.limits),
  };
  return { device, name, target, canTime };
}

/** Whether an adapter is the processor in truth: Mesa's on Linux, Chrome's, or Windows' own. */
export function isSoftware(
  { isFallbackAdapter, description, vendor, architecture }: GPUAdapterInfo,
): boolean {
  const names = `${description} ${vendor} ${architecture}`;
  return isFallbackAdapter || /llvmpipe|lavapipe|swiftshader|basic render/i.test(names);
}
