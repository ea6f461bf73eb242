// The tuner: dist/tune.js, which takes the library from dist/index.js beside it instead of carrying a second one.

import type { Plugin } from "vite";
import { defineConfig } from "vite";

const libraryBeside: Plugin = {
  name: "nudge:library-beside",
  enforce: "pre",
  // Errors, too: an app compares them with the library's classes.
  resolveId: (source) => (/^\.\.\/(?:index|runtime\/errors)\.ts$/.test(source) ? { id: "./index.js", external: true } : undefined),
};

export default defineConfig({
  plugins: [libraryBeside],
  publicDir: false,
  build: {
    target: "es2022",
    lib: { entry: "src/tune.ts", formats: ["es"], fileName: () => "tune.js" },
    sourcemap: true,
    minify: false,
    reportCompressedSize: false,
  },
});
