/**
 * Which Vulkan driver the pack uses. A machine with a GPU driver may lack what describes it to Vulkan: containers often mount
 * NVIDIA's libraries without a manifest, and without the X libraries that one of them wants. The pack brings manifests for
 * these cases, and asks each in a process of its own, because a driver that does not fit may end the process.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { findGpu, isSoftware } from "../../src/cli/gpu.ts";
import type { AdapterChoice } from "../../src/index.ts";

export interface Probe {
  readonly name: string;
  readonly software: boolean;
}

const CHOSEN_BY_USER = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"];
const PROBE_TIMEOUT = 60_000;

/** Prints, as JSON, which adapter this process gets. */
export async function printProbe(): Promise<void> {
  const { info } = await findGpu();
  const probe: Probe = { name: info.description || info.device, software: isSoftware(info) };
  console.log(JSON.stringify(probe));
}

function probeWith(script: string, environment: Readonly<Record<string, string>>): Probe | undefined {
  const { stdout, status } = spawnSync(process.execPath, [script, "probe"], {
    env: { ...process.env, ...environment },
    encoding: "utf8",
    timeout: PROBE_TIMEOUT,
  });
  const line = status === 0 ? stdout.trim().split("\n").at(-1) : undefined;
  return line?.startsWith("{") ? (JSON.parse(line) as Probe) : undefined;
}

/** Variables that make the best adapter of this machine the one that is found; empty where nothing needs to be said. */
export function driverEnvironment(script: string, manifests: string, adapter: AdapterChoice): Record<string, string> {
  if (adapter === "software" || CHOSEN_BY_USER.some((name) => process.env[name])) return {};
  const plain = probeWith(script, {});
  if (plain && !plain.software) return {};
  const files = readdirSync(manifests).filter((name) => name.endsWith(".json"));
  for (const name of files.sort()) {
    const environment = { VK_DRIVER_FILES: join(manifests, name), VK_ICD_FILENAMES: join(manifests, name) };
    const found = probeWith(script, environment);
    if (found && !found.software) return environment;
  }
  return {};
}
