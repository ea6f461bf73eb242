// The kernel benchmarks in Node, through Dawn.
//
//   npm run bench:node [-- --only PATTERN] [--quick] [--large] [--f16] [--samples N] [--json] [--output FOLDER]
//                      [--adapter CHOICE] [--no-robustness]
//
// Prints a table, and writes it as JSON with a roofline picture into bench/results.

import { root, typescriptServer } from "./typescript.mjs";

const server = await typescriptServer();
const { kernelsCommand } = await server.ssrLoadModule("/bench/kernels/node.ts");
const { rooflineOf } = await server.ssrLoadModule("/bench/kernels/roofline.ts");
try {
  await kernelsCommand(`${root}bench/results`, rooflineOf).name("bench:node").parseAsync();
  process.exit(0);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
