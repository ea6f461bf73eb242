/** The element-wise functions of one argument that common networks need: their WGSL, their value in double precision, and the ONNX ops they serve. */
import absSource from "../../shaders/elementwise/functions/abs.wgsl?raw";
import clipSource from "../../shaders/elementwise/functions/clip.wgsl?raw";
import expSource from "../../shaders/elementwise/functions/exp.wgsl?raw";
import hardSigmoidSource from "../../shaders/elementwise/functions/hard_sigmoid.wgsl?raw";
import hardSwishSource from "../../shaders/elementwise/functions/hard_swish.wgsl?raw";
import leakyReluSource from "../../shaders/elementwise/functions/leaky_relu.wgsl?raw";
import logSource from "../../shaders/elementwise/functions/log.wgsl?raw";
import negSource from "../../shaders/elementwise/functions/neg.wgsl?raw";
import reluSource from "../../shaders/elementwise/functions/relu.wgsl?raw";
import sigmoidSource from "../../shaders/elementwise/functions/sigmoid.wgsl?raw";
import tanhSource from "../../shaders/elementwise/functions/tanh.wgsl?raw";
import exponentialSource from "../../shaders/lib/exponential.wgsl?raw";
import type { ElementType, Value } from "../runtime/graph/graph.ts";
import { constantInput, numberAttribute, requiredInput } from "./onnx-attributes.ts";
import { Unsupported } from "./op.ts";
import type { Emitter, OnnxBinding, OnnxNode, OpDefinition } from "./op.ts";

export interface UnaryFunction {
  readonly name: string;
  /** The file that defines value(x) and slope(x, y), and the libraries it is linked with. */
  readonly source: string;
  readonly libraries?: readonly string[];
  /** The function in double precision, for constants. */
  readonly evaluate: (x: number, alpha: number, beta: number) => number;
  readonly onnx?: Readonly<Record<string, OnnxBinding>>;
  /** Element type of the result; default the argument's. */
  readonly type?: ElementType;
  readonly recognise?: OpDefinition["recognise"];
}

export const exponential = [exponentialSource];

type Coefficients = Readonly<Record<"alpha" | "beta", readonly [attribute: string, fallback: number]>>;

/** An ONNX op of one input whose attributes, if any, are the function's coefficients. */
export const onnx = /* @__NO_SIDE_EFFECTS__ */ (
  name: string,
  since: number,
  coefficients: Partial<Coefficients> = {},
  binding: Partial<OnnxBinding> = {},
): Record<string, OnnxBinding> => ({
  [name]: {
    since,
    import: (node, emit) => {
      const attributes = Object.entries(coefficients).map(
        ([key, [attribute, fallback]]) => [key, numberAttribute(node, attribute, fallback)] as const,
      );
      return [emit.add(name, [requiredInput(node, 0)], Object.fromEntries(attributes))];
    },
    ...binding,
  },
});

/** Clip-6 has its range in attributes, Clip-11 in optional inputs, which a network may compute. A bound of NaN makes NaN, as Max and Min do. */
function importClip(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const bounds = node.opset < 11 ? [] : [node.inputs[1], node.inputs[2]];
  const unclear = bounds.some((bound) => bound && !(bound.data && bound.data[0]! <= Infinity));
  if (unclear || x.type !== "float") {
    const [low, high] = bounds;
    const raised = low ? emit.add("Max", [x, low]) : x;
    return [high ? emit.add("Min", [raised, high]) : raised];
  }
  const low = node.opset < 11 ? numberAttribute(node, "min", -Infinity) : (constantInput(node, 1, "the minimum")?.[0] ?? -Infinity);
  const high = node.opset < 11 ? numberAttribute(node, "max", Infinity) : (constantInput(node, 2, "the maximum")?.[0] ?? Infinity);
  return [emit.add("Clip", [x], { alpha: Math.min(low, high), beta: high })];
}

/** One slope for all elements makes a LeakyRelu; rare/unary-functions.ts takes others. */
function importPRelu(node: OnnxNode, emit: Emitter): readonly Value[] {
  const [x, slope] = [requiredInput(node, 0), requiredInput(node, 1)];
  if (slope.data?.length !== 1 || slope.shape.length > x.shape.length) throw new Unsupported("slopes that differ", "slope");
  return [emit.add("LeakyRelu", [x], { alpha: slope.data[0]! })];
}

export const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

export const unaryFunctions: readonly UnaryFunction[] = [
  { name: "Relu", source: reluSource, evaluate: (x) => Math.max(x, 0), onnx: onnx("Relu", 6) },
  {
    name: "Clip",
    source: clipSource,
    evaluate: (x, low, high) => Math.min(Math.max(x, low), high),
    onnx: { Clip: { since: 6, import: importClip } },
  },
  { name: "Sigmoid", source: sigmoidSource, libraries: exponential, evaluate: logistic, onnx: onnx("Sigmoid", 6) },
  { name: "Tanh", source: tanhSource, libraries: exponential, evaluate: Math.tanh, onnx: onnx("Tanh", 6) },
  { name: "Exp", source: expSource, libraries: exponential, evaluate: Math.exp, onnx: onnx("Exp", 6) },
  { name: "Log", source: logSource, libraries: exponential, evaluate: Math.log, onnx: onnx("Log", 6) },
  { name: "Neg", source: negSource, evaluate: (x) => -x, onnx: onnx("Neg", 6) },
  { name: "Abs", source: absSource, evaluate: Math.abs, onnx: onnx("Abs", 6) },
  {
    name: "LeakyRelu",
    source: leakyReluSource,
    evaluate: (x, a) => (x > 0 ? x : a * x),
    onnx: /* @__PURE__ */ Object.assign(onnx("LeakyRelu", 6, { alpha: ["alpha", 0.01] }), { PRelu: { since: 6, import: importPRelu } }),
  },
  {
    name: "HardSigmoid",
    source: hardSigmoidSource,
    evaluate: (x, a, b) => Math.min(Math.max(a * x + b, 0), 1),
    onnx: onnx("HardSigmoid", 6, { alpha: ["alpha", 0.2], beta: ["beta", 0.5] }),
  },
  { name: "HardSwish", source: hardSwishSource, evaluate: (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1), onnx: onnx("HardSwish", 14) },
];
