/** The element-wise functions of one argument: their WGSL, their value in double precision, and the ONNX ops they serve. */
import absSource from "../../shaders/elementwise/functions/abs.wgsl?raw";
import acosSource from "../../shaders/elementwise/functions/acos.wgsl?raw";
import acoshSource from "../../shaders/elementwise/functions/acosh.wgsl?raw";
import asinSource from "../../shaders/elementwise/functions/asin.wgsl?raw";
import asinhSource from "../../shaders/elementwise/functions/asinh.wgsl?raw";
import atanSource from "../../shaders/elementwise/functions/atan.wgsl?raw";
import atanhSource from "../../shaders/elementwise/functions/atanh.wgsl?raw";
import ceilSource from "../../shaders/elementwise/functions/ceil.wgsl?raw";
import celuSource from "../../shaders/elementwise/functions/celu.wgsl?raw";
import clipSource from "../../shaders/elementwise/functions/clip.wgsl?raw";
import cosSource from "../../shaders/elementwise/functions/cos.wgsl?raw";
import coshSource from "../../shaders/elementwise/functions/cosh.wgsl?raw";
import eluSource from "../../shaders/elementwise/functions/elu.wgsl?raw";
import erfSource from "../../shaders/elementwise/functions/erf.wgsl?raw";
import expSource from "../../shaders/elementwise/functions/exp.wgsl?raw";
import fakeQuantiseSource from "../../shaders/elementwise/functions/fake_quantise.wgsl?raw";
import fakeFloatSource from "../../shaders/elementwise/functions/fake_float.wgsl?raw";
import floorSource from "../../shaders/elementwise/functions/floor.wgsl?raw";
import geluSource from "../../shaders/elementwise/functions/gelu.wgsl?raw";
import geluTanhSource from "../../shaders/elementwise/functions/gelu_tanh.wgsl?raw";
import hardSigmoidSource from "../../shaders/elementwise/functions/hard_sigmoid.wgsl?raw";
import hardSwishSource from "../../shaders/elementwise/functions/hard_swish.wgsl?raw";
import inverseSqrtSource from "../../shaders/elementwise/functions/inverse_sqrt.wgsl?raw";
import leakyReluSource from "../../shaders/elementwise/functions/leaky_relu.wgsl?raw";
import logSource from "../../shaders/elementwise/functions/log.wgsl?raw";
import mishSource from "../../shaders/elementwise/functions/mish.wgsl?raw";
import negSource from "../../shaders/elementwise/functions/neg.wgsl?raw";
import notSource from "../../shaders/elementwise/functions/not.wgsl?raw";
import powerSource from "../../shaders/elementwise/functions/power.wgsl?raw";
import reciprocalSource from "../../shaders/elementwise/functions/reciprocal.wgsl?raw";
import reciprocalOrZeroSource from "../../shaders/elementwise/functions/reciprocal_or_zero.wgsl?raw";
import reluSource from "../../shaders/elementwise/functions/relu.wgsl?raw";
import roundSource from "../../shaders/elementwise/functions/round.wgsl?raw";
import seluSource from "../../shaders/elementwise/functions/selu.wgsl?raw";
import shrinkSource from "../../shaders/elementwise/functions/shrink.wgsl?raw";
import sigmoidSource from "../../shaders/elementwise/functions/sigmoid.wgsl?raw";
import signSource from "../../shaders/elementwise/functions/sign.wgsl?raw";
import sinSource from "../../shaders/elementwise/functions/sin.wgsl?raw";
import sinhSource from "../../shaders/elementwise/functions/sinh.wgsl?raw";
import softplusSource from "../../shaders/elementwise/functions/softplus.wgsl?raw";
import softsignSource from "../../shaders/elementwise/functions/softsign.wgsl?raw";
import sqrtSource from "../../shaders/elementwise/functions/sqrt.wgsl?raw";
import swishSource from "../../shaders/elementwise/functions/swish.wgsl?raw";
import tanSource from "../../shaders/elementwise/functions/tan.wgsl?raw";
import tanhSource from "../../shaders/elementwise/functions/tanh.wgsl?raw";
import thresholdedReluSource from "../../shaders/elementwise/functions/thresholded_relu.wgsl?raw";
import errorFunctionSource from "../../shaders/lib/error_function.wgsl?raw";
import exponentialSource from "../../shaders/lib/exponential.wgsl?raw";
import powerLibrarySource from "../../shaders/lib/power.wgsl?raw";
import trigonometrySource from "../../shaders/lib/trigonometry.wgsl?raw";
import type { ElementType, Value } from "../runtime/graph/graph.ts";
import { roundHalfEven, roundToSteps } from "./element-types.ts";
import { erf, normalIntegral } from "./error-function.ts";
import { constantInput, numberAttribute, requiredInput, stringAttribute } from "./onnx-attributes.ts";
import { Unsupported } from "./op.ts";
import type { Emitter, OnnxBinding, OnnxNode } from "./op.ts";
import { F32_MAX } from "./wgsl.ts";

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
}

