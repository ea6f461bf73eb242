/**
 * Convolution and its transpose, each the other's adjoint:
 *
 *   vjp of Conv with respect to x is ConvTranspose of the cotangent with the same weights, and the other way round;
 *   both are linear in x, so each one's jvp is itself.
 *
 * One family of kernels computes both (conv-lowering.ts).
 */
import { ShapeError } from "../runtime/errors.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Attributes, Value } from "../runtime/graph/graph.ts";
import { lowerConv, rankFour, read } from "./conv-lowering.ts";
import type { ConvAttributes } from "./conv-lowering.ts";
import { convVariantKernels } from "./conv-kernels.ts";
import { ADDEND_INPUT, addedTangent, maskedCotangent } from "./epilogue.ts";
import { defineOp, Unsupported } from "./op.ts";
import type { Emitter, OnnxNode } from "./op.ts";
import {
  checkSpan,
  integerAttribute,
  integersAttribute,
  numbersAttribute,
  readAutoPad,
  readLists,
  readWindow,
  requiredInput,
  windowOutput,
} from "./onnx-attributes.ts";

/** Height-1 axis for 1-D convolutions: [N, C, L] as [N, C, 1, L]. */
function lifted(value: Value, emit: Emitter): Value {
  return emit.add("Reshape", [value], { shape: [value.shape[0]!, value.shape[1]!, 1, value.shape[2]!] });
}

function importConv(
  node: OnnxNode,
  emit: Emitter,
  importCore: (node: OnnxNode, emit: Emitter, spatial: number, x: Value, w: Value) => Value,
): Value[] {
  const x = requiredInput(node, 0);
  const w = requiredInput(node, 1);
  if (!w.data) throw new Unsupported("the weights must be constants");
  const spatial = x.shape.length - 2;
  if (spatial < 1) throw new ShapeError(`the input [${x.shape}] has no spatial axis`);
  if (w.shape.length !== x.shape.length) throw new ShapeError(`weights [${w.shape}] do not fit an input [${x.shape}]`);
  checkKernelShape(node, w);
  const bias = node.inputs[2];
  if (spatial !== 1 && spatial !== 2) throw new Unsupported(`${spatial}-D convolution; 1-D to 3-D are covered`);
  const [inputs, computedBias] = bias && !bias.data ? [[x, w], bias] : [node.inputs, undefined];
  const plain = importCore({ ...node, inputs }, emit, spatial, spatial === 2 ? x : lifted(x, emit), spatial === 2 ? w : lifted(w, emit));
  const y = computedBias ? addComputedBias(plain, computedBias, emit) : plain;
  return spatial === 2 ? [y] : [emit.add("Reshape", [y], { shape: [y.shape[0]!, y.shape[1]!, y.shape[3]!] })];
}

/** The kernels take one bias for all samples; one that the network computes is a node of its own. */
function addComputedBias(y: Value, bias: Value, emit: Emitter): Value {
  const channels = y.shape[1]!;
  if (sizeOf(bias.shape) !== channels) throw new ShapeError(`bias [${bias.shape}] does not fit ${channels} output channels`);
  return emit.add("Add", [y, emit.add("Reshape", [bias], { shape: [channels, 1, 1] })]);
}

/** Throws ShapeError where the attribute kernel_shape is not what the weights have. */
export function checkKernelShape(node: OnnxNode, w: Value): void {
  const actual = w.shape.slice(2);
  const declared = integersAttribute(node, "kernel_shape", actual.length, actual.length);
  if (declared && declared.join() !== actual.join()) {
    throw new ShapeError(`attribute kernel_shape [${declared}] does not fit weights [${w.shape}]`);
  }
}

