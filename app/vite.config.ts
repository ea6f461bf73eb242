import { defineConfig } from "vite";
import { onnxDecoder } from "../scripts/onnx-decoder.mjs";

/** The page imports the engine from its sources, a folder up. */
export default defineConfig({ plugins: [onnxDecoder()], root: import.meta.dirname, server: { fs: { allow: [".."] } } });
