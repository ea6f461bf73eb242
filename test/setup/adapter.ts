/**
 * Before any GPU test: makes sure that there is an adapter, installing a software one where that is possible, as `npm start`
 * does. Runs in a process of its own, because Dawn keeps the one it is loaded into from ending.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

let checked = false;

export default function ensureAdapter(): void {
  if (checked) return;
  const { status, signal } = spawnSync(process.execPath, [fileURLToPath(new URL("find-adapter.mjs", import.meta.url))], {
    stdio: "inherit",
  });
  if (status !== 0) throw new Error(`GPU tests need a WebGPU adapter (${signal ?? `see above`})`);
  checked = true;
}
