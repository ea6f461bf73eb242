// Starts a benchmark of this folder, which Node cannot run by itself: node bench/run.mjs main|before [OPTIONS].

import { typescriptServer } from "../scripts/typescript.mjs";

const [name, ...args] = process.argv.slice(2);
const server = await typescriptServer();
try {
  const { main } = await server.ssrLoadModule(`/bench/${name}.ts`);
  process.exitCode = await main(args);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await server.close();
}
