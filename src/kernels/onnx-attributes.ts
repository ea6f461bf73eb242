/** Reading ONNX attributes: defaults, checks, and the spatial ones that convolutions and pools share. */
import { ShapeError } from "../runtime/errors.ts";
import type { Value } from "../runtime/graph/graph.ts";
import { isUnknown } from "../runtime/graph/unknown.ts";
import { Unsupported } from "./op.ts";
import type { OnnxNode } from "./op.ts";

export function numberAttribute(node: OnnxNode, name: string, fallback: number): number {
  const value = node.attributes[name];
  if (value === undefined) return fallback;
  if (typeof value !== "number") throw new Unsupported(`attribute ${name} is not a number`, name);
  return value;
}

export function stringAttribute(node: OnnxNode, name: string, fallback: string): string {
  const value = node.attributes[name];
  if (value === undefined) return fallback;
  if (typeof value !== "string") throw new Unsupported(`attribute ${name} is not a string`, name);
  return value;
}

export function numbersAttribute(node: OnnxNode, name: string): readonly number[] | undefined {
  const value = node.attributes[name];
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.some((item) => typeof item !== "number")) {
    throw new Unsupported(`attribute ${name} is not a list of numbers`, name);
  }
  return value as readonly number[];
}

/** Sizes of windows and steps are 32-bit integers in the shaders. */
const MAX_INTEGER = 2 ** 31 - 1;

/** A whole number from `low` to `high`. Throws ShapeError naming the attribute. */
export function integerAttribute(node: OnnxNode, name: string, fallback: number, low = 1, high = MAX_INTEGER): number {
  const value = numberAttribute(node, name, fallback);
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new ShapeError(`attribute ${name} is ${value}; whole numbers from ${low} to ${high} are allowed`);
  }
  return value;
}

/** A list of `length` whole numbers of at least `low`, one for each spatial axis or pad; undefined where it is absent. */
export function integersAttribute(node: OnnxNode, name: string, length: number, spatial: number, low = 1): readonly number[] | undefined {
  const list = numbersAttribute(node, name);
  if (!list) return undefined;
  if (list.length !== length) {
    throw new ShapeError(`attribute ${name} has ${list.length} entries, but ${spatial} spatial axes take ${length}`);
  }
  const wrong = list.find((n) => !Number.isInteger(n) || n < low || n > MAX_INTEGER);
  if (wrong !== undefined) throw new ShapeError(`attribute ${name} [${list}] holds ${wrong}; whole numbers from ${low} are allowed`);
  return list;
}

/** The n-th input, which the ONNX specification requires. */
export function requiredInput(node: OnnxNode, index: number): Value {
  const value = node.inputs[index];
  if (!value) throw new ShapeError(`input ${index} is missing`);
  return value;
}

/** The n-th input as numbers known at load; undefined when the input is absent. */
export function constantInput(node: OnnxNode, index: number, what: string): readonly number[] | undefined {
  const value = node.inputs[index];
  if (!value) return undefined;
  if (!value.data) throw new Unsupported(`${what} must be known at load, but it is computed from the network's input`);
  if (isUnknown(value.data)) throw new Unsupported(`${what} must be known, but lies in a file that is not given`);
  return Array.from(value.data);
}

/** The n-th input, which the ONNX specification requires, as one number known at load. */
export function scalarInput(node: OnnxNode, index: number, what: string): number {
  requiredInput(node, index);
  const [number] = constantInput(node, index, what)!;
  if (number === undefined) throw new ShapeError(`${what} (input ${index}) is empty`);
  return number;
}

/** Axes counted from the end when negative. Throws ShapeError where one is out of range or listed twice. */
export function normaliseAxes(axes: readonly number[], rank: number): number[] {
  if (axes.length > rank) throw new ShapeError(`${axes.length} axes are listed of a tensor of rank ${rank}`);
  const normal = axes.map((axis) => normaliseAxis(axis, rank));
  if (new Set(normal).size !== normal.length) throw new ShapeError(`axes [${axes}] of a tensor of rank ${rank} repeat one`);
  return normal;
}

/** An axis counted from the end when negative. Throws ShapeError when out of range. */
export function normaliseAxis(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= Math.max(rank, 1)) {
    throw new ShapeError(`axis ${axis} is outside a tensor of rank ${rank}`);
  }
  return positive;
}

