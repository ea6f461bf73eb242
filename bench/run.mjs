// Starts bench/main.ts, which Node cannot run by itself.

import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const server = await createServer({
  root: fileURLToPath(new URL("..", import.meta.url)),
  configFile: false,
  logLevel: "error",
  appType: "custom",
  oxc: { target: "node20" }, // Node 20 does not know `using`.
  server: { middlewareMode: true, ws: false, watch: null },
});
try {
  const { main } = await server.ssrLoadModule("/bench/main.ts");
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await server.close();
}
