/**
 * Pools over two spatial axes (1-D pools are lifted to height 1, 3-D pools are two in a row).
 *
 * MaxPool keeps the pixel that won each window; its vjp sends cotangents there (MaxPoolAdjoint), its jvp reads tangents from
 * there (MaxPoolTangent). AveragePool is linear: its jvp is itself, its vjp AveragePoolAdjoint, the same kernel with the
 * adjoint tap rule. Ties in a maximum: the first tap in row-major order wins.
 */
import averageSource from "../../shaders/pool/average_pool.wgsl?raw";
import maxAdjointSource from "../../shaders/pool/max_pool_adjoint.wgsl?raw";
import maxAdjointDisjointSource from "../../shaders/pool/max_pool_adjoint_disjoint.wgsl?raw";
import maxSource from "../../shaders/pool/max_pool.wgsl?raw";
import maxTangentSource from "../../shaders/pool/max_pool_tangent.wgsl?raw";
import paramsSource from "../../shaders/pool/params.wgsl?raw";
import { ShapeError } from "../runtime/errors.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Kernel } from "../runtime/gpu/kernel.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Attributes, Value } from "../runtime/graph/graph.ts";
import type { Operand } from "../runtime/plan/launch.ts";
import { reshapeTo } from "./broadcast.ts";
import { defineOp, Unsupported } from "./op.ts";
import type { Emitter, Lowering, OnnxNode, OpDefinition } from "./op.ts";
import { integersAttribute, numberAttribute, readAxisWindows, requiredInput, STILL, windowOf, windowOutput } from "./onnx-attributes.ts";
import type { AxisWindow, Window } from "./onnx-attributes.ts";
import { gridSource, ieeeSource, LANES, slotsSource, tapsAdjointSource, tapsForwardSource } from "./wgsl.ts";

const maxKernel = defineKernel("max_pool", maxSource, paramsSource, gridSource, ieeeSource, tapsForwardSource);
const maxAdjointKernel = defineKernel("max_pool_adjoint", maxAdjointSource, paramsSource, gridSource, slotsSource);
const maxAdjointDisjointKernel = defineKernel("max_pool_adjoint_disjoint", maxAdjointDisjointSource, paramsSource, gridSource, slotsSource);
const maxTangentKernel = defineKernel("max_pool_tangent", maxTangentSource, paramsSource, gridSource, slotsSource);
const averageKernel = defineKernel("average_pool", averageSource, paramsSource, gridSource, ieeeSource, tapsForwardSource);
const averageAdjointKernel = defineKernel("average_pool_adjoint", averageSource, paramsSource, gridSource, ieeeSource, tapsAdjointSource);

/** Attributes of every pool op here: the geometry of the forward pool, whichever direction runs. */
interface PoolAttributes extends Window {
  readonly ceil: boolean;
  readonly countPadding: boolean;
  /** Height and width of the pooled input; adjoints need it. */
  readonly inputSize: readonly [number, number];
}

const read = (attributes: Attributes) => attributes as unknown as PoolAttributes;

function planeOf(value: Value | undefined): readonly [number, number, number, number] {
  if (!value || value.shape.length !== 4) throw new ShapeError(`a pool takes [N, C, H, W], found [${value?.shape}]`);
  return value.shape as [number, number, number, number];
}

/**
 * Output extent of a pool on one axis. With ceil_mode the last window may hang over the end padding, but a window that would
 * start there, past the input and its begin padding, is dropped.
 */
export function poolOutput(attributes: PoolAttributes, axis: 0 | 1): number {
  const { kernel, strides, pads, dilations, ceil, inputSize } = attributes;
  const input = inputSize[axis];
  const out = windowOutput(input, kernel[axis], strides[axis], pads[axis] + pads[axis + 2]!, dilations[axis], ceil);
  return ceil && (out - 1) * strides[axis] >= input + pads[axis] ? out - 1 : out;
}

function launchPool(
  lowering: Lowering,
  kernel: Kernel,
  constants: Record<string, boolean>,
  bindings: Record<string, Operand>,
  from: Value,
  to: Value,
): void {
  const { kernel: window, strides, pads, dilations, inputSize } = read(lowering.node.attributes);
  const [, , inH, inW] = planeOf(from);
  const [images, channels, outH, outW] = planeOf(to);
  const averages = kernel === averageKernel || kernel === averageAdjointKernel;
  lowering.launch({
    kernel,
    constants: { LANES, ...constants },
    bindings: averages ? bindings : { ...bindings, ...(kernel === maxKernel ? {} : { slots: "slots" as const }) },
    params: {
      planes: lowering.copies(to) * images * channels,
      planes_per_copy: images * channels,
      rows: lowering.rows,
      in_h: inH,
      in_w: inW,
      out_h: outH,
      out_w: outW,
      window_h: window[0],
      window_w: window[1],
      stride_h: strides[0],
      stride_w: strides[1],
      pad_h: pads[0],
      pad_w: pads[1],
      pad_bottom: pads[2],
      pad_right: pads[3],
      dilation_h: dilations[0],
      dilation_w: dilations[1],
      unpadded_h: inputSize[0],
      unpadded_w: inputSize[1],
    },
    // The disjoint adjoint works window by window, all others output by output.
    grid: { lead: to.lead, items: sizeOf((kernel === maxAdjointDisjointKernel ? from : to).shape), perGroup: LANES, depth: 1 },
  });
}

