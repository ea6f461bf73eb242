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

function pair(node: OnnxNode, name: string, spatial: number): [number, number] {
  const list = numbersAttribute(node, name) ?? Array<number>(spatial).fill(1);
  if (list.length !== spatial) throw new ShapeError(`attribute ${name} has ${list.length} entries for ${spatial} spatial axes`);
  if (list.some((n) => !Number.isInteger(n) || n < 1)) throw new ShapeError(`attribute ${name} [${list}] is not positive`);
  return spatial === 1 ? [1, list[0]!] : [list[0]!, list[1]!];
}

/**
 * Strides, dilations and explicit pads of a Conv or pool node. `input` and `kernel` are height and width; a 1-D op has
 * height 1. auto_pad is resolved to explicit pads.
 */
export function readWindow(node: OnnxNode, input: readonly [number, number], kernel: readonly [number, number], spatial: number): Window {
  const strides = pair(node, "strides", spatial);
  const dilations = pair(node, "dilations", spatial);
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  let pads: [number, number, number, number] = [0, 0, 0, 0];
  if (autoPad === "NOTSET") {
    const list = numbersAttribute(node, "pads") ?? Array<number>(2 * spatial).fill(0);
    if (list.length !== 2 * spatial) throw new ShapeError(`attribute pads has ${list.length} entries for ${spatial} spatial axes`);
    pads = spatial === 1 ? [0, list[0]!, 0, list[1]!] : [list[0]!, list[1]!, list[2]!, list[3]!];
    if (pads.some((p) => !Number.isInteger(p))) throw new ShapeError(`attribute pads [${list}] is not integral`);
  } else if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
    const total = [0, 1].map((axis) => {
      const out = Math.ceil(input[axis]! / strides[axis]!);
      return Math.max(0, (out - 1) * strides[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1 - input[axis]!);
    });
    const small = total.map((t) => Math.floor(t / 2));
    const large = total.map((t, i) => t - small[i]!);
    const [begin, end] = autoPad === "SAME_UPPER" ? [small, large] : [large, small];
    pads = [begin[0]!, begin[1]!, end[0]!, end[1]!];
  } else if (autoPad !== "VALID") {
    throw new Unsupported(`auto_pad ${autoPad} is not known`, "auto_pad");
  }
  return { kernel: [kernel[0], kernel[1]], strides, pads, dilations };
}

/** Output extent of a sliding window on one axis. */
export function windowOutput(input: number, kernel: number, stride: number, padding: number, dilation: number, ceil = false): number {
  const free = input + padding - ((kernel - 1) * dilation + 1);
  return (ceil ? Math.ceil(free / stride) : Math.floor(free / stride)) + 1;
}
