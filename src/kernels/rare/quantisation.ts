/**
 * Quantised networks, computed in f32: what is stored as integers is held as the numbers they are, and rounding is passed
 * straight through by the derivative (Bengio et al. 2013): QuantizeLinear has slope 1 inside its range and 0 outside.
 *
 *   QuantizeLinear     q = hold(round(x / s) + z)           DequantizeLinear   x = (q − z) · s
 *   QLinearConv, QLinearMatMul                              dequantise, compute, quantise
 *   ConvInteger, MatMulInteger                              the product of what is left of the zero points
 */
import { ShapeError } from "../../runtime/errors.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { reshapeTo } from "../broadcast.ts";
import { conv } from "../conv.ts";
import { INTEGER_RANGES, SMALL_FLOATS } from "../element-types.ts";
import type { SmallFloat } from "../element-types.ts";
import { matmul } from "../matmul.ts";
import { integerAttribute, normaliseAxis, numberAttribute, requiredInput } from "../onnx-attributes.ts";
import { importersOnly, Unsupported } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "../op.ts";

const UINT8 = 2;

function constantOf(value: Value, what: string): Value {
  if (!value.data) throw new Unsupported(`${what} is computed from the network's input`);
  return value;
}

/** A scale or zero point, shaped to go along an axis of x; blocks along the axis are spread out. */
function aligned(parameter: Value, x: Value, givenAxis: number, block: number, emit: Emitter): Value {
  if (parameter.data!.length === 1) return reshapeTo(parameter, [], emit);
  if (x.shape.length === 0) throw new ShapeError(`scales [${parameter.shape}] for a scalar`);
  const axis = normaliseAxis(givenAxis, x.shape.length);
  if (parameter.shape.length === 1) {
    if (parameter.shape[0] !== x.shape[axis]) throw new ShapeError(`${parameter.shape[0]} scales for an axis of ${x.shape[axis]}`);
    return reshapeTo(parameter, [parameter.shape[0]!, ...x.shape.slice(axis + 1).map(() => 1)], emit);
  }
  if (parameter.shape.length !== x.shape.length) throw new ShapeError(`scales [${parameter.shape}] for a tensor of rank ${x.shape.length}`);
  if (block < 1) throw new Unsupported("scales of several axes without a block size", "block_size");
  const apart = [...parameter.shape.slice(0, axis + 1), 1, ...parameter.shape.slice(axis + 1)];
  const spread = emit.add("Expand", [reshapeTo(parameter, apart, emit)], {
    shape: apart.map((extent, a) => (a === axis + 1 ? block : extent)),
  });
  const whole = reshapeTo(
    spread,
    parameter.shape.map((extent, a) => (a === axis ? extent * block : extent)),
    emit,
  );
  if (whole.shape.some((extent, a) => extent < x.shape[a]!))
    throw new ShapeError(`scales [${parameter.shape}] in blocks of ${block} do not cover [${x.shape}]`);
  return emit.add("Slice", [whole], { starts: x.shape.map(() => 0), steps: x.shape.map(() => 1), extents: [...x.shape] });
}

const asFloat = (x: Value, emit: Emitter): Value =>
  x.data ? emit.constant(x.shape, x.data) : x.type === "float" ? x : emit.add("Retype", [x], { type: "float" });

/** Whether a zero point moves anything. */
const shifts = (zero: Value | undefined): zero is Value => zero !== undefined && zero.data!.some((z) => z !== 0);

function dequantised(q: Value, scale: Value, zero: Value | undefined, emit: Emitter): Value {
  const centred = shifts(zero) ? emit.add("Sub", [asFloat(q, emit), asFloat(zero, emit)]) : asFloat(q, emit);
  return emit.add("Mul", [centred, scale]);
}

/** x / scale, rounded to an 8-bit or 4-bit float. Measured in the smallest steps of the type, which changes no digit. */
function quantisedFloat(x: Value, scale: Value, zero: Value | undefined, format: SmallFloat, emit: Emitter): Value {
  if (shifts(zero)) throw new Unsupported("a zero point of floats other than 0");
  const unit = emit.constant([], [2 ** (1 - format.bias - format.mantissaBits)]);
  const steps = emit.add("Div", [x, emit.add("Mul", [scale, unit])]);
  return emit.add("Mul", [emit.add("FakeFloat", [steps], { alpha: format.mantissaBits, beta: format.max / unit.data![0]! }), unit]);
}

