/**
 * Ops of onnxruntime's own domain that its optimiser leaves in files of image classifiers and vision transformers, imported
 * as what they were made from (ContribOperators.md of onnxruntime).
 */
import type { Value } from "../../runtime/graph/graph.ts";
import { conv } from "../conv.ts";
import { matmul } from "../matmul.ts";
import { transposeLastTwo } from "../movement.ts";
import { numberAttribute, numbersAttribute, requiredInput, stringAttribute } from "../onnx-attributes.ts";
import { importersOnly, Unsupported } from "../op.ts";
import type { Emitter, OnnxBinding, OnnxNode, OpDefinition } from "../op.ts";
import { layerNormalization } from "./sample-normalisation.ts";

/** The standard ops that these stand for are read as of this opset. */
const STANDARD_OPSET = 17;

const standard = (binding: OnnxBinding, node: OnnxNode, inputs: OnnxNode["inputs"], emit: Emitter) =>
  binding.import({ ...node, opset: STANDARD_OPSET, inputs }, emit);

const plus = (x: Value, y: Value | undefined, emit: Emitter): Value => (y ? emit.add("Add", [x, y]) : x);

/** A function of x + bias, where there is one. */
const biased = (op: string, attributes: (node: OnnxNode) => Record<string, number> = () => ({})): OnnxBinding => ({
  since: 1,
  import: (node, emit) => [emit.add(op, [plus(requiredInput(node, 0), node.inputs[1], emit)], attributes(node))],
});

function importFusedMatMul(node: OnnxNode, emit: Emitter): readonly Value[] {
  for (const name of ["transBatchA", "transBatchB"]) {
    if (numberAttribute(node, name, 0) !== 0) throw new Unsupported(`attribute ${name}`, name);
  }
  const operand = (index: number, name: string) => {
    const x = requiredInput(node, index);
    return numberAttribute(node, name, 0) !== 0 && x.shape.length > 1 ? transposeLastTwo(x, emit) : x;
  };
  const [product] = standard(matmul.onnx!["MatMul"]!, node, [operand(0, "transA"), operand(1, "transB")], emit);
  const alpha = numberAttribute(node, "alpha", 1);
  return [alpha === 1 ? product! : emit.add("Mul", [product, emit.constant([], [alpha])])];
}

/** A convolution, plus a fourth input, then a function whose coefficients are in a list. */
function importFusedConv(node: OnnxNode, emit: Emitter): readonly Value[] {
  const [y] = standard(conv.onnx!["Conv"]!, node, node.inputs.slice(0, 3), emit);
  const sum = plus(y!, node.inputs[3], emit);
  const activation = stringAttribute(node, "activation", "");
  const [alpha, beta] = numbersAttribute(node, "activation_params") ?? [];
  if (activation === "") return [sum];
  if (["Relu", "Sigmoid", "Tanh"].includes(activation)) return [emit.add(activation, [sum])];
  if (activation === "LeakyRelu") return [emit.add(activation, [sum], { alpha: alpha ?? 0.01 })];
  if (activation === "Clip" && alpha !== undefined && beta !== undefined) return [emit.add(activation, [sum], { alpha, beta })];
  if (activation === "HardSigmoid") return [emit.add(activation, [sum], { alpha: alpha ?? 0.2, beta: beta ?? 0.5 })];
  throw new Unsupported(`activation ${activation}`, "activation");
}

/** Inputs x, skip, gamma, beta, bias; outputs y, mean, 1 / deviation, and the sum that is normalised. */
function importSkipLayerNormalization(node: OnnxNode, emit: Emitter): readonly Value[] {
  const sum = plus(plus(requiredInput(node, 0), requiredInput(node, 1), emit), node.inputs[4], emit);
  const epsilon = numberAttribute(node, "epsilon", 1e-12);
  const inner = { ...node, attributes: { axis: -1, epsilon } };
  const [y, mean, scale] = standard(layerNormalization, inner, [sum, node.inputs[2], node.inputs[3]], emit);
  return [y!, mean!, scale!, sum];
}

export const contribOps: readonly OpDefinition[] = [
  importersOnly("ops of onnxruntime", {
    "com.microsoft.Gelu": biased("Gelu"),
    "com.microsoft.BiasGelu": biased("Gelu"),
    "com.microsoft.FastGelu": biased("GeluTanh"),
    "com.microsoft.QuickGelu": biased("Swish", (node) => ({ alpha: numberAttribute(node, "alpha", 1.702) })),
    "com.microsoft.FusedMatMul": { since: 1, import: importFusedMatMul, restrictions: "not transBatchA, transBatchB" },
    "com.microsoft.FusedConv": { since: 1, import: importFusedConv, restrictions: "as Conv" },
    "com.microsoft.SkipLayerNormalization": { since: 1, import: importSkipLayerNormalization },
  }),
];
