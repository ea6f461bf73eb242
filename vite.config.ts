// The library: one ES module for browsers and Node, dist/index.js, with shaders inside.

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
  },
});