/** Convolution over two spatial axes. Inputs: x, W (constant), bias?, mask? (a clamp's output, for adjoint graphs), addend?. */
export const conv = defineOp({
  name: "Conv",
  variants: convVariantKernels,
  epilogues: ["clamp", "mask", "add"],
  onnx: {
    Conv: {
      since: 1,
      restrictions: "1-D to 3-D; weights constant",
      import: (node, emit) =>
        importConv(node, emit, (node, emit, spatial, x, w) => {
          const window = readWindow(node, [x.shape[2]!, x.shape[3]!], [w.shape[2]!, w.shape[3]!], spatial);
          const groups = integerAttribute(node, "group", 1);
          return emit.add("Conv", [x, w, node.inputs[2]], {
            strides: window.strides,
            pads: window.pads,
            dilations: window.dilations,
            groups,
          });
        }),
    },
  },
  infer: ([x, w, bias], attributes) => {
    const { strides, pads, dilations, groups } = read(attributes);
    const [n, c, h, wide] = rankFour(x, "the input");
    const [m, perGroup, kh, kw] = rankFour(w, "the weights");
    if (!(groups >= 1) || c % groups !== 0 || m % groups !== 0 || perGroup !== c / groups) {
      throw new ShapeError(`weights [${w!.shape}] in ${groups} groups do not fit an input of ${c} channels`);
    }
    if (bias && sizeOf(bias.shape) !== m) throw new ShapeError(`bias [${bias.shape}] does not fit ${m} output channels`);
    const outH = windowOutput(h, kh, strides[0], pads[0] + pads[2], dilations[0]);
    const outW = windowOutput(wide, kw, strides[1], pads[1] + pads[3], dilations[1]);
    if (outH < 1 || outW < 1) throw new ShapeError(`a ${kh}×${kw} kernel does not fit an input of ${h}×${wide} with pads [${pads}]`);
    return [{ shape: [n, m, outH, outW], type: "float" }];
  },
  lower: (lowering) => lowerConv(lowering, "forward"),
  vjp: ({ node, emit }, cotangent) => {
    const [x, w] = node.inputs as [Value, Value];
    const dy = maskedCotangent(node, cotangent, emit);
    const { strides, pads, dilations, groups } = read(node.attributes);
    const outputSize = [x.shape[2]!, x.shape[3]!];
    const dx = emit.add("ConvTranspose", [dy, w], { strides, pads, dilations, groups, outputSize });
    return [dx, undefined, undefined, undefined, node.inputs[ADDEND_INPUT] && dy];
  },
  jvp: ({ node, emit }, [tangent, , , , addend]) => {
    const { strides, pads, dilations, groups } = read(node.attributes);
    const y = tangent && emit.add("Conv", [tangent, node.inputs[1]], { strides, pads, dilations, groups });
    return maskedCotangent(node, addedTangent(y, addend, emit), emit);
  },
});

/** The transpose of a convolution. Inputs: x, W (constant, laid out as the convolution's), bias?, mask?, addend?. */
export const convTranspose = defineOp({
  name: "ConvTranspose",
  epilogues: ["clamp", "mask", "add"],
  onnx: {
    ConvTranspose: {
      since: 1,
      restrictions: "1-D to 3-D; weights constant",
      import: (node, emit) =>
        importConv(node, emit, (node, emit, spatial, x, w) => {
          const geometry = transposeGeometry(node, x, w, spatial);
          return emit.add("ConvTranspose", [x, w, node.inputs[2]], { ...geometry, groups: integerAttribute(node, "group", 1) });
        }),
    },
  },
  infer: ([x, w, bias], attributes) => {
    const { groups, outputSize } = read(attributes);
    const [n, c] = rankFour(x, "the input");
    const [first, perGroup] = rankFour(w, "the weights");
    if (!(groups >= 1) || first !== c || c % groups !== 0) {
      throw new ShapeError(`weights [${w!.shape}] in ${groups} groups do not fit an input of ${c} channels`);
    }
    if (outputSize.some((extent) => extent < 1)) throw new ShapeError(`output size [${outputSize}] is empty`);
    const m = perGroup * groups;
    if (bias && sizeOf(bias.shape) !== m) throw new ShapeError(`bias [${bias.shape}] does not fit ${m} output channels`);
    return [{ shape: [n, m, outputSize[0], outputSize[1]], type: "float" }];
  },
  lower: (lowering) => lowerConv(lowering, "adjoint"),
  vjp: ({ node, emit }, cotangent) => {
    const { strides, pads, dilations, groups } = read(node.attributes);
    const dy = maskedCotangent(node, cotangent, emit);
    const [x, w] = node.inputs as [Value, Value];
    const dx = exactly(emit.add("Conv", [dy, w], { strides, pads: padsThatFit(x, w, node), dilations, groups }), x, pads);
    return [dx, undefined, undefined, undefined, node.inputs[ADDEND_INPUT] && dy];
  },
  jvp: ({ node, emit }, [tangent, , , , addend]) => {
    const { strides, pads, dilations, groups, outputSize } = read(node.attributes);
    const y = tangent && emit.add("ConvTranspose", [tangent, node.inputs[1]], { strides, pads, dilations, groups, outputSize });
    return maskedCotangent(node, addedTangent(y, addend, emit), emit);
  },
});

