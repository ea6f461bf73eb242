/** What the adapter can do at best, measured: multiply-adds from registers, and bytes copied. */
import gridSource from "../../shaders/lib/grid.wgsl?raw";
import type { GpuContext } from "../../src/runtime/gpu/context.ts";
import { defineKernel, packParams } from "../../src/runtime/gpu/kernel.ts";
import type { ConstantValue, Kernel } from "../../src/runtime/gpu/kernel.ts";
import { gridSize } from "../../src/runtime/plan/launch.ts";
import copySource from "./copy_peak.wgsl?raw";
import fmaSource from "./fma_peak.wgsl?raw";
import type { GpuTimer, Timing } from "./timer.ts";

export interface Peak {
  /** GFLOP/s or GB/s. */
  readonly rate: number;
  /** The form of the calibration kernel that reached it. */
  readonly form: string;
}

export interface Peaks {
  /** GFLOP/s, a multiply-add counted as two. */
  readonly fma: Peak;
  /** GB/s, bytes read and bytes written together. */
  readonly copy: Peak;
}

const fmaKernel = defineKernel("fma_peak", fmaSource, gridSource);
const copyKernel = defineKernel("copy_peak", copySource, gridSource);

const VEC4_BYTES = 16;
const FLOPS_PER_STEP = 2 * 4;
const STEPS_PER_ROUND = 16;
const OPTIONS = { samples: 5, budget: 1500 };

/** Enough work to fill the adapter, and little enough that a slow one is done in time. */
const SIZES = {
  hardware: { groups: 4096, lanes: 256, rounds: 32, copyBytes: 256 * 2 ** 20 },
  software: { groups: 64, lanes: 64, rounds: 16, copyBytes: 64 * 2 ** 20 },
} as const;

export const microsOf = ({ gpu, wall }: Timing): number => (gpu ?? wall).median;

/** Runs a kernel of the form { params, input, output } and returns microseconds. */
async function timeKernel(
  context: GpuContext,
  timer: GpuTimer,
  { kernel, constants, params }: { kernel: Kernel; constants: Record<string, ConstantValue>; params: Record<string, number> },
  buffers: { input: GPUBuffer; output: GPUBuffer },
  groups: number,
): Promise<number> {
  const { device } = context;
  const { pipeline, layout } = await context.pipelines.compile(kernel, constants);
  const uniform = context.createBuffer("peak params", 16, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  device.queue.writeBuffer(uniform, 0, packParams(kernel, params));
  const entries = [uniform, buffers.input, buffers.output].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const bindGroup = device.createBindGroup({ label: kernel.name, layout, entries });
  const grid = gridSize({ lead: "shared", items: groups, perGroup: 1, depth: 1 }, 1);
  const timing = await timer.time((pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...grid);
  }, OPTIONS);
  context.destroyBuffer(uniform);
  // A peak is what was possible, whatever else the machine did meanwhile: the faster passes count.
  return (timing.gpu ?? timing.wall).low;
}

/** The better of two measurements, as before and after a long run. */
export function betterOf(a: Peaks, b: Peaks): Peaks {
  return { fma: a.fma.rate >= b.fma.rate ? a.fma : b.fma, copy: a.copy.rate >= b.copy.rate ? a.copy : b.copy };
}

/** The best of several forms of each calibration kernel: what suits one adapter spills the registers of another. */
export async function measurePeaks(context: GpuContext, timer: GpuTimer): Promise<Peaks> {
  const { device, adapter } = context;
  const { groups, lanes, rounds, copyBytes } = SIZES[adapter.software ? "software" : "hardware"];
  const { STORAGE, COPY_DST } = GPUBufferUsage;
  const best = (found: Peak | undefined, next: Peak): Peak => (found && found.rate >= next.rate ? found : next);

  const seeds = context.createBuffer("peak seeds", 2 * VEC4_BYTES, STORAGE | COPY_DST);
  device.queue.writeBuffer(seeds, 0, Float32Array.of(0.99, 0.98, 0.97, 0.96, 0.5, 0.25, 0.125, 0.0625));
  const sums = context.createBuffer("peak sums", groups * lanes * VEC4_BYTES, STORAGE);
  let fma: Peak | undefined;
  for (const chains of [2, 4, 8]) {
    for (const fused of [false, true]) {
      const constants = { LANES: lanes, CHAINS: chains, FUSED: fused };
      const request = { kernel: fmaKernel, constants, params: { rounds } };
      const micros = await timeKernel(context, timer, request, { input: seeds, output: sums }, groups);
      const flops = groups * lanes * rounds * STEPS_PER_ROUND * chains * FLOPS_PER_STEP;
      fma = best(fma, { rate: flops / micros / 1000, form: `${chains} chains of vec4, ${fused ? "fma()" : "a · x + b"}` });
    }
  }
  for (const buffer of [seeds, sums]) context.destroyBuffer(buffer);

  const bytes = Math.min(copyBytes, device.limits.maxStorageBufferBindingSize);
  const count = Math.floor(bytes / VEC4_BYTES);
  const [input, output] = ["from", "to"].map((name) => context.createBuffer(`peak copy ${name}`, bytes, STORAGE)) as [GPUBuffer, GPUBuffer];
  let copy: Peak | undefined;
  for (const vectors of [1, 4, 16]) {
    const request = { kernel: copyKernel, constants: { LANES: lanes, VECTORS: vectors }, params: { count } };
    const micros = await timeKernel(context, timer, request, { input, output }, Math.ceil(count / (lanes * vectors)));
    copy = best(copy, { rate: (2 * count * VEC4_BYTES) / micros / 1000, form: `${vectors} vec4 an invocation, ${bytes / 2 ** 20} MiB` });
  }
  for (const buffer of [input, output]) context.destroyBuffer(buffer);
  return { fma: fma!, copy: copy! };
}
