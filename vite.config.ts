// The library, ES modules for browsers and Node with shaders inside: dist/index.js is the public surface, dist/core.js what it
// stands on, and dist/rare-ops.js what is fetched when a model asks for it. That takes the core from core.js, so that there is
// one registry of ops.

import { defineConfig } from "vite";
import { terseShaders, withoutOperatorTable } from "./scripts/vite-plugins.ts";

export default defineConfig({
  plugins: [terseShaders(), withoutOperatorTable()],
  publicDir: false,
  build: {
    target: "es2022",
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "index.js" },
    sourcemap: true,
    minify: false,
    license: { fileName: "licenses-index.md" },
    reportCompressedSize: false,
    rolldownOptions: {
      output: { chunkFileNames: ({ moduleIds }) => (moduleIds.some((id) => id.includes("/kernels/rare/")) ? "rare-ops.js" : "core.js") },
    },
  },
});
