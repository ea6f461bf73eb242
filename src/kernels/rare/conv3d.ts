/**
 * Convolutions over three spatial axes, as a sum of 2-D ones: for every tap along the depth, the slices that it reads (or, for
 * the transpose, writes) are convolved as pictures of a batch.
 */
import { ShapeError } from "../../runtime/errors.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { reshapeTo } from "../broadcast.ts";
import {
  integerAttribute,
  integersAttribute,
  numbersAttribute,
  readAxisWindows,
  stringAttribute,
  windowOf,
  windowOutput,
} from "../onnx-attributes.ts";
import { checkKernelShape, conv, convTranspose } from "../conv.ts";
import { importersOnly, Unsupported } from "../op.ts";
import type { Emitter, OnnxBinding, OnnxNode, OpDefinition } from "../op.ts";

/** [N, C, D, H, W] ↔ [N, D, C, H, W] */
const depthAndChannels = [0, 2, 1, 3, 4];

function exchanged(x: Value, emit: Emitter): Value {
  return emit.add("Transpose", [x], { permutation: depthAndChannels });
}

/** The depth slices of x [N, D, C, H, W] as pictures [N·D, C, H, W]. */
function pictures(x: Value, emit: Emitter): Value {
  const [n, d, ...rest] = x.shape as [number, number, ...number[]];
  return reshapeTo(x, [n * d, ...rest], emit);
}

function stacked(x: Value, n: number, emit: Emitter): Value {
  return reshapeTo(x, [n, x.shape[0]! / n, ...x.shape.slice(1)], emit);
}

/** W[:, :, tap], a constant. */
function tapWeights(w: Value, tap: number, emit: Emitter): Value {
  const [first, second, , kh, kw] = w.shape as [number, number, number, number, number];
  const part = emit.add("Slice", [w], { starts: [0, 0, tap, 0, 0], steps: [1, 1, 1, 1, 1], extents: [first, second, 1, kh, kw] });
  return reshapeTo(part, [first, second, kh, kw], emit);
}

const alongDepth = (x: Value, value: number, others: number) => x.shape.map((_, axis) => (axis === 1 ? value : others));

function conv3d(node: OnnxNode, x: Value, w: Value, bias: Value | undefined, emit: Emitter): Value {
  checkKernelShape(node, w);
  const taps = w.shape.slice(2);
  const [depth, h, v] = readAxisWindows(node, x.shape.slice(2), taps);
  if (!depth || !h || !v) throw new ShapeError(`weights [${w.shape}] do not fit an input [${x.shape}]`);
  const { strides, pads, dilations } = windowOf(h, v);
  const n = x.shape[0]!;
  const planes = exchanged(x, emit);
  const outDepth = windowOutput(x.shape[2]!, depth.kernel, depth.stride, depth.begin + depth.end, depth.dilation);
  if (outDepth < 1) throw new ShapeError(`a kernel of depth ${depth.kernel} does not fit an input [${x.shape}]`);
  let sum: Value | undefined;
  for (let tap = 0; tap < depth.kernel; tap++) {
    const read = emit.add("Slice", [planes], {
      starts: alongDepth(planes, tap * depth.dilation - depth.begin, 0),
      steps: alongDepth(planes, depth.stride, 1),
      extents: planes.shape.map((extent, axis) => (axis === 1 ? outDepth : extent)),
    });
    const inputs = [pictures(read, emit), tapWeights(w, tap, emit), tap === 0 ? bias : undefined];
    const term = emit.add("Conv", inputs, { strides, pads, dilations, groups: integerAttribute(node, "group", 1) });
    sum = sum ? emit.add("Add", [sum, term]) : term;
  }
  return exchanged(stacked(sum!, n, emit), emit);
}

function convTranspose3d(node: OnnxNode, x: Value, w: Value, bias: Value | undefined, emit: Emitter): Value {
  if (stringAttribute(node, "auto_pad", "NOTSET") !== "NOTSET" || numbersAttribute(node, "output_shape")) {
    throw new Unsupported("auto_pad and output_shape of a 3-D transposed convolution");
  }
  checkKernelShape(node, w);
  const taps = w.shape.slice(2);
  const axes = readAxisWindows(node, x.shape.slice(2), taps);
  const more = integersAttribute(node, "output_padding", 3, 3, 0) ?? [0, 0, 0];
  const sizes = axes.map(
    ({ kernel, stride, begin, end, dilation }, i) => (x.shape[2 + i]! - 1) * stride + (kernel - 1) * dilation + 1 + more[i]! - begin - end,
  );
  const [depth, h, v] = axes as [(typeof axes)[number], (typeof axes)[number], (typeof axes)[number]];
  const { strides, pads, dilations } = windowOf(h, v);
  const images = pictures(exchanged(x, emit), emit);
  let sum: Value | undefined;
  for (let tap = 0; tap < depth.kernel; tap++) {
    const written = emit.add("ConvTranspose", [images, tapWeights(w, tap, emit)], {
      strides,
      pads,
      dilations,
      groups: integerAttribute(node, "group", 1),
      outputSize: sizes.slice(1),
    });
    const planes = stacked(written, x.shape[0]!, emit);
    const placed = emit.add("Unslice", [planes], {
      starts: alongDepth(planes, tap * depth.dilation - depth.begin, 0),
      steps: alongDepth(planes, depth.stride, 1),
      extents: planes.shape.map((extent, axis) => (axis === 1 ? sizes[0]! : extent)),
    });
    sum = sum ? emit.add("Add", [sum, placed]) : placed;
  }
  const y = exchanged(sum!, emit);
  return bias ? emit.add("Add", [y, reshapeTo(bias, [y.shape[1]!, 1, 1, 1], emit)]) : y;
}

/** The core's importer, and for three spatial axes one of those above. */
function withSpace(core: OnnxBinding, inSpace: typeof conv3d): OnnxBinding {
  return {
    ...core,
    import: (node, emit) => {
      const [x, w, bias] = node.inputs;
      const spatial = x?.shape.length === 5 && w?.data && w.shape.length === 5;
      return spatial ? [inSpace(node, x, w, bias, emit)] : core.import(node, emit);
    },
  };
}

export const conv3dOps: readonly OpDefinition[] = [
  importersOnly("convolutions in space", {
    Conv: withSpace(conv.onnx!["Conv"]!, conv3d),
    ConvTranspose: withSpace(convTranspose.onnx!["ConvTranspose"]!, convTranspose3d),
  }),
];