/** End pads with which a convolution of the transpose's output gives back exactly the transpose's input extents. */
function padsThatFit(x: Value, w: Value, node: { attributes: Attributes }): readonly number[] {
  const { strides, pads, dilations, outputSize } = read(node.attributes);
  const end = [0, 1].map((axis) => {
    const reach = (x.shape[2 + axis]! - 1) * strides[axis]! + (w.shape[2 + axis]! - 1) * dilations[axis]! + 1;
    return reach - outputSize[axis]! - pads[axis]!;
  });
  return [pads[0], pads[1], end[0]!, end[1]!];
}

function exactly(value: Value, like: Value, pads: readonly number[]): Value {
  if (value.shape.some((extent, axis) => extent !== like.shape[axis])) {
    throw new Error(`adjoint of ConvTranspose has shape [${value.shape}], expected [${like.shape}] (pads [${pads}])`);
  }
  return value;
}

/** Strides, pads, dilations and output size from ConvTranspose's attributes (ONNX operator specification, ConvTranspose). */
function transposeGeometry(node: OnnxNode, x: Value, w: Value, spatial: number): Omit<ConvAttributes, "groups"> & Attributes {
  const { strides, dilations, pads = Array<number>(2 * spatial).fill(0) } = readLists(node, spatial);
  const more = integersAttribute(node, "output_padding", spatial, spatial, 0) ?? pads.map(() => 0);
  const autoPad = readAutoPad(node);
  // Some exporters list the axes of batch and channels too.
  const whole = numbersAttribute(node, "output_shape")?.length === spatial + 2 ? spatial + 2 : spatial;
  const wantedSize = integersAttribute(node, "output_shape", whole, spatial)?.slice(-spatial);
  const same = autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER";
  const axes = x.shape.slice(-spatial).map((input, axis) => {
    const [stride, dilation] = [strides[axis]!, dilations[axis]!];
    const full = (input - 1) * stride + (w.shape.at(axis - spatial)! - 1) * dilation + 1 + more[axis]!;
    checkSpan(full, axis);
    const shared = { stride, dilation };
    if (!wantedSize && !same) {
      const [begin, end] = autoPad === "VALID" ? [0, 0] : [pads[axis]!, pads[axis + spatial]!];
      return { ...shared, begin, end, size: full - begin - end };
    }
    const size = wantedSize?.[axis] ?? input * stride;
    const total = Math.max(0, full - size);
    // The specification puts the larger half at the begin unless auto_pad is SAME_UPPER.
    const begin = autoPad === "SAME_UPPER" ? Math.floor(total / 2) : total - Math.floor(total / 2);
    return { ...shared, begin, end: total - begin, size };
  });
  const [h, v] = spatial === 1 ? [STILL_TRANSPOSE, axes[0]!] : [axes[0]!, axes[1]!];
  return {
    strides: [h.stride, v.stride],
    pads: [h.begin, v.begin, h.end, v.end],
    dilations: [h.dilation, v.dilation],
    outputSize: [h.size, v.size],
  };
}

/** The height of a 1-D transposed convolution. */
const STILL_TRANSPOSE = { stride: 1, dilation: 1, begin: 0, end: 0, size: 1 };
