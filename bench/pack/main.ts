/** The command of the portable pack (`npm run bench:pack`): all benchmarks that need neither browser nor network. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { kernelsCommand } from "../kernels/node.ts";
import { deepfoolCommand } from "./deepfool.ts";
import { driverEnvironment, printProbe } from "./drivers.ts";
import type { AdapterChoice } from "../../src/index.ts";

const SCRIPT = fileURLToPath(import.meta.url);
const ROOT = dirname(dirname(SCRIPT));
const RESULTS = join(ROOT, "results");
/** Tells the process that runs the benchmarks from the one that looks for a driver. */
const SETTLED = "NUDGE_BENCH_DRIVER";

function adapterOf(words: readonly string[]): AdapterChoice {
  const at = words.indexOf("--adapter");
  return (at >= 0 ? words[at + 1] : "auto") as AdapterChoice;
}

/** Runs this command once more with the driver settled. Returns its exit code. */
function again(words: readonly string[], environment: Readonly<Record<string, string>>): number {
  const { status } = spawnSync(process.execPath, [SCRIPT, ...words], {
    env: { ...process.env, ...environment, [SETTLED]: "yes" },
    stdio: "inherit",
  });
  return status ?? 1;
}

function runAll(words: readonly string[]): number {
  const environment = driverEnvironment(SCRIPT, join(ROOT, "lib/vulkan"), adapterOf(words));
  const known = ["kernels", "deepfool", "help", "--help", "-h"];
  if (words.some((word) => known.includes(word))) return again(words, environment);
  // Without a command: everything. One failure does not keep the other from running.
  const codes = ["kernels", "deepfool"].map((command) => again([command, ...words], environment));
  return Math.max(...codes);
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  if (words[0] === "probe") return printProbe();
  if (process.env[SETTLED] !== "yes") process.exit(runAll(words));
  await new Command("run.sh")
    .description("benchmarks of Nudge; without a command, all of them")
    .addCommand(kernelsCommand(RESULTS))
    .addCommand(deepfoolCommand(RESULTS, join(ROOT, "models")))
    .parseAsync();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
