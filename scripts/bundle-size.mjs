// The size of code as an app's bundler leaves it.

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ENTRY = "size-entry.js";

/** The modules that read ONNX's bytes, to be left out where they are stated apart. */
export const ONNX_READING = [/src\/runtime\/onnx\/(?:reader|decode|external-data)\.ts$/, /^virtual:/];

/** What an app takes of Nudge, by names of its public surface; "*" takes everything. */
export const exporting = (names) => `export ${names === "*" ? names : `{ ${names} }`} from ${JSON.stringify(`${ROOT}src/index.ts`)};`;

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
      // An app's entry exports nothing that has to stand alone: what the chunks share lies in it.
      rolldownOptions: { external, preserveEntrySignatures: "allow-extension", output: { minify } },
    },
  });
  const [{ output }] = [result].flat();
  return output;
}

/** Bytes of files, minified, and after gzip -9, each by itself. */
function weigh(chunks) {
  return {
    minified: chunks.reduce((sum, { code }) => sum + Buffer.byteLength(code), 0),
    gzip: chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0),
  };
}

/**
 * Bytes of a module and all it imports: what is downloaded at first, and what dynamic imports may fetch later. Packages in
 * `external` are left out.
 */
export async function measureBundle(code, external = []) {
  const chunks = (await bundle(code, external)).filter(({ type }) => type === "chunk");
  const byName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  const first = new Set();
  const visit = (chunk) => {
    if (!chunk || first.has(chunk)) return;
    first.add(chunk);
    for (const name of chunk.imports) visit(byName.get(name));
  };
  visit(chunks.find(({ isEntry }) => isEntry));
  return { ...weigh([...first]), later: weigh(chunks.filter((chunk) => !first.has(chunk))) };
}
