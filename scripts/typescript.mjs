// The project's TypeScript for scripts that Node runs as they are: modules by their path from the root, through Vite.

import { fileURLToPath } from "node:url";
import { createServer } from "vite";
import { onnxDecoder } from "./onnx-decoder.mjs";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** A server that loads modules: `await server.ssrLoadModule("/src/index.ts")`. */
export function typescriptServer() {
  return createServer({
    root,
    configFile: false,
    plugins: [onnxDecoder()],
    logLevel: "error",
    appType: "custom",
    oxc: { target: "node20" }, // Node 20 does not know `using`.
    server: { middlewareMode: true, ws: false, watch: null },
  });
}

/** A server of pages, on loopback, that loads modules too; `urlOf` says where a page is. */
export async function pageServer() {
  const server = await createServer({
    root,
    configFile: false,
    plugins: [onnxDecoder()],
    logLevel: "error",
    oxc: { target: "es2022" },
    optimizeDeps: { noDiscovery: true, include: ["onnx-proto"] }, // CommonJS, which pages cannot import.
    server: { host: "127.0.0.1", port: 0, ws: false, watch: null },
  });
  await server.listen();
  return { server, urlOf: (page) => new URL(page, server.resolvedUrls.local[0]).href };
}
