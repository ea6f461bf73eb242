// Writes docs/operators.md from the registry of ops and the counts of the last `npm run conformance -- --write`.

import { readFileSync, writeFileSync } from "node:fs";
import { root, typescriptServer } from "./typescript.mjs";

const server = await typescriptServer();
const { operatorsTable } = await server.ssrLoadModule("/scripts/operators-table.ts");
const counts = JSON.parse(readFileSync(`${root}/test/conformance/counts.json`, "utf8"));
writeFileSync(`${root}/docs/operators.md`, await operatorsTable(counts));
await server.close();
