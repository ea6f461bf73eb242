import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import type { Command } from "commander";
import { AdapterError } from "../../runtime/errors.ts";
import { findManifests, userChoseDriver } from "../drivers.ts";
import { formatTable } from "../format.ts";
import { describeAdapter, findGpu, isSoftware } from "../gpu.ts";
import { addCommonOptions, type CommonOptions } from "../options.ts";
import type { App } from "../session.ts";
import { WATCHDOG } from "../watchdog.ts";

/** `nudge devices`: what each driver on this machine offers, and which adapter the other commands would take. */
export function registerDevices(program: Command, { terminal, signal }: App): void {
  const command = program
    .command("devices")
    .summary("list the GPU drivers and adapters of this machine")
    .description(
      "Tries every driver by itself, in a process of its own, and says which adapter it gives; then which one the other " +
        "commands would use with the same --adapter.",
    );
  addCommonOptions(command)
    .addHelpText("after", "\nExamples:\n  nudge devices\n  nudge devices --adapter software --json")
    .action(async ({ adapter }: CommonOptions) => {
      const found: Probe[] = [];
      for (const driver of driversToTry()) {
        terminal.progress(`trying ${driver ?? "the system's drivers"}`);
        found.push(await probe(driver, signal));
      }
      terminal.endProgress();
      terminal.print(formatTable(found.map((entry) => [entry.driver ?? "system", describeProbe(entry)])));
      let chosen: { driver?: string; adapter: string; software: boolean };
      try {
        const { info, driver } = await findGpu({ adapter });
        chosen = { driver, adapter: describeAdapter(info), software: isSoftware(info) };
      } catch (error) {
        terminal.report({ command: "devices", drivers: found, chosen: null });
        throw error;
      }
      terminal.print(`--adapter ${adapter} takes: ${chosen.adapter}`);
      terminal.report({ command: "devices", drivers: found, chosen });
    });
}

interface Probe {
  /** A manifest, or null for whatever the system's own choice is. */
  driver: string | null;
  adapter?: string;
  vendor?: string;
  architecture?: string;
  software?: boolean;
  features?: string[];
  problem?: string;
}

function driversToTry(): (string | undefined)[] {
  if (process.platform !== "linux" || userChoseDriver()) return [undefined];
  const { system, container, swiftshader } = findManifests();
  return [...system, ...container, ...swiftshader];
}

function describeProbe({ adapter, problem }: Probe): string {
  return adapter ?? `no adapter${problem ? ` (${problem})` : ""}`;
}

/** Asks for an adapter and prints what it is. A driver may crash or write to stderr: that stays in this process. */
const PROBE_SCRIPT = `
import { Worker } from "node:worker_threads";
const workerData = { parent: Number(process.argv[2]), patience: 0, interval: 200 };
new Worker(process.argv[3], { eval: true, workerData, execArgv: [] }).unref();
const { create } = await import(process.argv[1]);
const adapter = await create([]).requestAdapter();
const { vendor, architecture, device, description, isFallbackAdapter } = adapter?.info ?? {};
const info = adapter ? { vendor, architecture, device, description, isFallbackAdapter } : null;
process.stdout.write(JSON.stringify({ info, features: adapter ? [...adapter.features] : [] }));
process.exit(0);
`;
const PROBE_SECONDS = 30;

function probe(driver: string | undefined, signal: AbortSignal): Promise<Probe> {
  let url: string;
  try {
    url = pathToFileURL(createRequire(import.meta.url).resolve("webgpu")).href;
  } catch {
    throw new AdapterError("WebGPU in Node needs the package webgpu, which is not installed: npm install webgpu");
  }
  const env = { ...process.env };
  if (driver !== undefined) {
    env.VK_DRIVER_FILES = env.VK_ICD_FILENAMES = driver;
    // Chromium brings the Vulkan loader too, for systems without one.
    env.LD_LIBRARY_PATH = [env.LD_LIBRARY_PATH, dirname(driver)].filter(Boolean).join(":");
  }
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", PROBE_SCRIPT, url, String(process.pid), WATCHDOG], {
      env,
      stdio: ["ignore", "pipe", "ignore"],
      timeout: PROBE_SECONDS * 1000,
      killSignal: "SIGKILL",
      signal,
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", (error) => (signal.aborted ? reject(error) : resolve({ driver: driver ?? null, problem: error.message })));
    child.on("close", (code, killer) =>
      resolve(readProbe(driver ?? null, output, code === 0 ? undefined : (killer ?? `exit code ${code}`))),
    );
  });
}

function readProbe(driver: string | null, output: string, problem: string | undefined): Probe {
  if (problem !== undefined)
    return { driver, problem: problem === "SIGKILL" ? `no answer in ${PROBE_SECONDS} s` : `it crashed: ${problem}` };
  const { info, features } = JSON.parse(output) as { info: GPUAdapterInfo | null; features: string[] };
  if (!info) return { driver };
  const { vendor, architecture } = info;
  return { driver, adapter: describeAdapter(info), vendor, architecture, software: isSoftware(info), features };
}