interface PoolRules {
  readonly ceil: boolean;
  readonly countPadding: boolean;
}

/** One pool of planes x [N, C, H, W]. */
export type PlanePool = (x: Value, window: Window, rules: PoolRules, emit: Emitter) => Value;

const planePool =
  (op: string): PlanePool =>
  (x, window, rules, emit) =>
    emit.add(op, [x], { ...window, ...rules, inputSize: [x.shape[2]!, x.shape[3]!] });

/** A pool over one, two or three spatial axes: three are pooled by height and width, then by depth. */
export function poolSpace(node: OnnxNode, x: Value, pool: PlanePool, emit: Emitter): Value {
  const space = x.shape.slice(2);
  if (space.length < 1 || space.length > 3) throw new Unsupported(`${space.length}-D pooling; 1-D to 3-D are covered`);
  const listed = integersAttribute(node, "kernel_shape", space.length, space.length);
  if (!listed) throw new ShapeError("attribute kernel_shape is missing");
  const windows = readAxisWindows(node, space, listed);
  const rules = { ceil: numberAttribute(node, "ceil_mode", 0) !== 0, countPadding: numberAttribute(node, "count_include_pad", 0) !== 0 };
  const [n, channels] = x.shape as [number, number];
  const [h, w] = windows.slice(-2) as [AxisWindow, AxisWindow];
  if (space.length === 2) return pool(x, windowOf(h, w), rules, emit);
  if (space.length === 1) {
    const y = pool(reshapeTo(x, [n, channels, 1, space[0]!], emit), windowOf(STILL, windows[0]!), rules, emit);
    return reshapeTo(y, [n, channels, y.shape[3]!], emit);
  }
  const flat = pool(reshapeTo(x, [n, channels * space[0]!, space[1]!, space[2]!], emit), windowOf(h, w), rules, emit);
  const [outH, outW] = flat.shape.slice(2) as [number, number];
  const deep = pool(reshapeTo(flat, [n, channels, space[0]!, outH * outW], emit), windowOf(windows[0]!, STILL), rules, emit);
  return reshapeTo(deep, [n, channels, deep.shape[2]!, outH, outW], emit);
}

function importPool(node: OnnxNode, emit: Emitter, op: string): Value[] {
  return [poolSpace(node, requiredInput(node, 0), planePool(op), emit)];
}

function importMaxPool(node: OnnxNode, emit: Emitter): readonly Value[] {
  if (node.outputCount > 1) throw new Unsupported("the Indices of a pool");
  return importPool(node, emit, "MaxPool");
}

function inferPool(x: Value | undefined, attributes: Attributes): readonly number[] {
  const [n, c, h, w] = planeOf(x);
  const pool = read(attributes);
  const [outH, outW] = [poolOutput(pool, 0), poolOutput(pool, 1)];
  if (outH < 1 || outW < 1) throw new ShapeError(`a ${pool.kernel.join("×")} window does not fit an input of ${h}×${w}`);
  const { kernel, strides, pads, dilations, inputSize } = pool;
  for (const axis of [0, 1] as const) {
    const line = { kernel: kernel[axis], stride: strides[axis], begin: pads[axis], dilation: dilations[axis], input: inputSize[axis] };
    if (!windowsSeeInput({ ...line, outputs: axis === 0 ? outH : outW })) {
      throw new ShapeError(`pads [${pads}] leave a window of ${kernel.join("×")} with nothing but padding`);
    }
  }
  return [n, c, outH, outW];
}

/** Windows of which the dilation is longer than the input are tried one by one: no network has more. */
const MAX_TRIED = 2 ** 16;