const exponential = [exponentialSource];
const normal = [exponentialSource, errorFunctionSource];
const trigonometry = [trigonometrySource];

type Coefficients = Readonly<Record<"alpha" | "beta", readonly [attribute: string, fallback: number]>>;

/** An ONNX op of one input whose attributes, if any, are the function's coefficients. */
const onnx = (
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

const flat = { derivative: "0" };

/** Clip-6 has its range in attributes, Clip-11 in optional inputs, which a network may compute. */
function importClip(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const bounds = node.opset < 11 ? [] : [node.inputs[1], node.inputs[2]];
  if (bounds.some((bound) => bound && !bound.data) || x.type !== "float") {
    const [low, high] = bounds;
    const raised = low ? emit.add("Max", [x, low]) : x;
    return [high ? emit.add("Min", [raised, high]) : raised];
  }
  const low = node.opset < 11 ? numberAttribute(node, "min", -F32_MAX) : (constantInput(node, 1, "the minimum")?.[0] ?? -F32_MAX);
  const high = node.opset < 11 ? numberAttribute(node, "max", F32_MAX) : (constantInput(node, 2, "the maximum")?.[0] ?? F32_MAX);
  const finite = (value: number) => Math.min(Math.max(value, -F32_MAX), F32_MAX);
  return [emit.add("Clip", [x], { alpha: Math.min(finite(low), finite(high)), beta: finite(high) })];
}

function importGelu(node: OnnxNode, emit: Emitter): readonly Value[] {
  const approximate = stringAttribute(node, "approximate", "none");
  if (approximate !== "none" && approximate !== "tanh") throw new Unsupported(`approximate ${approximate}`, "approximate");
  return [emit.add(approximate === "none" ? "Gelu" : "GeluTanh", [requiredInput(node, 0)])];
}

/** One slope for all elements makes a LeakyRelu; others multiply min(x, 0) = x − max(x, 0), element by element. */
function importPRelu(node: OnnxNode, emit: Emitter): readonly Value[] {
  const [x, slope] = [requiredInput(node, 0), requiredInput(node, 1)];
  if (slope.data?.length === 1 && slope.shape.length <= x.shape.length) return [emit.add("LeakyRelu", [x], { alpha: slope.data[0]! })];
  // Before opset 7 the slopes ran over the channels, axis 1.
  const channels = node.opset < 7 && slope.shape.length === 1 && slope.shape[0] !== 1 && x.shape.length > 2;
  const aligned = channels ? emit.add("Reshape", [slope], { shape: [slope.shape[0]!, ...x.shape.slice(2).map(() => 1)] }) : slope;
  const above = emit.add("Relu", [x]);
  return [emit.add("Add", [above, emit.add("Mul", [aligned, emit.add("Sub", [x, above])])])];
}

/** Small powers are products, roots are roots; a constant exponent is a coefficient, any other an operand. */
function importPow(node: OnnxNode, emit: Emitter): readonly Value[] {
  const [x, p] = [requiredInput(node, 0), requiredInput(node, 1)];
  if (node.opset < 7 && node.attributes["axis"] !== undefined)
    throw new Unsupported("broadcasting along an axis, as before opset 7", "axis");
  const exponent = p.data?.length === 1 && p.shape.length <= x.shape.length && !x.data ? p.data[0]! : undefined;
  if (x.type !== "float" && !(x.data && p.data)) throw new Unsupported("powers of integers to exponents that the network computes");
  if (exponent === undefined) return [emit.add("Pow", [x, p])];
  return [powerOf(x, exponent, emit)];
}

/** x^p for a constant p. */
export function powerOf(x: Value, p: number, emit: Emitter): Value {
  if (p === 1) return x;
  if (p === 2) return emit.add("Mul", [x, x]);
  if (p === 3) return emit.add("Mul", [emit.add("Mul", [x, x]), x]);
  if (p === 0.5) return emit.add("Sqrt", [x]);
  if (p === -0.5) return emit.add("InverseSqrt", [x], { alpha: 0 });
  if (p === -1) return emit.add("Reciprocal", [x]);
  return emit.add("Power", [x], { alpha: p });
}

const logistic = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const SELU_ALPHA = 1.6732632423543772;
const SELU_GAMMA = 1.0507009873554805;

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
  { name: "Sign", source: signSource, evaluate: Math.sign, onnx: onnx("Sign", 9, {}, flat) },
  { name: "Floor", source: floorSource, evaluate: Math.floor, onnx: onnx("Floor", 6, {}, flat) },
  { name: "Ceil", source: ceilSource, evaluate: Math.ceil, onnx: onnx("Ceil", 6, {}, flat) },
  { name: "Round", source: roundSource, evaluate: roundHalfEven, onnx: onnx("Round", 11, {}, flat) },
  { name: "FakeFloat", source: fakeFloatSource, evaluate: roundToSteps },
  { name: "FakeQuantise", source: fakeQuantiseSource, evaluate: (x, low, high) => Math.min(Math.max(roundHalfEven(x), low), high) },
  {
    name: "Not",
    source: notSource,
    evaluate: (x) => Number(x === 0),
    type: "bool",
    onnx: onnx("Not", 1, {}, { acceptsIntegers: true, derivative: "none" }),
  },
  { name: "Sqrt", source: sqrtSource, evaluate: Math.sqrt, onnx: onnx("Sqrt", 6) },
  { name: "InverseSqrt", source: inverseSqrtSource, evaluate: (x, epsilon) => 1 / Math.sqrt(x + epsilon) },
  { name: "Reciprocal", source: reciprocalSource, evaluate: (x) => 1 / x, onnx: onnx("Reciprocal", 6) },
  { name: "ReciprocalOrZero", source: reciprocalOrZeroSource, evaluate: (x) => (x === 0 ? 0 : 1 / x) },
  {
    name: "Power",
    source: powerSource,
    libraries: [exponentialSource, powerLibrarySource],
    evaluate: Math.pow,
    onnx: { Pow: { since: 6, import: importPow } },
  },
  { name: "Erf", source: erfSource, libraries: normal, evaluate: erf, onnx: onnx("Erf", 9) },
  {
    name: "Gelu",
    source: geluSource,
    libraries: normal,
    evaluate: (x) => x * normalIntegral(x),
    onnx: { Gelu: { since: 20, import: importGelu } },
  },
  {
    name: "GeluTanh",
    source: geluTanhSource,
    libraries: exponential,
    evaluate: (x) => x * logistic(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)),
  },
  {
    name: "Elu",
    source: eluSource,
    libraries: exponential,
    evaluate: (x, a) => (x > 0 ? x : a * Math.expm1(x)),
    onnx: onnx("Elu", 6, { alpha: ["alpha", 1] }),
  },
  {
    name: "Selu",
    source: seluSource,
    libraries: exponential,
    evaluate: (x, a, gamma) => gamma * (x > 0 ? x : a * Math.expm1(x)),
    onnx: onnx("Selu", 6, { alpha: ["alpha", SELU_ALPHA], beta: ["gamma", SELU_GAMMA] }),
  },
  {
    name: "Celu",
    source: celuSource,
    libraries: exponential,
    evaluate: (x, a) => (x > 0 ? x : a * Math.expm1(x / a)),
    onnx: onnx("Celu", 12, { alpha: ["alpha", 1] }),
  },
  {
    name: "LeakyRelu",
    source: leakyReluSource,
    evaluate: (x, a) => (x > 0 ? x : a * x),
    onnx: { ...onnx("LeakyRelu", 6, { alpha: ["alpha", 0.01] }), PRelu: { since: 6, import: importPRelu } },
  },
  {
    name: "ThresholdedRelu",
    source: thresholdedReluSource,
    evaluate: (x, a) => (x > a ? x : 0),
    onnx: onnx("ThresholdedRelu", 10, { alpha: ["alpha", 1] }),
  },
  {
    name: "Shrink",
    source: shrinkSource,
    evaluate: (x, lambda, bias) => (x < -lambda ? x + bias : x > lambda ? x - bias : 0),
    onnx: onnx("Shrink", 9, { alpha: ["lambd", 0.5], beta: ["bias", 0] }),
  },
  {
    name: "HardSigmoid",
    source: hardSigmoidSource,
    evaluate: (x, a, b) => Math.min(Math.max(a * x + b, 0), 1),
    onnx: onnx("HardSigmoid", 6, { alpha: ["alpha", 0.2], beta: ["beta", 0.5] }),
  },
  { name: "HardSwish", source: hardSwishSource, evaluate: (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1), onnx: onnx("HardSwish", 14) },
  {
    name: "Swish",
    source: swishSource,
    libraries: exponential,
    evaluate: (x, a) => x * logistic(a * x),
    onnx: onnx("Swish", 24, { alpha: ["alpha", 1] }),
  },
  { name: "Mish", source: mishSource, libraries: exponential, evaluate: (x) => x * Math.tanh(softplus(x)), onnx: onnx("Mish", 18) },
  { name: "Softplus", source: softplusSource, libraries: exponential, evaluate: softplus, onnx: onnx("Softplus", 1) },
  { name: "Softsign", source: softsignSource, evaluate: (x) => x / (1 + Math.abs(x)), onnx: onnx("Softsign", 1) },
  { name: "Sin", source: sinSource, libraries: trigonometry, evaluate: Math.sin, onnx: onnx("Sin", 7) },
  { name: "Cos", source: cosSource, libraries: trigonometry, evaluate: Math.cos, onnx: onnx("Cos", 7) },
  { name: "Tan", source: tanSource, libraries: trigonometry, evaluate: Math.tan, onnx: onnx("Tan", 7) },
  { name: "Asin", source: asinSource, libraries: trigonometry, evaluate: Math.asin, onnx: onnx("Asin", 7) },
  { name: "Acos", source: acosSource, libraries: trigonometry, evaluate: Math.acos, onnx: onnx("Acos", 7) },
  { name: "Atan", source: atanSource, evaluate: Math.atan, onnx: onnx("Atan", 7) },
  { name: "Sinh", source: sinhSource, libraries: exponential, evaluate: Math.sinh, onnx: onnx("Sinh", 9) },
  { name: "Cosh", source: coshSource, libraries: exponential, evaluate: Math.cosh, onnx: onnx("Cosh", 9) },
  { name: "Asinh", source: asinhSource, libraries: exponential, evaluate: Math.asinh, onnx: onnx("Asinh", 9) },
  { name: "Acosh", source: acoshSource, libraries: exponential, evaluate: Math.acosh, onnx: onnx("Acosh", 9) },
  { name: "Atanh", source: atanhSource, libraries: exponential, evaluate: Math.atanh, onnx: onnx("Atanh", 9) },
];
