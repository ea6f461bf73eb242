/**
 * BatchNormalization at inference is an affine map per channel, y = x · s + t with s = γ / √(σ² + ε) and t = β − μ s. It is
 * imported as Mul and Add, which passes/fold-affine.ts then folds into the convolution or dense layer before it.
 */
import { ShapeError } from "../runtime/errors.ts";
import type { Value } from "../runtime/graph/graph.ts";
import { importersOnly, Unsupported } from "./op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "./op.ts";
import { numberAttribute, requiredInput } from "./onnx-attributes.ts";

const DEFAULT_EPSILON = 1e-5;

function importBatchNormalization(node: OnnxNode, emit: Emitter): Value[] {
  const [x, gamma, beta, mean, variance] = [0, 1, 2, 3, 4].map((i) => requiredInput(node, i)) as [Value, Value, Value, Value, Value];
  if (numberAttribute(node, "training_mode", 0) !== 0) throw new Unsupported("training_mode = 1 normalises by the batch", "training_mode");
  if (node.opset < 7 && numberAttribute(node, "is_test", 0) === 0) throw new Unsupported("is_test = 0 normalises by the batch", "is_test");
  if (node.opset < 9 && numberAttribute(node, "spatial", 1) === 0) throw new Unsupported("spatial = 0", "spatial");
  const channels = x.shape[1];
  if (channels === undefined) throw new ShapeError(`the input [${x.shape}] has no channel axis`);
  for (const parameter of [gamma, beta, mean, variance]) {
    if (!parameter.data) throw new Unsupported("its parameters must be constants");
    if (parameter.data.length !== channels) throw new ShapeError(`a parameter [${parameter.shape}] does not fit ${channels} channels`);
  }
  const epsilon = numberAttribute(node, "epsilon", DEFAULT_EPSILON);
  const scale = Float64Array.from(gamma.data!, (g, c) => g / Math.sqrt(variance.data![c]! + epsilon));
  const shift = Float64Array.from(beta.data!, (b, c) => b - mean.data![c]! * scale[c]!);
  const shape = [channels, ...Array<number>(x.shape.length - 2).fill(1)];
  return [emit.add("Add", [emit.add("Mul", [x, emit.constant(shape, scale)]), emit.constant(shape, shift)])];
}

export const normalisationOps: readonly OpDefinition[] = [
  importersOnly("normalisations", {
    BatchNormalization: { since: 6, import: importBatchNormalization, restrictions: "inference; parameters constant" },
  }),
];
