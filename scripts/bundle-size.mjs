// The size of code as an app's bundler leaves it.

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ENTRY = "size-entry.js";

/** The chunks of a module and all it imports; packages in `external` are left out. */
export async function bundle(code, external = [], minify = true) {
  const entry = {
    name: "size-entry",
    resolveId: (id) => (id.endsWith(ENTRY) ? `${ROOT}${ENTRY}` : undefined),
    load: (id) => (id.endsWith(ENTRY) ? code : undefined),
  };
  // Vite leaves the white space of ES libraries alone, and an app's bundler does not: ask for an app's output.
  const result = await build({
    root: ROOT,
    configFile: `${ROOT}vite.config.ts`,
    logLevel: "error",
    plugins: [entry],
    build: {
      write: false,
      sourcemap: false,
      license: false,
      lib: { entry: ENTRY, formats: ["es"], fileName: "size" },
      rolldownOptions: { external, output: { minify } },
    },
  });
  const [{ output }] = [result].flat();
  return output;
}

/** Bytes of a module and all it imports, minified, and after gzip -9; packages in `external` are left out. */
export async function measureBundle(code, external = []) {
  const output = await bundle(code, external);
  const bundled = output.map((chunk) => chunk.code ?? "").join("");
  return { minified: Buffer.byteLength(bundled), gzip: gzipSync(bundled, { level: 9 }).length };
}
