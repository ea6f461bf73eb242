/** One dispatch of a kernel with fixed bindings: how algorithms run their own kernels around a program's. */
import type { GpuContext } from "./context.ts";
import { packParams } from "./kernel.ts";
import type { ConstantValue, Kernel, ParamValue } from "./kernel.ts";

export interface StageRequest {
  readonly kernel: Kernel;
  readonly constants?: Readonly<Record<string, ConstantValue>>;
  readonly buffers: Readonly<Record<string, GPUBuffer>>;
  readonly params?: Readonly<Record<string, ParamValue>>;
}

export class Stage {
  private constructor(
    private readonly pipeline: GPUComputePipeline,
    private readonly bindGroup: GPUBindGroup,
    private readonly uniform: GPUBuffer | undefined,
    private readonly gpu: GpuContext,
  ) {}

  /** Compiles the kernel and binds the buffers by the names its WGSL gives them. */
  static async create(gpu: GpuContext, { kernel, constants = {}, buffers, params = {} }: StageRequest): Promise<Stage> {
    const { pipeline, layout } = await gpu.pipelines.compile(kernel, constants);
    const words = packParams(kernel, params);
    let uniform: GPUBuffer | undefined;
    if (words.length > 0) {
      uniform = gpu.createBuffer(`${kernel.name} params`, words.byteLength, GPUBufferUsage.UNIFORM, true);
      new Uint32Array(uniform.getMappedRange(0, words.byteLength)).set(words);
      uniform.unmap();
    }
    const entries = kernel.bindings.map(({ name, index, kind }) => {
      const buffer = kind === "uniform" ? uniform : buffers[name];
      if (!buffer) throw new Error(`kernel ${kernel.name} needs binding ${name}`);
      return { binding: index, resource: { buffer } };
    });
    return new Stage(pipeline, gpu.device.createBindGroup({ label: kernel.name, layout, entries }), uniform, gpu);
  }

  encode(pass: GPUComputePassEncoder, groups = 1): void {
    pass.setPipeline(this.pipeline);
    pass.setBindGroup(0, this.bindGroup);
    pass.dispatchWorkgroups(groups);
  }

  encodeIndirect(pass: GPUComputePassEncoder, grids: GPUBuffer, offset: number): void {
    pass.setPipeline(this.pipeline);
    pass.setBindGroup(0, this.bindGroup);
    pass.dispatchWorkgroupsIndirect(grids, offset);
  }

  dispose(): void {
    if (this.uniform) this.gpu.destroyBuffer(this.uniform);
  }
}
