// The kernel benchmarks in headless Chrome.
//
//   npm run bench:kernels [-- --only PATTERN] [--quick] [--large] [--f16] [--samples N] [--json] [--output FOLDER]
//                         [--gpu] [--no-robustness]
//
// Prints a table, and writes it as JSON with a roofline picture into bench/results.

import { pageServer, root } from "./typescript.mjs";

const { server, urlOf } = await pageServer();
const { chromeCommand } = await server.ssrLoadModule("/bench/kernels/chrome.ts");
const { rooflineOf } = await server.ssrLoadModule("/bench/kernels/roofline.ts");
try {
  await chromeCommand(urlOf("bench/kernels/index.html"), `${root}bench/results`, rooflineOf).parseAsync();
  process.exit(0);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
