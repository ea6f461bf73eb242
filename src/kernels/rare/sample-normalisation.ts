/**
 * Normalisations by the statistics of the sample itself. Where the axes are the last ones it is Standardise (standardise.ts) and
 * an affine map; the others are made of reductions and element-wise ops, whose derivatives follow.
 *
 *   y = (x − mean) / √(variance + ε) · γ + β       the means being over the axes each op names
 */
import { ShapeError } from "../../runtime/errors.ts";
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { reshapeTo } from "../broadcast.ts";
import { integerAttribute, normaliseAxes, normaliseAxis, numberAttribute, numbersAttribute, requiredInput } from "../onnx-attributes.ts";
import { importersOnly } from "../op.ts";
import type { Emitter, OnnxBinding, OnnxNode, OpDefinition } from "../op.ts";
import { reduceOver } from "../reduce.ts";
import { norm1, norm2 } from "./reductions.ts";
import { powerOf } from "./unary-functions.ts";

const EPSILON = 1e-5;
/** MeanVarianceNormalization adds this to the standard deviation (ONNX operator specification). */
const DEVIATION_FLOOR = 1e-9;

interface Statistics {
  readonly mean: Value;
  /** 1 / √(variance + ε) */
  readonly scale: Value;
}

function statistics(x: Value, axes: readonly number[], epsilon: number, emit: Emitter): Statistics {
  const mean = reduceOver("ReduceMean", x, axes, emit);
  const centred = emit.add("Sub", [x, mean]);
  const variance = reduceOver("ReduceMean", emit.add("Mul", [centred, centred]), axes, emit);
  return { mean, scale: emit.add("InverseSqrt", [variance], { alpha: epsilon }) };
}

/** x standardised over the axes from `axis` on. */
function standardise(x: Value, axis: number, epsilon: number, emit: Emitter): Value {
  return emit.add("Standardise", [x], { axis, epsilon });
}

/** x · γ + β, either of which may be missing. */
function affine(x: Value, gamma: Value | undefined, beta: Value | undefined, emit: Emitter): Value {
  const scaled = gamma ? emit.add("Mul", [x, gamma]) : x;
  return beta ? emit.add("Add", [scaled, beta]) : scaled;
}

/** One parameter per channel, shaped to go with [N, C, …]. */
function perChannel(parameter: Value, x: Value, emit: Emitter): Value {
  if (sizeOf(parameter.shape) !== x.shape[1]) throw new ShapeError(`a parameter [${parameter.shape}] does not fit ${x.shape[1]} channels`);
  return reshapeTo(parameter, [x.shape[1], ...x.shape.slice(2).map(() => 1)], emit);
}

function importInstanceNormalization(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  if (x.shape.length < 3) throw new ShapeError(`it takes [N, C, …], found [${x.shape}]`);
  const value = standardise(x, 2, numberAttribute(node, "epsilon", EPSILON), emit);
  return [affine(value, perChannel(requiredInput(node, 1), x, emit), perChannel(requiredInput(node, 2), x, emit), emit)];
}

function importGroupNormalization(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const [n, channels] = x.shape as [number, number];
  if (x.shape.length < 3) throw new ShapeError(`it takes [N, C, …], found [${x.shape}]`);
  const groups = integerAttribute(node, "num_groups", 0);
  if (channels % groups !== 0) throw new ShapeError(`${channels} channels do not make ${groups} groups`);
  const apart = reshapeTo(x, [n, groups, channels / groups, ...x.shape.slice(2)], emit);
  const axes = apart.shape.map((_, axis) => axis).slice(2);
  const value = standardise(apart, 2, numberAttribute(node, "epsilon", EPSILON), emit);
  // Opset 18 had one parameter per group, 21 has one per channel.
  if (node.opset < 21) {
    const perGroup = (parameter: Value) => reshapeTo(parameter, [groups, ...axes.map(() => 1)], emit);
    return [reshapeTo(affine(value, perGroup(requiredInput(node, 1)), perGroup(requiredInput(node, 2)), emit), x.shape, emit)];
  }
  const joined = reshapeTo(value, x.shape, emit);
  return [affine(joined, perChannel(requiredInput(node, 1), x, emit), perChannel(requiredInput(node, 2), x, emit), emit)];
}

