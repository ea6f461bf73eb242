/** Reading ONNX attributes: defaults, checks, and the spatial ones that convolutions and pools share. */
import { ShapeError } from "../runtime/errors.ts";
import type { Value } from "../runtime/graph/graph.ts";
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
  return Array.from(value.data);
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

function perAxis(node: OnnxNode, name: string, spatial: number): readonly number[] {
  const list = numbersAttribute(node, name) ?? Array<number>(spatial).fill(1);
  if (list.length !== spatial) throw new ShapeError(`attribute ${name} has ${list.length} entries for ${spatial} spatial axes`);
  if (list.some((n) => !Number.isInteger(n) || n < 1)) throw new ShapeError(`attribute ${name} [${list}] is not positive`);
  return list;
}

/** Strides, dilations and pads of a Conv or pool node along every spatial axis. auto_pad is resolved to explicit pads. */
export function readAxisWindows(node: OnnxNode, input: readonly number[], kernel: readonly number[]): readonly AxisWindow[] {
  const spatial = input.length;
  const strides = perAxis(node, "strides", spatial);
  const dilations = perAxis(node, "dilations", spatial);
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  const listed = numbersAttribute(node, "pads") ?? Array<number>(2 * spatial).fill(0);
  if (!["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"].includes(autoPad))
    throw new Unsupported(`auto_pad ${autoPad} is not known`, "auto_pad");
  if (autoPad === "NOTSET") {
    if (listed.length !== 2 * spatial) throw new ShapeError(`attribute pads has ${listed.length} entries for ${spatial} spatial axes`);
    if (listed.some((p) => !Number.isInteger(p))) throw new ShapeError(`attribute pads [${listed}] is not integral`);
  }
  return kernel.map((taps, axis) => {
    const shape = { kernel: taps, stride: strides[axis]!, dilation: dilations[axis]! };
    if (autoPad === "NOTSET") return { ...shape, begin: listed[axis]!, end: listed[axis + spatial]! };
    if (autoPad === "VALID") return { ...shape, begin: 0, end: 0 };
    const out = Math.ceil(input[axis]! / shape.stride);
    const total = Math.max(0, (out - 1) * shape.stride + (taps - 1) * shape.dilation + 1 - input[axis]!);
    const small = Math.floor(total / 2);
    return autoPad === "SAME_UPPER" ? { ...shape, begin: small, end: total - small } : { ...shape, begin: total - small, end: small };
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
