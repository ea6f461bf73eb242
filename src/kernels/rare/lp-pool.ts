/** Pools by a norm: (Σ |x|^p)^(1/p) under each window, and over the whole of space. */
import type { Value } from "../../runtime/graph/graph.ts";
import { integerAttribute, requiredInput } from "../onnx-attributes.ts";
import { importersOnly } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "../op.ts";
import { poolOutput, poolSpace } from "../pool.ts";
import type { PlanePool } from "../pool.ts";
import { powerOf } from "./unary-functions.ts";
import { reduceOver, spatialAxes } from "../reduce.ts";
import { norm1, norm2 } from "./reductions.ts";

/**
 * Sums under windows: a convolution of every channel with ones. What ceil_mode lets hang over is padding, which adds nothing.
 */
const sumPool: PlanePool = (x, window, { ceil }, emit) => {
  const channels = x.shape[1]!;
  const { kernel, strides, pads, dilations } = window;
  const inputSize = [x.shape[2]!, x.shape[3]!] as const;
  const end = ([0, 1] as const).map((axis) => {
    const out = poolOutput({ ...window, ceil, countPadding: true, inputSize }, axis);
    const reach = (out - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1;
    return Math.max(pads[axis + 2]!, reach - inputSize[axis] - pads[axis]);
  });
  emit.spend(channels * kernel[0] * kernel[1]);
  const ones = emit.constant([channels, 1, ...kernel], new Float32Array(channels * kernel[0] * kernel[1]).fill(1));
  return emit.add("Conv", [x, ones], { strides, dilations, pads: [pads[0], pads[1], ...end], groups: channels });
};

function importLpPool(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const p = integerAttribute(node, "p", 2);
  const powers = p === 2 ? emit.add("Mul", [x, x]) : powerOf(emit.add("Abs", [x]), p, emit);
  return [powerOf(poolSpace(node, powers, sumPool, emit), 1 / p, emit)];
}

function importGlobalLpPool(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const p = integerAttribute(node, "p", 2);
  if (p === 1) return [norm1(x, spatialAxes(x), emit)];
  if (p === 2) return [norm2(x, spatialAxes(x), emit)];
  const sum = reduceOver("ReduceSum", powerOf(emit.add("Abs", [x]), p, emit), spatialAxes(x), emit);
  return [powerOf(sum, 1 / p, emit)];
}

export const lpPoolOps: readonly OpDefinition[] = [
  importersOnly("pools by a norm", {
    LpPool: { since: 2, import: importLpPool, restrictions: "1-D to 3-D" },
    GlobalLpPool: { since: 2, import: importGlobalLpPool },
  }),
];
