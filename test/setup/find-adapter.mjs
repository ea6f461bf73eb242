// Finds an adapter as the GPU tests will, and installs a software one where there is none; exits with 1 if that fails.

import { typescriptServer } from "../../scripts/typescript.mjs";

const server = await typescriptServer();
const { findGpu } = await server.ssrLoadModule("/src/cli/gpu.ts");
try {
  await findGpu({ adapter: process.env.NUDGE_ADAPTER, installIfMissing: true, log: (line) => console.error(line) });
  process.exit(0);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
