// Finds an adapter as the GPU tests will, and installs a software one where there is none; exits with 1 if that fails.

import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const root = fileURLToPath(new URL("../..", import.meta.url));
const server = await createServer({
  root,
  configFile: false,
  logLevel: "error",
  appType: "custom",
  server: { middlewareMode: true, ws: false, watch: null },
});
const { findGpu } = await server.ssrLoadModule("/src/cli/gpu.ts");
try {
  await findGpu({ adapter: process.env.NUDGE_ADAPTER, installIfMissing: true, log: (line) => console.error(line) });
  process.exit(0);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
