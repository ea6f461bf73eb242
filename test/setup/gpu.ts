/** In every file of GPU tests: fails at once where there is no adapter, and notes on each test that it ran on one. */
import { beforeAll, beforeEach } from "vitest";
import type { AdapterDescription } from "../../src/index.ts";
import { sharedEngine } from "../gpu/engine.ts";

declare module "vitest" {
  interface TaskMeta {
    /** The adapters that a GPU test ran on, for the report at the end. */
    adapters?: string[];
  }
}

export function nameOf({ description, device, vendor, architecture, software }: AdapterDescription): string {
  return `${description || device || `${vendor} ${architecture}`.trim() || "unnamed adapter"}${software ? " (software)" : ""}`;
}

let adapter: string;

beforeAll(async () => {
  adapter = nameOf((await sharedEngine()).adapter);
});

beforeEach(({ task }) => {
  task.meta.adapters = [adapter];
});
