/** Nudge: ONNX networks, their exact derivatives, and the smallest nudge that changes their mind, on WebGPU. */
export { createEngine } from "./runtime/engine.ts";
export type { Engine, LoadOptions, LoadProgress } from "./runtime/engine.ts";
export type { TuningStatus, TuningTable } from "./runtime/tuning.ts";
export type { DerivativeOptions, ForwardOptions, JacobianOptions, Model, ModelPort, Progress, RunOptions } from "./runtime/model.ts";
export type { AttachPoint } from "./runtime/graph/head.ts";
export type { Tensor } from "./runtime/tensor.ts";
export { loadRareOps } from "./kernels/registry.ts";
export { describeModel } from "./runtime/describe.ts";
export type { DescribeOptions, ModelDescription } from "./runtime/describe.ts";
export type { WeightStorage } from "./runtime/plan/launch.ts";
export type { ExternalData, ExternalFiles } from "./runtime/onnx/external-data.ts";
export type { AdapterChoice, AdapterDescription, DeviceOptions, MemoryReport } from "./runtime/gpu/context.ts";
export {
  AdapterError,
  ArgumentError,
  CheckpointError,
  DeviceLostError,
  DisposedError,
  GpuError,
  LimitError,
  NonFiniteError,
  NudgeError,
  OnnxFormatError,
  ShaderCompileError,
  ShapeError,
  UnsupportedOpError,
} from "./runtime/errors.ts";
export type { UnsupportedNode } from "./runtime/errors.ts";
export type { NdArray } from "./data/ndarray.ts";
export { deepfool, deepfoolDefaults } from "./algorithms/deepfool.ts";
export type { DeepFoolOptions, DeepFoolResult, DeepFoolStatus } from "./algorithms/deepfool.ts";
export { universalDefaults, universalPerturbation } from "./algorithms/universal.ts";
export type { UniversalOptions, UniversalPass, UniversalProgress, UniversalResult } from "./algorithms/universal.ts";
export type { UniversalState } from "./algorithms/universal-state.ts";
export type { CheckpointOptions } from "./algorithms/checkpoint.ts";
export { decodeCheckpoint, encodeCheckpoint } from "./data/checkpoint.ts";
export { evaluate, evaluateDefaults } from "./algorithms/evaluate.ts";
export type { Evaluation, EvaluateOptions, FoolingRates, NoiseRates } from "./algorithms/evaluate.ts";
export type { Rate, Spread } from "./data/statistics.ts";
export { project } from "./algorithms/project.ts";
export type { ProjectOptions } from "./algorithms/project.ts";
export { overshootRules } from "./options/attacks.ts";
export { labelsOf, NO_LABEL } from "./algorithms/labels.ts";
export type { LabelOptions } from "./algorithms/labels.ts";
export type { OvershootRule } from "./algorithms/rules.ts";
export type { Norm } from "./algorithms/norms.ts";
export type { PixelTransform } from "./runtime/graph/preprocess.ts";
