/** Convolutions and pools in one and two dimensions, with every attribute that says where the windows lie. */
import fc from "fast-check";
import { describe } from "vitest";
import { node, uniform, weights } from "../ops/cases/build.ts";
import type { OpCase } from "../ops/cases/build.ts";
import { int, perAxis, property } from "./property.ts";

const ranks = fc.constantFrom(1, 2);

/** Where windows lie along every axis: explicit, perhaps asymmetric pads, or an auto_pad. */
interface Windows {
  readonly input: number[];
  readonly kernel: number[];
  readonly strides: number[];
  readonly dilations: number[];
  readonly pads: number[];
  readonly autoPad: "NOTSET" | "VALID" | "SAME_UPPER" | "SAME_LOWER";
}

const windows = (largestPad: number) =>
  ranks
    .chain((rank) =>
      fc.record({
        input: perAxis(rank, int(1, 11)),
        kernel: perAxis(rank, int(1, 4)),
        strides: perAxis(rank, int(1, 3)),
        dilations: perAxis(rank, int(1, 3)),
        pads: perAxis(2 * rank, int(0, largestPad)),
        autoPad: fc.constantFrom<Windows["autoPad"][]>("NOTSET", "NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"),
      }),
    )
    .filter((given) => given.autoPad.startsWith("SAME") || reaches(given).every((reach, axis) => reach <= room(given, axis)));

/** How far a window reaches along each axis. */
const reaches = ({ kernel, dilations }: Windows) => kernel.map((k, axis) => (k - 1) * dilations[axis]! + 1);

function room({ input, pads, autoPad }: Windows, axis: number): number {
  return autoPad === "VALID" ? input[axis]! : input[axis]! + pads[axis]! + pads[axis + input.length]!;
}

function placement({ strides, dilations, pads, autoPad }: Windows) {
  return { strides, dilations, ...(autoPad === "NOTSET" ? { pads } : { auto_pad: autoPad }) };
}

const convolution = fc
  .record({ windows: windows(3), groups: int(1, 3), channels: int(1, 3), outputs: int(3, 6), bias: fc.boolean() })
  .map(({ windows, groups, channels, outputs, bias }): OpCase => {
    const attributes = { ...placement(windows), kernel_shape: windows.kernel, group: groups };
    const filter = [groups * outputs, channels, ...windows.kernel];
    return {
      name: `Conv [${groups * channels}, ${windows.input}] by [${filter}] ${JSON.stringify(attributes)}`,
      operands: { a: [1, groups * channels, ...windows.input] },
      constants: { w: weights(filter), ...(bias && { b: uniform([groups * outputs]) }) },
      nodes: [node("Conv", bias ? ["a", "w", "b"] : ["a", "w"], attributes)],
    };
  });

/** Every window sees a pixel: ONNX says nothing of others, and Nudge refuses them. */
function seesInput(given: Windows, ceil: boolean): boolean {
  return given.input.every((extent, axis) => {
    const [kernel, stride, dilation] = [given.kernel[axis]!, given.strides[axis]!, given.dilations[axis]!];
    const [begin, end] = padsOf(given, axis);
    const reach = (kernel - 1) * dilation + 1;
    for (let start = -begin; start + reach <= extent + end || (ceil && start - stride + reach < extent + end); start += stride) {
      if (!Array.from({ length: kernel }, (_, k) => start + k * dilation).some((at) => at >= 0 && at < extent)) return false;
    }
    return true;
  });
}

function padsOf(given: Windows, axis: number): [number, number] {
  const extent = given.input[axis]!;
  if (given.autoPad === "VALID") return [0, 0];
  if (given.autoPad === "NOTSET") return [given.pads[axis]!, given.pads[axis + given.input.length]!];
  const needed = (Math.ceil(extent / given.strides[axis]!) - 1) * given.strides[axis]! + reaches(given)[axis]! - extent;
  const total = Math.max(0, needed);
  const small = Math.floor(total / 2);
  return given.autoPad === "SAME_UPPER" ? [small, total - small] : [total - small, small];
}

interface PoolRules {
  readonly name: string;
  readonly attributes: fc.Arbitrary<Record<string, number>>;
}

/**
 * ceil_mode goes with explicit pads only. Opset 19 is the first in which all pools have dilations. Operands are positive: a
 * norm has no derivative at 0, and a single output near 0 would be all cancellation.
 */
const pool = ({ name, attributes }: PoolRules) =>
  fc
    .record({ windows: windows(2), channels: int(1, 3), ceil: fc.boolean(), attributes })
    .map(({ windows, ceil, ...rest }) => ({ ...rest, windows, ceil: ceil && windows.autoPad === "NOTSET" }))
    .filter(({ windows, ceil }) => seesInput(windows, ceil))
    .map(({ windows, channels, ceil, attributes }): OpCase => {
      const all = { ...placement(windows), kernel_shape: windows.kernel, ceil_mode: Number(ceil), ...attributes };
      return {
        name: `${name} [${channels}, ${windows.input}] ${JSON.stringify(all)}`,
        opset: 19,
        operands: { a: { shape: [1, channels, ...windows.input], positive: true } },
        nodes: [node(name, ["a"], all)],
      };
    });

describe("windows of random shapes", () => {
  property("Conv", convolution);
  property("MaxPool", pool({ name: "MaxPool", attributes: fc.constant({}) }));
  property("AveragePool", pool({ name: "AveragePool", attributes: fc.record({ count_include_pad: int(0, 1) }) }));
  property("LpPool", pool({ name: "LpPool", attributes: fc.record({ p: int(1, 3) }) }));
});