/** The axes from `axis` on. */
function trailingAxes(node: OnnxNode, x: Value): number[] {
  const first = normaliseAxis(numberAttribute(node, "axis", -1), x.shape.length);
  return x.shape.map((_, axis) => axis).slice(first);
}

function importLayerNormalization(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const axes = trailingAxes(node, x);
  const epsilon = numberAttribute(node, "epsilon", EPSILON);
  const y = affine(standardise(x, axes[0]!, epsilon, emit), requiredInput(node, 1), node.inputs[2], emit);
  if (node.outputCount === 1) return [y];
  // Whoever reads the statistics gets them by themselves, with their derivatives.
  const { mean, scale } = statistics(x, axes, epsilon, emit);
  return [y, mean, scale];
}

function importRmsNormalization(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const meanSquare = reduceOver("ReduceMean", emit.add("Mul", [x, x]), trailingAxes(node, x), emit);
  const scale = emit.add("InverseSqrt", [meanSquare], { alpha: numberAttribute(node, "epsilon", EPSILON) });
  return [affine(emit.add("Mul", [x, scale]), requiredInput(node, 1), undefined, emit)];
}

/**
 * y = x / (bias + α/size Σ x²)^β over `size` neighbouring channels: an average pool over the channel axis, with padding that
 * counts.
 */
function importLrn(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const size = integerAttribute(node, "size", 0);
  if (x.shape.length < 2) throw new ShapeError(`it takes [N, C, …], found [${x.shape}]`);
  const [n, channels] = x.shape as [number, number];
  const image = reshapeTo(emit.add("Mul", [x, x]), [n, 1, channels, sizeOf(x.shape.slice(2))], emit);
  const before = Math.floor((size - 1) / 2);
  const mean = emit.add("AveragePool", [image], {
    kernel: [size, 1],
    strides: [1, 1],
    pads: [before, 0, size - 1 - before, 0],
    dilations: [1, 1],
    inputSize: [image.shape[2]!, image.shape[3]!],
    ceil: false,
    countPadding: true,
  });
  const weighted = emit.add("Mul", [reshapeTo(mean, x.shape, emit), emit.constant([], [numberAttribute(node, "alpha", 1e-4)])]);
  const base = emit.add("Add", [weighted, emit.constant([], [numberAttribute(node, "bias", 1)])]);
  return [emit.add("Mul", [x, powerOf(base, -numberAttribute(node, "beta", 0.75), emit)])];
}

/** x / ‖x‖ along an axis; 0 where the norm is. */
function importLpNormalization(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const axis = normaliseAxis(numberAttribute(node, "axis", -1), x.shape.length);
  const norm = numberAttribute(node, "p", 2) === 1 ? norm1(x, [axis], emit) : norm2(x, [axis], emit);
  return [emit.add("Mul", [x, emit.add("ReciprocalOrZero", [norm])])];
}

function importMeanVarianceNormalization(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const axes = normaliseAxes(numbersAttribute(node, "axes") ?? [0, 2, 3], x.shape.length);
  const centred = emit.add("Sub", [x, reduceOver("ReduceMean", x, axes, emit)]);
  const variance = reduceOver("ReduceMean", emit.add("Mul", [centred, centred]), axes, emit);
  const deviation = emit.add("Add", [emit.add("Sqrt", [variance]), emit.constant([], [DEVIATION_FLOOR])]);
  return [emit.add("Div", [centred, deviation])];
}

export const layerNormalization: OnnxBinding = { since: 1, import: importLayerNormalization };

export const sampleNormalisationOps: readonly OpDefinition[] = [
  importersOnly("sample normalisations", {
    InstanceNormalization: { since: 6, import: importInstanceNormalization },
    GroupNormalization: { since: 18, import: importGroupNormalization },
    LayerNormalization: layerNormalization,
    RMSNormalization: { since: 23, import: importRmsNormalization },
    LRN: { since: 1, import: importLrn },
    LpNormalization: { since: 1, import: importLpNormalization },
    MeanVarianceNormalization: { since: 9, import: importMeanVarianceNormalization },
  }),
];
