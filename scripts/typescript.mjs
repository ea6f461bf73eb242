// The project's TypeScript for scripts that Node runs as they are: modules by their path from the root, through Vite.

import { fileURLToPath } from "node:url";
import { createServer } from "vite";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** A server that loads modules: `await server.ssrLoadModule("/src/index.ts")`. */
export function typescriptServer() {
  return createServer({
    root,
    configFile: false,
    logLevel: "error",
    appType: "custom",
    oxc: { target: "node20" }, // Node 20 does not know `using`.
    server: { middlewareMode: true, ws: false, watch: null },
  });
}
