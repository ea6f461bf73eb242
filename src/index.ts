/** Nudge: ONNX networks, their exact derivatives, and the smallest nudge that changes their mind, on WebGPU. */
export { createEngine } from "./runtime/engine.ts";
export type { Engine, LoadOptions, LoadProgress } from "./runtime/engine.ts";
export type { DerivativeOptions, JacobianOptions, Model, ModelPort, Progress, RunOptions } from "./runtime/model.ts";
export type { Tensor } from "./runtime/tensor.ts";
export { describeModel } from "./runtime/describe.ts";
export type { ModelDescription } from "./runtime/describe.ts";
export type { AdapterChoice, AdapterDescription, DeviceOptions, MemoryReport } from "./runtime/gpu/context.ts";
export * from "./runtime/errors.ts";
export type { NdArray } from "./data/ndarray.ts";