function quantised(x: Value, scale: Value, zero: Value | undefined, onnxType: number, emit: Emitter): Value {
  const format = SMALL_FLOATS[onnxType];
  if (format) return quantisedFloat(x, scale, zero, format, emit);
  const range = INTEGER_RANGES[onnxType];
  if (!range) throw new Unsupported(`quantising to element type ${onnxType}`, "output_dtype");
  // Held before the zero point is added, so that the rounding of x / s is that of the specification.
  const steps = emit.add("Div", [x, scale]);
  if (!shifts(zero)) return emit.add("FakeQuantise", [steps], { alpha: range[0], beta: range[1] });
  if (zero.data!.length === 1) {
    const z = zero.data![0]!;
    const held = emit.add("FakeQuantise", [steps], { alpha: range[0] - z, beta: range[1] - z });
    return emit.add("Add", [held, emit.constant([], [z])]);
  }
  const rounded = emit.add("FakeQuantise", [steps], { alpha: -(2 ** 24), beta: 2 ** 24 });
  return emit.add("Clip", [emit.add("Add", [rounded, asFloat(zero, emit)])], { alpha: range[0], beta: range[1] });
}

interface Parameters {
  readonly scale: Value;
  readonly zero: Value | undefined;
  readonly onnxType: number;
}

function parametersOf(node: OnnxNode, x: Value, scaleAt: number, axis: number, emit: Emitter): Parameters {
  const block = integerAttribute(node, "block_size", 0, 0);
  const scale = constantOf(requiredInput(node, scaleAt), "the scale");
  const zero = node.inputs[scaleAt + 1] && constantOf(node.inputs[scaleAt + 1]!, "the zero point");
  const along = (parameter: Value) => aligned(parameter, x, axis, block, emit);
  return { scale: along(asFloat(scale, emit)), zero: zero && along(zero), onnxType: zero?.onnxType ?? UINT8 };
}

function importQuantize(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const { scale, zero, onnxType } = parametersOf(node, x, 1, numberAttribute(node, "axis", 1), emit);
  const declared = numberAttribute(node, "output_dtype", 0);
  if (numberAttribute(node, "saturate", 1) === 0) throw new Unsupported("quantising to floats without saturation", "saturate");
  return [quantised(x, scale, zero, declared === 0 ? onnxType : declared, emit)];
}

function importDequantize(node: OnnxNode, emit: Emitter): readonly Value[] {
  const q = requiredInput(node, 0);
  const { scale, zero } = parametersOf(node, q, 1, numberAttribute(node, "axis", 1), emit);
  return [dequantised(q, scale, zero, emit)];
}

/** Inputs x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias?; the bias is in units of x_scale · w_scale. */
function importQLinearConv(node: OnnxNode, emit: Emitter): readonly Value[] {
  const [q, w] = [requiredInput(node, 0), constantOf(requiredInput(node, 3), "the kernel")];
  const x = parametersOf(node, q, 1, 1, emit);
  const kernel = parametersOf(node, w, 4, 0, emit);
  const bias =
    node.inputs[8] &&
    dequantised(node.inputs[8], emit.add("Mul", [reshapeTo(kernel.scale, [kernel.scale.data!.length], emit), x.scale]), undefined, emit);
  const inputs = [dequantised(q, x.scale, x.zero, emit), dequantised(w, kernel.scale, kernel.zero, emit), bias];
  const [y] = conv.onnx!["Conv"]!.import({ ...node, inputs }, emit);
  const out = parametersOf(node, y!, 6, 1, emit);
  return [quantised(y!, out.scale, out.zero, out.onnxType, emit)];
}

