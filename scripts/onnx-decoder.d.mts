import type { Plugin } from "vite";

/** Resolves and makes virtual:onnx-proto and virtual:protobufjs. */
export function onnxDecoder(): Plugin;
