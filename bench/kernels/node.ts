/** The kernel benchmarks in Node, through Dawn. */
import { Command, Option } from "commander";
import { findGpu } from "../../src/cli/gpu.ts";
import type { AdapterChoice } from "../../src/index.ts";
import { GpuContext } from "../../src/runtime/gpu/context.ts";
import { withKernelOptions } from "./options.ts";
import type { CommandOptions } from "./options.ts";
import { runKernels } from "./run.ts";
import { deliver } from "./save.ts";
import type { Draw } from "./save.ts";

interface NodeOptions extends CommandOptions {
  readonly adapter: AdapterChoice;
  readonly robustness: boolean;
}

/** Dawn's toggles. Rounded timestamps protect pages from each other; here there is nobody else. */
export function dawnOptions({ robustness }: { robustness: boolean }): string[] {
  return ["disable-dawn-features=timestamp_quantization", ...(robustness ? [] : ["enable-dawn-features=disable_robustness"])];
}

export const adapterOption = () =>
  new Option("--adapter <choice>", "which adapter").choices(["auto", "software", "high-performance", "low-power"]).default("auto");

/** Milliseconds of processor time of this process, all threads. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The command `kernels`. `output` is where reports go unless the user says otherwise. */
export function kernelsCommand(output: string, draw?: Draw): Command {
  const command = new Command("kernels").description("times every kernel variant on layers of real networks");
  return withKernelOptions(command, output)
    .addOption(adapterOption())
    .option("--no-robustness", "without the clamps that Dawn puts around indices")
    .action(async (options: NodeOptions) => {
      const { adapter, robustness } = options;
      const { gpu } = await findGpu({ adapter, dawn: dawnOptions(options) });
      const context = await GpuContext.open({ gpu, adapter: adapter === "software" ? "auto" : adapter });
      const environment = { host: `Node ${process.versions.node}, Dawn`, robustness };
      const report = await runKernels(context, environment, options, (line) => console.error(line), processorTime);
      await deliver(report, options, draw);
      context.dispose();
    });
}
