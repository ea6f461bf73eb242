// The command: one file for Node, dist/nudge.js. Native modules and fonts stay outside; they are found when first needed.

import { defineConfig } from "vite";
import { onnxDecoder } from "./scripts/onnx-decoder.mjs";
import { terseShaders, withoutOperatorTable } from "./scripts/vite-plugins.ts";

export default defineConfig({
  plugins: [onnxDecoder(), terseShaders(), withoutOperatorTable()],
  publicDir: false,
  ssr: { noExternal: true, external: ["webgpu", "@napi-rs/canvas", "sharp", "dejavu-fonts-ttf"] },
  build: {
    ssr: "src/cli/main.ts",
    target: "node20",
    minify: false,
    license: { fileName: "licenses-nudge.md" },
    rolldownOptions: {
      output: { entryFileNames: "nudge.js", codeSplitting: false, banner: "#!/usr/bin/env node" },
    },
  },
});
