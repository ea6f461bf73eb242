/**
 * Plan → Program: pipelines, buffers, uniforms and bind groups, made once. A run only sets them: nothing is created,
 * compiled or bound anew in the steady state.
 */
import { packParams } from "../gpu/kernel.ts";
import type { GpuContext } from "../gpu/context.ts";
import type { CompiledKernel } from "../gpu/pipelines.ts";
import { Work } from "../gpu/work.ts";
import type { Value } from "../graph/graph.ts";
import { ALIGNMENT, align } from "./arena.ts";
import { gridSize } from "./launch.ts";
import type { Grid, Launch, Operand } from "./launch.ts";
import { isComputed } from "./plan.ts";
import type { Plan } from "./plan.ts";
import type { WeightStore } from "./weights.ts";

interface Step {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly grid: Grid;
}

/** Which launches to encode: the forward pass, what follows it, or both. */
export type Part = "forward" | "backward" | "all";

const INDIRECT_BYTES = 12;

export interface CompileProgress {
  (done: number, total: number): void;
}

export class Program {
  private disposed = false;
  /** Calls and attacks that use it now; one that is in use is not dropped for another. */
  users = 0;

  private constructor(
    readonly plan: Plan,
    private readonly gpu: GpuContext,
    private readonly steps: readonly Step[],
    private readonly portBuffers: ReadonlyMap<Value, GPUBuffer>,
    private readonly owned: readonly GPUBuffer[],
    /** Forward copies of the active samples; see shaders/lib/slots.wgsl. Starts as the identity. */
    readonly slots: GPUBuffer,
  ) {}

  /**
   * Compiles all pipelines concurrently, uploads missing weights, and makes every buffer and bind group. Throws ShaderCompileError,
   * LimitError, GpuError where the device refuses something, and then leaves nothing behind.
   */
  static async compile(plan: Plan, gpu: GpuContext, weights: WeightStore, label: string, onProgress?: CompileProgress): Promise<Program> {
    let done = 0;
    const compiling = Promise.all(
      plan.launches.map(async ({ kernel, constants }) => {
        const pipeline = await gpu.pipelines.compile(kernel, constants);
        onProgress?.(++done, plan.launches.length);
        return pipeline;
      }),
    );
    const uploading = new Work(gpu);
    let undo: (() => void) | undefined;
    const upload = async () => {
      // Weights are packed while the browser compiles.
      undo = uploading.scoped(`${label} weights`, () => weights.upload(plan.launches.flatMap(({ bindings }) => Object.values(bindings))));
      await uploading.settled();
    };
    const [uploaded, compiled] = await Promise.allSettled([upload(), compiling]);
    if (uploaded.status === "rejected") {
      undo?.();
      throw uploaded.reason;
    }
    if (compiled.status === "rejected") throw compiled.reason;

    const work = new Work(gpu);
    const owned: GPUBuffer[] = [];
    try {
      const program = work.scoped(label, () => Program.build(plan, gpu, weights, label, compiled.value, owned));
      await work.settled();
      return program;
    } catch (error) {
      for (const buffer of owned) gpu.destroyBuffer(buffer);
      throw error;
    }
  }

  /** `owned` takes every buffer as it is made. */
  private static build(
    plan: Plan,
    gpu: GpuContext,
    weights: WeightStore,
    label: string,
    compiled: readonly CompiledKernel[],
    owned: GPUBuffer[],
  ): Program {
    const { STORAGE, COPY_SRC, COPY_DST, UNIFORM } = GPUBufferUsage;
    const make = (name: string, bytes: number, usage: number, mapped = false) => {
      const buffer = gpu.createBuffer(`${label} ${name}`, bytes, usage, mapped);
      owned.push(buffer);
      return buffer;
    };
    const arena = plan.arena.buffers.map((bytes, i) => make(`arena ${i}`, bytes, STORAGE));
    const ports = new Map(
      [...plan.ports].map((value) => [value, make(`port ${value.name}`, plan.bytesOf(value), STORAGE | COPY_SRC | COPY_DST)]),
    );
    const slots = make("slots", plan.capacity * 4, STORAGE | COPY_DST);
    gpu.device.queue.writeBuffer(
      slots,
      0,
      Uint32Array.from({ length: plan.capacity }, (_, i) => i),
    );
    const uniforms = createUniforms(plan.launches, (bytes) => make("params", bytes, UNIFORM, true));

    const locate = (operand: Operand): GPUBufferBinding => {
      if (operand === "nothing") return { buffer: gpu.nothing };
      if (operand === "slots") return { buffer: slots };
      if (!isComputed(operand)) return weights.binding(operand);
      const root = plan.rootOf(operand);
      const port = ports.get(root);
      if (port) return { buffer: port };
      const { buffer, offset } = plan.placementOf(root);
      return { buffer: arena[buffer]!, offset, size: plan.bytesOf(root) };
    };
    const steps = plan.launches.map((launch, i) => ({
      pipeline: compiled[i]!.pipeline,
      grid: launch.grid,
      bindGroup: gpu.device.createBindGroup({
        label: `${launch.node} · ${launch.kernel.name}`,
        layout: compiled[i]!.layout,
        entries: launch.kernel.bindings.map(({ name, index, kind }) => ({
          binding: index,
          resource: kind === "uniform" ? uniforms(i) : locate(bound(launch, name)),
        })),
      }),
    }));
    return new Program(plan, gpu, steps, ports, owned, slots);
  }

