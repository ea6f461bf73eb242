// Writes docs/operators.md from the registry of ops and the counts of the last `npm run conformance -- --write`.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const server = await createServer({
  root,
  configFile: false,
  logLevel: "error",
  appType: "custom",
  server: { middlewareMode: true, ws: false, watch: null },
});
const { operatorsTable } = await server.ssrLoadModule("/scripts/operators-table.ts");
const counts = JSON.parse(readFileSync(`${root}/test/conformance/counts.json`, "utf8"));
writeFileSync(`${root}/docs/operators.md`, operatorsTable(counts));
await server.close();
