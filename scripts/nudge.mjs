// The command from a clone: `npm run -s nudge -- info model.onnx`. Builds dist/nudge.js first where sources are newer.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const COMMAND = join(ROOT, "dist/nudge.js");

/** What dist/nudge.js is made from. */
const SOURCES = [
  ...["src", "shaders", "package-lock.json", "vite.cli.config.ts"],
  ...["scripts/vite-plugins.ts", "scripts/terse-wgsl.ts", "scripts/onnx-decoder.mjs", "scripts/build.mjs"],
];

/** When anything under a path last changed; a folder changes when a file in it comes or goes. */
function newest(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), stats.mtimeMs);
}

function isFresh() {
  const built = statSync(COMMAND, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return SOURCES.every((source) => newest(join(ROOT, source)) <= built);
}

// npm hands SIGTERM to the shell it starts, and the shell to nobody: who waits for this process is gone then.
if (process.env.npm_lifecycle_event) {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && process.kill(process.pid, "SIGTERM"), 200).unref();
}

if (!isFresh()) {
  const { buildCli } = await import("./build.mjs");
  await buildCli();
}
await import(COMMAND);