/** Inputs a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero. */
function importQLinearMatMul(node: OnnxNode, emit: Emitter): readonly Value[] {
  const [p, q] = [requiredInput(node, 0), requiredInput(node, 3)];
  const a = parametersOf(node, p, 1, -2, emit);
  const b = parametersOf(node, q, 4, -1, emit);
  const inputs = [dequantised(p, a.scale, a.zero, emit), dequantised(q, b.scale, b.zero, emit)];
  const [y] = matmul.onnx!["MatMul"]!.import({ ...node, inputs }, emit);
  const out = parametersOf(node, y!, 6, -1, emit);
  return [quantised(y!, out.scale, out.zero, out.onnxType, emit)];
}

/** x less its zero point, which may be computed; one per line lies along `axis`. */
function centred(x: Value, zero: Value | undefined, axis: number, emit: Emitter): Value {
  if (!zero || (zero.data && !shifts(zero))) return asFloat(x, emit);
  const along = zero.shape.length === 1 && zero.shape[0] !== 1;
  const aligned = along ? reshapeTo(zero, [zero.shape[0]!, ...x.shape.slice(axis + 1).map(() => 1)], emit) : reshapeTo(zero, [], emit);
  return emit.add("Sub", [asFloat(x, emit), asFloat(aligned, emit)]);
}

/** Inputs a, b, a_zero, b_zero. */
function importMatMulInteger(node: OnnxNode, emit: Emitter): readonly Value[] {
  const [a, b] = [requiredInput(node, 0), requiredInput(node, 1)];
  const inputs = [centred(a, node.inputs[2], a.shape.length - 2, emit), centred(b, node.inputs[3], b.shape.length - 1, emit)];
  return matmul.onnx!["MatMul"]!.import({ ...node, inputs }, emit);
}

/** Inputs x, w, x_zero, w_zero. */
function importConvInteger(node: OnnxNode, emit: Emitter): readonly Value[] {
  const inputs = [centred(requiredInput(node, 0), node.inputs[2], 0, emit), centred(requiredInput(node, 1), node.inputs[3], 0, emit)];
  return conv.onnx!["Conv"]!.import({ ...node, inputs }, emit);
}

/** To 8 bits between the smallest and the largest element, 0 among them: y, y_scale, y_zero_point. */
function importDynamicQuantize(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const axes = x.shape.map((_, axis) => axis);
  const [, most] = INTEGER_RANGES[UINT8]!;
  const zero = emit.constant([], [0]);
  const low = emit.add("Min", [reshapeTo(emit.add("ReduceMin", [x], { axes }), [], emit), zero]);
  const high = emit.add("Max", [reshapeTo(emit.add("ReduceMax", [x], { axes }), [], emit), zero]);
  const scale = emit.add("Mul", [emit.add("Sub", [high, low]), emit.constant([], [1 / most])]);
  const point = emit.add("FakeQuantise", [emit.add("Neg", [emit.add("Div", [low, scale])])], { alpha: 0, beta: most });
  const rounded = emit.add("FakeQuantise", [emit.add("Div", [x, scale])], { alpha: -most, beta: most });
  return [emit.add("Clip", [emit.add("Add", [rounded, point])], { alpha: 0, beta: most }), scale, point];
}

const integerProducts = { since: 10, acceptsIntegers: true, restrictions: "in f32, exact up to 2²⁴" };

const quantisedLinear = {
  derivative: "straight-through",
  restrictions: "integers of 2 to 32 bits and floats of 4 and 8, in f32; scales known at load",
};

export const quantisationOps: readonly OpDefinition[] = [
  importersOnly("quantisations", {
    QuantizeLinear: { since: 10, import: importQuantize, ...quantisedLinear },
    DequantizeLinear: { since: 10, acceptsIntegers: true, import: importDequantize, ...quantisedLinear },
    QLinearConv: { since: 10, acceptsIntegers: true, import: importQLinearConv, ...quantisedLinear },
    MatMulInteger: { import: importMatMulInteger, ...integerProducts },
    ConvInteger: { import: importConvInteger, ...integerProducts },
    DynamicQuantizeLinear: {
      since: 11,
      import: importDynamicQuantize,
      derivative: "straight-through",
      restrictions: "the range is that of each sample by itself",
    },
    QLinearMatMul: { since: 10, acceptsIntegers: true, import: importQLinearMatMul, ...quantisedLinear },
  }),
];