  /** The buffer of an input or output of the graph; copies of it follow each other. */
  port(value: Value): GPUBuffer {
    return this.portBuffers.get(this.plan.rootOf(value))!;
  }

  private range(part: Part): [number, number] {
    const { forwardLaunches } = this.plan;
    return [part === "backward" ? forwardLaunches : 0, part === "forward" ? forwardLaunches : this.steps.length];
  }

  /** Encodes the launches for a number of samples ≤ capacity. */
  encode(pass: GPUComputePassEncoder, samples: number, part: Part = "all"): void {
    const [begin, end] = this.range(part);
    for (const step of this.steps.slice(begin, end)) this.encodeStep(pass, step, samples);
  }

  /** Encodes one launch alone, for benchmarks. */
  encodeLaunch(pass: GPUComputePassEncoder, index: number, samples: number): void {
    this.encodeStep(pass, this.steps[index]!, samples);
  }

  private encodeStep(pass: GPUComputePassEncoder, { pipeline, bindGroup, grid }: Step, samples: number): void {
    const copies = grid.lead === "row" ? samples * this.plan.rows : grid.lead === "sample" ? samples : 1;
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...gridSize(grid, copies));
  }

  /** The grids as shaders/deepfool/grids.wgsl needs them to size dispatches by a number of samples the GPU knows. */
  gridTable(): { data: Uint32Array<ArrayBuffer>; forwardLaunches: number } {
    const { rows, forwardLaunches } = this.plan;
    const data = this.steps.flatMap(({ grid }) => {
      const copiesPerSample = grid.lead === "row" ? rows : grid.lead === "sample" ? 1 : 0;
      return [copiesPerSample * grid.items, copiesPerSample === 0 ? grid.items : 0, grid.perGroup, grid.depth];
    });
    return { data: Uint32Array.from(data), forwardLaunches };
  }

  /** Encodes the launches with grids read from a buffer of one {x, y, z} per launch of the whole program. */
  encodeIndirect(pass: GPUComputePassEncoder, grids: GPUBuffer, part: Part): void {
    const [begin, end] = this.range(part);
    for (let i = begin; i < end; i++) {
      const { pipeline, bindGroup } = this.steps[i]!;
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroupsIndirect(grids, i * INDIRECT_BYTES);
    }
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const buffer of this.owned) this.gpu.destroyBuffer(buffer);
  }
}

function bound(launch: Launch, name: string): Operand {
  const operand = launch.bindings[name];
  if (operand === undefined) throw new Error(`node ${launch.node}: kernel ${launch.kernel.name} needs binding ${name}`);
  return operand;
}

/** All uniform structs of a program in one buffer, each at an offset that a binding may have; the binding of each launch. */
function createUniforms(launches: readonly Launch[], makeMapped: (bytes: number) => GPUBuffer): (launch: number) => GPUBufferBinding {
  const packed = launches.map(({ kernel, params }) => packParams(kernel, params));
  const stride = align(Math.max(ALIGNMENT, ...packed.map(({ byteLength }) => byteLength)));
  const buffer = makeMapped(Math.max(1, launches.length) * stride);
  const target = buffer.getMappedRange();
  packed.forEach((words, i) => new Uint32Array(target, i * stride, words.length).set(words));
  buffer.unmap();
  return (i) => ({ buffer, offset: i * stride, size: packed[i]!.byteLength });
}
