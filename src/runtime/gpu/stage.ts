/** One dispatch of a kernel with fixed bindings: how algorithms run their own kernels around a program's. */
import type { GpuContext } from "./context.ts";
import { packParams } from "./kernel.ts";
import type { ConstantValue, Kernel, ParamValue } from "./kernel.ts";
import { Work } from "./work.ts";

export interface StageRequest {
  readonly kernel: Kernel;
  readonly constants?: Readonly<Record<string, ConstantValue>>;
  readonly buffers: Readonly<Record<string, GPUBuffer>>;
  readonly params?: Readonly<Record<string, ParamValue>>;
}

/** What a stage runs once its kernel is compiled. */
interface Bound {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
}

export class Stage {
  /** Settles when the stage can be encoded; rejects with ShaderCompileError. */
  readonly ready: Promise<void>;
  private bound: Bound | undefined;
  private readonly uniform: GPUBuffer | undefined;

  /** Has the kernel compiled, beside others', and binds the buffers by the names its WGSL gives them. */
  constructor(
    private readonly gpu: GpuContext,
    { kernel, constants = {}, buffers, params = {} }: StageRequest,
  ) {
    const words = packParams(kernel, params);
    const work = new Work(gpu);
    if (words.length > 0) {
      this.uniform = work.scoped(`${kernel.name} params`, () => {
        const uniform = gpu.createBuffer(`${kernel.name} params`, words.byteLength, GPUBufferUsage.UNIFORM, true);
        new Uint32Array(uniform.getMappedRange(0, words.byteLength)).set(words);
        uniform.unmap();
        return uniform;
      });
    }
    const entries = kernel.bindings.map(({ name, index, kind }) => {
      const buffer = kind === "uniform" ? this.uniform : buffers[name];
      if (!buffer) throw new Error(`kernel ${kernel.name} needs binding ${name}`);
      return { binding: index, resource: { buffer } };
    });
    this.ready = gpu.pipelines.compile(kernel, constants).then(({ pipeline, layout }) => {
      const make = () => gpu.device.createBindGroup({ label: kernel.name, layout, entries });
      this.bound = { pipeline, bindGroup: work.scoped(kernel.name, make) };
      return work.settled();
    });
  }

  /** `rows` rows of `groups` groups, for lines that are folded. */
  encode(pass: GPUComputePassEncoder, groups = 1, rows = 1): void {
    this.set(pass);
    pass.dispatchWorkgroups(groups, rows);
  }

  encodeIndirect(pass: GPUComputePassEncoder, grids: GPUBuffer, offset: number): void {
    this.set(pass);
    pass.dispatchWorkgroupsIndirect(grids, offset);
  }

  dispose(): void {
    if (this.uniform) this.gpu.destroyBuffer(this.uniform);
  }

  private set(pass: GPUComputePassEncoder): void {
    const { pipeline, bindGroup } = this.bound!;
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
  }
}
