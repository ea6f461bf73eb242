/**
 * Convolution and its transpose, each the other's adjoint:
 *
 *   vjp of Conv with respect to x is ConvTranspose of the cotangent with the same weights, and the other way round;
 *   both are linear in x, so each one's jvp is itself.
 *
 * One family of kernels computes both (shaders/conv): only the rule that finds the source pixel of a tap differs.
 */
import { ShapeError } from "../runtime/errors.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Attributes, ConstantData, Value } from "../runtime/graph/graph.ts";
import { convKernels } from "./conv-kernels.ts";
import { convSite, planConv, type ConvFacts } from "./conv-planner.ts";
import { ADDEND_INPUT, addedTangent, maskedCotangent } from "./epilogue.ts";
import { defineOp, Unsupported } from "./op.ts";
import type { Emitter, Lowering, OnnxNode } from "./op.ts";
import { numberAttribute, numbersAttribute, readWindow, requiredInput, stringAttribute, windowOutput } from "./onnx-attributes.ts";
import { destinationOf } from "./split-k.ts";

/** Attributes of both ops: the geometry is always that of the convolution, whichever direction runs. */
interface ConvAttributes {
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
  readonly groups: number;
  /** ConvTranspose only: height and width of its output, the convolution's input. */
  readonly outputSize: readonly [number, number];
}

const read = (attributes: Attributes) => attributes as unknown as ConvAttributes;

function rankFour(value: Value | undefined, what: string): readonly [number, number, number, number] {
  if (!value || value.shape.length !== 4) throw new ShapeError(`${what} must have shape [N, C, H, W], found [${value?.shape}]`);
  return value.shape as [number, number, number, number];
}

/** Whether taps come in reverse order, along height and along width. */
type Turned = readonly [boolean, boolean];

