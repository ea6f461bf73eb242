/** The one engine that GPU tests of a process share. Fails, never skips, when there is no adapter. NUDGE_ADAPTER chooses one. */
import { createEngine } from "../../src/index.ts";
import type { AdapterChoice, Engine } from "../../src/index.ts";
import { openGpu } from "../../src/cli/gpu.ts";

let shared: Promise<Engine> | undefined;

export function sharedEngine(): Promise<Engine> {
  shared ??= openGpu({ adapter: process.env["NUDGE_ADAPTER"] as AdapterChoice | undefined }).then(({ engine }) => engine);
  return shared;
}

export { createEngine };