/** The window of a convolution or pool over two spatial axes, height first. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
}

/** The window of a convolution or pool along one axis. */
export interface AxisWindow {
  readonly kernel: number;
  readonly stride: number;
  readonly begin: number;
  readonly end: number;
  readonly dilation: number;
}

/** Strides, dilations and pads as a node lists them: one stride and dilation, and two pads, for every spatial axis. */
export function readLists(
  node: OnnxNode,
  spatial: number,
): { readonly strides: readonly number[]; readonly dilations: readonly number[]; readonly pads: readonly number[] | undefined } {
  const ones = Array<number>(spatial).fill(1);
  return {
    strides: integersAttribute(node, "strides", spatial, spatial) ?? ones,
    dilations: integersAttribute(node, "dilations", spatial, spatial) ?? ones,
    pads: integersAttribute(node, "pads", 2 * spatial, spatial, -MAX_INTEGER),
  };
}

/** Begin and end pads that make the output ⌈input / stride⌉ long; the odd one is at the end for SAME_UPPER. */
function samePads(autoPad: string, input: number, reach: number, stride: number): readonly [number, number] {
  const total = Math.max(0, (Math.ceil(input / stride) - 1) * stride + reach - input);
  const small = Math.floor(total / 2);
  return autoPad === "SAME_UPPER" ? [small, total - small] : [total - small, small];
}

/** Throws ShapeError for a window or a padded axis that is longer than the shaders can count. */
export function checkSpan(span: number, axis: number): void {
  if (span > MAX_INTEGER)
    throw new ShapeError(`a window or its pads span ${span} elements of spatial axis ${axis}; ${MAX_INTEGER} are allowed`);
}

export function readAutoPad(node: OnnxNode): string {
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  if (!["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"].includes(autoPad))
    throw new Unsupported(`auto_pad ${autoPad} is not known`, "auto_pad");
  return autoPad;
}

/** Strides, dilations and pads of a Conv or pool node along every spatial axis. auto_pad is resolved to explicit pads. */
export function readAxisWindows(node: OnnxNode, input: readonly number[], kernel: readonly number[]): readonly AxisWindow[] {
  const spatial = input.length;
  const { strides, dilations, pads } = readLists(node, spatial);
  const autoPad = readAutoPad(node);
  return kernel.map((taps, axis) => {
    const [stride, dilation] = [strides[axis]!, dilations[axis]!];
    const reach = (taps - 1) * dilation + 1;
    const listed = [pads?.[axis] ?? 0, pads?.[axis + spatial] ?? 0] as const;
    const [begin, end] = autoPad === "NOTSET" ? listed : autoPad === "VALID" ? [0, 0] : samePads(autoPad, input[axis]!, reach, stride);
    if (listed.some((pad) => pad !== 0) && (begin !== listed[0] || end !== listed[1])) {
      throw new ShapeError(`attribute pads [${pads}] contradicts auto_pad ${autoPad}, which pads axis ${axis} by ${begin} and ${end}`);
    }
    checkSpan(Math.max(reach, input[axis]! + begin + end), axis);
    return { kernel: taps, stride, dilation, begin, end };
  });
}

/** The window over two axes. */
export function windowOf(h: AxisWindow, w: AxisWindow): Window {
  return {
    kernel: [h.kernel, w.kernel],
    strides: [h.stride, w.stride],
    pads: [h.begin, w.begin, h.end, w.end],
    dilations: [h.dilation, w.dilation],
  };
}

/** An axis on which nothing moves: the height of a 1-D op. */
export const STILL: AxisWindow = { kernel: 1, stride: 1, begin: 0, end: 0, dilation: 1 };

/** The window of a Conv or pool node over height and width; a 1-D op has height 1. */
export function readWindow(node: OnnxNode, input: readonly [number, number], kernel: readonly [number, number], spatial: number): Window {
  const axes = readAxisWindows(node, input.slice(2 - spatial), kernel.slice(2 - spatial));
  return windowOf(spatial === 1 ? STILL : axes[0]!, axes.at(-1)!);
}

/** Output extent of a sliding window on one axis. */
export function windowOutput(input: number, kernel: number, stride: number, padding: number, dilation: number, ceil = false): number {
  const free = input + padding - ((kernel - 1) * dilation + 1);
  return (ceil ? Math.ceil(free / stride) : Math.floor(free / stride)) + 1;
}