/** Whether each of the windows along an axis has a tap on the input, which begins at 0. */
export function windowsSeeInput(line: {
  readonly kernel: number;
  readonly stride: number;
  readonly begin: number;
  readonly dilation: number;
  readonly input: number;
  readonly outputs: number;
}): boolean {
  const { kernel, stride, begin, dilation, input, outputs } = line;
  // The last window must begin before the input ends, and the first must reach the input.
  if ((outputs - 1) * stride - begin >= input || (kernel - 1) * dilation < begin) return false;
  // Taps that are no farther apart than the input is long cannot step over it.
  if (dilation <= input) return true;
  const before = Math.min(outputs, Math.ceil(begin / stride));
  if (before > MAX_TRIED) return false;
  // The first tap at or behind 0, of windows that begin before it.
  return Array.from({ length: before }, (_, at) => begin - at * stride).every((ahead) => {
    const tap = Math.ceil(ahead / dilation);
    return tap < kernel && tap * dilation - ahead < input;
  });
}

export const maxPool = defineOp({
  name: "MaxPool",
  onnx: { MaxPool: { since: 1, import: importMaxPool, restrictions: "1-D to 3-D; Indices in 1-D and 2-D" } },
  infer: ([x], attributes) => {
    const shape = inferPool(x, attributes);
    return [
      { shape, type: "float" },
      { shape, type: "int" },
    ];
  },
  lower: (lowering) => {
    const [x] = lowering.node.inputs as [Value];
    const [y, argmax] = lowering.node.outputs as [Value, Value];
    const constants = { WITH_ARGMAX: lowering.isRead(argmax) };
    launchPool(lowering, maxKernel, constants, { input: x, output: y, argmax: lowering.boundOutput(argmax) }, x, y);
  },
  vjp: ({ node, emit }, cotangent) => [emit.add("MaxPoolAdjoint", [cotangent, node.outputs[1]], node.attributes)],
  jvp: ({ node, emit }, [tangent]) => emit.add("MaxPoolTangent", [tangent, node.outputs[1]], node.attributes),
});

function windowsOverlap({ kernel, strides, dilations }: PoolAttributes): boolean {
  return [0, 1].some((axis) => strides[axis]! < (kernel[axis]! - 1) * dilations[axis]! + 1);
}

/** Inputs: cotangent, argmax. */
const maxPoolAdjoint = defineOp({
  name: "MaxPoolAdjoint",
  infer: ([cotangent], attributes) => [{ shape: [...cotangent!.shape.slice(0, 2), ...read(attributes).inputSize], type: "float" }],
  lower: (lowering) => {
    const [cotangent, argmax] = lowering.node.inputs as [Value, Value];
    const output = lowering.node.outputs[0]!;
    const kernel = windowsOverlap(read(lowering.node.attributes)) ? maxAdjointKernel : maxAdjointDisjointKernel;
    launchPool(lowering, kernel, {}, { cotangent, argmax, output }, cotangent, output);
  },
});

/** Inputs: tangent, argmax. */
const maxPoolTangent = defineOp({
  name: "MaxPoolTangent",
  infer: ([, argmax]) => [{ shape: argmax!.shape, type: "float" }],
  lower: (lowering) => {
    const [tangent, argmax] = lowering.node.inputs as [Value, Value];
    const output = lowering.node.outputs[0]!;
    launchPool(lowering, maxTangentKernel, {}, { tangent, argmax, output }, tangent, output);
  },
});

const averagePool = defineOp({
  name: "AveragePool",
  onnx: { AveragePool: { since: 1, import: (node, emit) => importPool(node, emit, "AveragePool"), restrictions: "1-D to 3-D" } },
  infer: ([x], attributes) => [{ shape: inferPool(x, attributes), type: "float" }],
  lower: (lowering) => {
    const [input] = lowering.node.inputs as [Value];
    const output = lowering.node.outputs[0]!;
    const constants = { ADJOINT: false, COUNT_PADDING: read(lowering.node.attributes).countPadding };
    launchPool(lowering, averageKernel, constants, { input, output }, input, output);
  },
  vjp: ({ node, emit }, cotangent) => [emit.add("AveragePoolAdjoint", [cotangent], node.attributes)],
  jvp: ({ node, emit }, [tangent]) => emit.add("AveragePool", [tangent], node.attributes),
});

const averagePoolAdjoint = defineOp({
  name: "AveragePoolAdjoint",
  infer: ([cotangent], attributes) => [{ shape: [...cotangent!.shape.slice(0, 2), ...read(attributes).inputSize], type: "float" }],
  lower: (lowering) => {
    const [input] = lowering.node.inputs as [Value];
    const output = lowering.node.outputs[0]!;
    const constants = { ADJOINT: true, COUNT_PADDING: read(lowering.node.attributes).countPadding };
    launchPool(lowering, averageAdjointKernel, constants, { input, output }, input, output);
  },
});

export const poolOps: readonly OpDefinition[] = [maxPool, maxPoolAdjoint, maxPoolTangent, averagePool, averagePoolAdjoint];
