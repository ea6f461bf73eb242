// Starts bench/main.ts, which Node cannot run by itself.

import { typescriptServer } from "../scripts/typescript.mjs";

const server = await typescriptServer();
try {
  const { main } = await server.ssrLoadModule("/bench/main.ts");
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await server.close();
}
