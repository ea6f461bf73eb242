// The kernel benchmarks in headless Chrome.
//
//   npm run bench:kernels [-- --only PATTERN] [--quick] [--large] [--f16] [--samples N] [--json] [--output FOLDER]
//                         [--gpu] [--no-robustness]
//
// Prints a table, and writes it as JSON with a roofline picture into bench/results.

import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const server = await createServer({
  root,
  configFile: false,
  logLevel: "error",
  oxc: { target: "es2022" },
  optimizeDeps: { noDiscovery: true, include: ["onnx-proto"] }, // CommonJS, which pages cannot import.
  server: { host: "127.0.0.1", port: 0, ws: false, watch: null },
});
await server.listen();
const url = new URL("bench/kernels/index.html", server.resolvedUrls.local[0]).href;
const { chromeCommand } = await server.ssrLoadModule("/bench/kernels/chrome.ts");
const { rooflineOf } = await server.ssrLoadModule("/bench/kernels/roofline.ts");
try {
  await chromeCommand(url, `${root}bench/results`, rooflineOf).parseAsync();
  process.exit(0);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
