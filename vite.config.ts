// The library, ES modules for browsers and Node with shaders inside. dist/index.js passes on the public surface of dist/core.js;
// dist/rare-ops.js is fetched when a model asks for it and takes what it needs from core.js, so that there is one registry of
// ops. All else is in one module, because the bundler of an app keeps apart what two modules share.

import { defineConfig } from "vite";
import { onnxDecoder } from "./scripts/onnx-decoder.mjs";
import { shadersTogether, terseShaders, withoutOperatorTable } from "./scripts/vite-plugins.ts";

export default defineConfig({
  plugins: [onnxDecoder(), terseShaders(), withoutOperatorTable(), shadersTogether()],
  publicDir: false,
  build: {
    target: "es2022",
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "index.js" },
    sourcemap: true,
    minify: false,
    license: { fileName: "licenses-index.md" },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        chunkFileNames: "[name].js",
        manualChunks: (id, { getModuleInfo }) => {
          if (id.endsWith("/src/index.ts")) return undefined;
          const isRare = (module: string) => /\/src\/(?:kernels|runtime)\/rare\//.test(module);
          const importers = getModuleInfo(id)?.importers ?? [];
          return isRare(id) || (importers.length > 0 && importers.every(isRare)) ? "rare-ops" : "core";
        },
      },
    },
  },
});