/** W [M, C/groups, kh, kw] of a convolution as [tap][c][group][⌈outputs/4⌉·4], zero-padded; `transposed` for its adjoint. */
function packWeights(data: ConstantData, shape: readonly number[], groups: number, transposed: boolean, turned: Turned): Float32Array {
  const [first, second, kh, kw] = shape as [number, number, number, number];
  // Conv stores W as [group, outputs | channels, …]; its adjoint reads the same array as [group, channels | outputs, …].
  const outputs = transposed ? second : first / groups;
  const channels = transposed ? first / groups : second;
  const padded = Math.ceil(outputs / 4) * 4;
  const packed = new Float32Array(kh * kw * channels * groups * padded);
  for (let g = 0; g < groups; g++) {
    for (let m = 0; m < outputs; m++) {
      for (let c = 0; c < channels; c++) {
        const row = transposed ? (g * channels + c) * outputs + m : (g * outputs + m) * channels + c;
        for (let tap = 0; tap < kh * kw; tap++) {
          const [tapRow, column] = [Math.floor(tap / kw), tap % kw];
          const from = (turned[0] ? kh - 1 - tapRow : tapRow) * kw + (turned[1] ? kw - 1 - column : column);
          packed[((tap * channels + c) * groups + g) * padded + m] = data[row * kh * kw + from]!;
        }
      }
    }
  }
  return packed;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function lowerConv(lowering: Lowering, direction: "forward" | "adjoint"): void {
  const { node } = lowering;
  const [x, w] = node.inputs as [Value, Value];
  const y = node.outputs[0]!;
  const { strides, pads, dilations, groups } = read(node.attributes);
  const [images, inChannels, inH, inW] = rankFour(x, "the input");
  const [, outChannels, outH, outW] = rankFour(y, "the output");
  const kernel = [w.shape[2]!, w.shape[3]!] as const;
  const channels = inChannels / groups;
  const outputs = outChannels / groups;
  const quads = Math.ceil(outputs / 4);
  const pixels = images * outH * outW;
  const columns = lowering.copies(y) * pixels;
  const taps = kernel[0] * kernel[1];

  // A 1×1 convolution that moves by one pixel sees no neighbours: the image may as well be a single row.
  const pointwise = taps === 1 && strides.every((s) => s === 1) && pads.every((p) => p === 0) && inH === outH && inW === outW;
  const [rows, rowLength] = pointwise ? [1, outH * outW] : [outH, outW];
  const unitStep = strides[1] === 1 && dilations[1] === 1;
  const adjoint = direction === "adjoint";
  const up = adjoint ? strides : ([1, 1] as const);
  const [kernelH, kernelW] = kernel;
  const facts: ConvFacts = { channels, outputs, groups, images, outH: rows, outW: rowLength, columns, kernelH, kernelW, unitStep, up };
  const site = convSite(facts, { direction, strides, dilations, weights: lowering.weightStorage(w) }, lowering.adapter);
  const plan = planConv(facts, lowering.adapter, lowering.variantFor(site));
  const { output, epilogue, finish } = destinationOf(lowering, plan.slices, outChannels, outH * outW);
  // Where the convolution moves by one pixel, its adjoint is a convolution with the kernel turned round. Running it as one
  // spares the adjoint's divisions, and a pipeline. The strip kernel asks for it along a row only; the quad kernel always, as
  // it takes the stride for itself.
  const quad = plan.variant === "quad";
  const mirrored = adjoint && (quad || strides.every((s) => s === 1));
  const turned: Turned = [mirrored, mirrored || (adjoint && plan.variant === "strip")];
  const rule = mirrored ? "forward" : direction;
  const packed = lowering.packWeights(w, `conv-${direction}-${groups}-${turned}`, taps * channels * groups * quads * 4, (data) =>
    packWeights(data, w.shape, groups, adjoint, turned),
  );
  const pad = (axis: 0 | 1) => (turned[axis] ? (kernel[axis] - 1) * dilations[axis] - pads[axis] : pads[axis]);
  lowering.launch({
    kernel: convKernels(plan.kernel, rule, lowering.adapter)[packed.storage],
    constants: plan.constants,
    bindings: { input: x, weights: packed, ...epilogue.bindings, output, slots: "slots" },
    params: {
      columns,
      rows: lowering.rows,
      images_per_copy: images,
      channels,
      outputs,
      groups,
      quads,
      in_h: pointwise ? 1 : inH,
      in_w: pointwise ? inH * inW : inW,
      out_h: rows,
      out_w: rowLength,
      kernel_h: kernel[0],
      kernel_w: kernel[1],
      stride_h: quad && adjoint ? 1 : strides[0],
      stride_w: quad && adjoint ? 1 : strides[1],
      pad_h: pad(0),
      pad_w: pad(1),
      dilation_h: dilations[0],
      dilation_w: dilations[1],
      up_h: up[0],
      up_w: up[1],
      step_h: up[0] / gcd(up[0], dilations[0]),
      step_w: up[1] / gcd(up[1], dilations[1]),
      slice_depth: plan.slices?.depth ?? taps * channels,
      ...epilogue.params,
    },
    grid: { lead: y.lead, items: plan.items, perGroup: plan.perGroup, depth: plan.depth },
    macs: images * taps * channels * (adjoint ? outChannels * inH * inW : outChannels * outH * outW),
  });
  finish();
}

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
  if (w.shape.length !== x.shape.length) throw new ShapeError(`weights [${w.shape}] do not fit an input [${x.shape}]`);
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

function checkKernelShape(node: OnnxNode, w: Value): void {
  const declared = numbersAttribute(node, "kernel_shape");
  const actual = w.shape.slice(w.shape.length === 4 && declared?.length === 1 ? 3 : 2);
  if (declared && declared.some((extent, i) => extent !== actual[i])) {
    throw new ShapeError(`attribute kernel_shape [${declared}] does not fit weights [${w.shape}]`);
  }
}

/** Convolution over two spatial axes. Inputs: x, W (constant), bias?, mask? (a clamp's output, for adjoint graphs), addend?. */
export const conv = defineOp({
  name: "Conv",
  epilogues: ["clamp", "mask", "add"],
  onnx: {
    Conv: {
      since: 1,
      restrictions: "1-D to 3-D; weights constant",
      import: (node, emit) =>
        importConv(node, emit, (node, emit, spatial, x, w) => {
          checkKernelShape(node, w);
          const window = readWindow(node, [x.shape[2]!, x.shape[3]!], [w.shape[2]!, w.shape[3]!], spatial);
          const groups = numberAttribute(node, "group", 1);
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
          checkKernelShape(node, w);
          const geometry = transposeGeometry(node, x, w, spatial);
          return emit.add("ConvTranspose", [x, w, node.inputs[2]], { ...geometry, groups: numberAttribute(node, "group", 1) });
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
  const two = <T>(list: readonly T[] | undefined, fill: T): [T, T] =>
    list === undefined ? [fill, fill] : spatial === 1 ? [fill, list[0]!] : [list[0]!, list[1]!];
  const strides = two(numbersAttribute(node, "strides"), 1);
  const dilations = two(numbersAttribute(node, "dilations"), 1);
  const outputPadding = two(numbersAttribute(node, "output_padding"), 0);
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  const wantedSize = numbersAttribute(node, "output_shape");
  const full = [0, 1].map(
    (axis) => (x.shape[2 + axis]! - 1) * strides[axis]! + (w.shape[2 + axis]! - 1) * dilations[axis]! + 1 + outputPadding[axis]!,
  );
  const outputSize: [number, number] = [0, 0];
  const pads: [number, number, number, number] = [0, 0, 0, 0];
  for (const axis of [0, 1] as const) {
    const listed = numbersAttribute(node, "pads");
    const begin = listed ? (spatial === 1 ? (axis === 0 ? 0 : listed[0]!) : listed[axis]!) : 0;
    const end = listed ? (spatial === 1 ? (axis === 0 ? 0 : listed[1]!) : listed[2 + axis]!) : 0;
    const wanted = wantedSize ? (spatial === 1 ? (axis === 0 ? 1 : wantedSize[0]!) : wantedSize.slice(-2)[axis]!) : undefined;
    const same = autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER";
    if (wanted === undefined && !same) {
      pads[axis] = begin;
      pads[2 + axis] = end;
      outputSize[axis] = full[axis]! - begin - end;
      continue;
    }
    outputSize[axis] = wanted ?? x.shape[2 + axis]! * strides[axis];
    const total = Math.max(0, full[axis]! - outputSize[axis]);
    // The specification puts the larger half at the begin unless auto_pad is SAME_UPPER.
    const half = Math.floor(total / 2);
    pads[axis] = autoPad === "SAME_UPPER" ? half : total - half;
    pads[2 + axis] = total - pads[axis];
  }
  return { strides, pads, dilations, outputSize };
}
