/** The kernel benchmarks in a page; scripts/bench-kernels.mjs opens it, and calls what it puts on the window. */
import { GpuContext } from "../../src/runtime/gpu/context.ts";
import type { Report } from "./report.ts";
import { runKernels } from "./run.ts";
import type { KernelOptions } from "./run.ts";

declare global {
  interface Window {
    /** Runs the benchmarks; progress goes to the console. */
    kernelBenchmarks: (options: KernelOptions, host: string, robustness: boolean) => Promise<Report>;
  }
}

window.kernelBenchmarks = async (options, host, robustness) => {
  const context = await GpuContext.open();
  try {
    return await runKernels(context, { host, robustness }, options, (line) => console.log(line));
  } finally {
    context.dispose();
  }
};
