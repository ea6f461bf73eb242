/**
 * Matrix products: MatMul and Gemm. With C = A·B:   dA = dC·Bᵀ,   dB = Aᵀ·dC,   Ċ = Ȧ·B + A·Ḃ.
 *
 * A dense layer has one B for all samples, so the rows of all samples, and of all their cotangents, make one tall matrix:
 * a Jacobian of R rows is a product with N·R lines, not R products.
 */
import directSource from "../../shaders/matmul/matmul_direct.wgsl?raw";
import interfaceSource from "../../shaders/matmul/interface.wgsl?raw";
import lineSource from "../../shaders/matmul/matmul_line.wgsl?raw";
import tiledSource from "../../shaders/matmul/matmul_tiled.wgsl?raw";
import { ShapeError } from "../runtime/errors.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { ConstantData, Value } from "../runtime/graph/graph.ts";
import type { Operand } from "../runtime/plan/launch.ts";
import { ADDEND_INPUT, addedTangent, maskedCotangent } from "./epilogue.ts";
import { quadKernel } from "./conv-kernels.ts";
import { matmulSite, planMatmul } from "./matmul-planner.ts";
import { launchCopy, transposeLastTwo } from "./movement.ts";
import { defineOp } from "./op.ts";
import type { Emitter, Lowering, OnnxNode } from "./op.ts";
import { numberAttribute, requiredInput } from "./onnx-attributes.ts";
import { broadcastShapes, reshapeTo, sumTo } from "./broadcast.ts";
import { destinationOf, sumSlices } from "./split-k.ts";
import { defineForWeights, storageOf } from "./weights.ts";
import { epilogueSource, gridSource, ieeeSource, slicesSource, slotsSource } from "./wgsl.ts";

const shared = [interfaceSource, epilogueSource, gridSource, ieeeSource, slotsSource];
const kernels = {
  direct: defineForWeights("matmul_direct", directSource, shared, slicesSource),
  line: defineForWeights("matmul_line", lineSource, shared),
  tiled: defineForWeights("matmul_tiled", tiledSource, shared, slicesSource),
};

interface Matrices {
  readonly batch: readonly number[];
  readonly height: number;
  readonly width: number;
}

function matrices(value: Value | undefined, what: string): Matrices {
  if (!value || value.shape.length < 2) throw new ShapeError(`${what} must have at least two axes, found [${value?.shape}]`);
  return { batch: value.shape.slice(0, -2), height: value.shape.at(-2)!, width: value.shape.at(-1)! };
}

/** B [K, N] as [K][⌈N/4⌉·4], zero-padded. */
function packColumns(data: ConstantData, count: number, depth: number, width: number): Float32Array {
  const padded = Math.ceil(width / 4) * 4;
  const packed = new Float32Array(count * depth * padded);
  for (let row = 0; row < count * depth; row++) {
    for (let n = 0; n < width; n++) packed[row * padded + n] = data[row * width + n]!;
  }
  return packed;
}

/** B in the kernel's layout: packed at load when constant, else copied into a padded scratch value. */
function packedRight(lowering: Lowering, b: Value, count: number, depth: number, width: number): Operand {
  const quads = Math.ceil(width / 4);
  if (b.data) return lowering.packWeights(b, "columns", count * depth * quads * 4, (data) => packColumns(data, count, depth, width));
  if (width % 4 === 0) return b;
  const padded = lowering.scratch(b, [count, depth, quads * 4]);
  launchCopy(lowering, b, padded, {
    extents: [count, depth, quads * 4],
    bounds: [count, depth, width],
    inStrides: [depth * width, width, 1],
  });
  return padded;
}

function lower(lowering: Lowering): void {
  const { node } = lowering;
  const [a, b] = node.inputs as [Value, Value];
  const y = node.outputs[0]!;
  const left = matrices(a, "A");
  const right = matrices(b, "B");
  const batch = sizeOf(y.shape.slice(0, -2));
  const [aCount, bCount] = [sizeOf(left.batch), sizeOf(right.batch)];
  const sharedB = b.lead === "shared" && bCount === 1;
  const width = right.width;
  const quads = Math.ceil(width / 4);
  const linesPerCopy = batch * left.height;
  const lines = lowering.copies(y) * linesPerCopy;
  const leads = [lowering.leadOf(a, y), lowering.leadOf(b, y)] as const;
  const straight = aCount === batch && (leads[0] === 1 || (leads[0] === 0 && y.lead === "shared"));
  const facts = { lines, depth: left.width, width, sharedB, straight };
  const site = matmulSite(facts, { height: left.height, leads, weights: lowering.weightStorage(b) }, lowering.adapter);
  const plan = planMatmul(facts, lowering.adapter, lowering.variantFor(site));
  const { output, epilogue, finish } = destinationOf(lowering, plan.slices, width, 1);
  const packed = packedRight(lowering, b, bCount, left.width, width);
  const common = {
    grid: { lead: y.lead, items: linesPerCopy, perGroup: plan.linesPerGroup, depth: plan.depth },
    macs: linesPerCopy * left.width * width,
  };
  if (plan.kernel === "quad") {
    lowering.launch({
      kernel: quadKernel[storageOf(packed)],
      constants: plan.constants,
      bindings: { input: a, weights: packed, ...epilogue.bindings, output, slots: "slots" },
      params: { ...asConvolution(lines, linesPerCopy, left.width, width), rows: lowering.rows, ...epilogue.params },
      ...common,
    });
    return;
  }
  lowering.launch({
    kernel: kernels[plan.kernel][storageOf(packed)],
    constants: { ...plan.constants, A_LEAD: leads[0], B_LEAD: leads[1], ...(plan.kernel === "direct" && { SHARED_B: sharedB }) },
    bindings: { a, b: packed, ...epilogue.bindings, output, slots: "slots" },
    params: {
      lines,
      height: left.height,
      depth: left.width,
      slice_depth: plan.slices?.depth ?? left.width,
      width,
      quads,
      column_lanes: plan.columnLanes,
      matrices_per_copy: batch,
      a_matrices: aCount,
      b_matrices: bCount,
      rows: lowering.rows,
      ...epilogue.params,
    },
    ...common,
  });
  finish();
}

/** A product whose rows are images of one pixel: k is their channels, the columns are those of a 1×1 convolution. */
function asConvolution(lines: number, linesPerCopy: number, depth: number, width: number): Record<string, number> {
  const one = ["in_h", "in_w", "out_h", "out_w", "kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w"];
  const steps = ["groups", "up_h", "up_w", "step_h", "step_w", "bands"];
  return {
    ...Object.fromEntries([...one, ...steps].map((name) => [name, 1])),
    columns: lines,
    images_per_copy: linesPerCopy,
    channels: depth,
    slice_depth: depth,
    outputs: width,
    quads: Math.ceil(width / 4),
    pad_h: 0,
    pad_w: 0,
  };
}

/** The value with its batch axes broadcast to `batch`, unless it has a single matrix or already fits. */
function withBatch(value: Value, batch: readonly number[], emit: Emitter): Value {
  const own = value.shape.slice(0, -2);
  if (sizeOf(own) === 1 || sizeOf(own) === sizeOf(batch)) return value;
  return emit.add("Expand", [value], { shape: [...batch, ...value.shape.slice(-2)] });
}

function importMatmul(node: OnnxNode, emit: Emitter): Value[] {
  let a = requiredInput(node, 0);
  let b = requiredInput(node, 1);
  const [aRank, bRank] = [a.shape.length, b.shape.length];
  if (aRank === 0 || bRank === 0) throw new ShapeError("MatMul of a scalar");
  if (aRank === 1) a = emit.add("Reshape", [a], { shape: [1, a.shape[0]!] });
  if (bRank === 1) b = emit.add("Reshape", [b], { shape: [b.shape[0]!, 1] });
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const y = emit.add("MatMul", [withBatch(a, batch, emit), withBatch(b, batch, emit)]);
  const shape = [...batch, ...(aRank === 1 ? [] : [y.shape.at(-2)!]), ...(bRank === 1 ? [] : [y.shape.at(-1)!])];
  return [reshapeTo(y, shape, emit)];
}

function scaled(value: Value, factor: number, emit: Emitter): Value {
  return factor === 1 ? value : emit.add("Mul", [value, emit.constant([], [factor])]);
}

function importGemm(node: OnnxNode, emit: Emitter): Value[] {
  let a = requiredInput(node, 0);
  let b = requiredInput(node, 1);
  const c = node.inputs[2];
  const alpha = numberAttribute(node, "alpha", 1);
  const beta = numberAttribute(node, "beta", 1);
  if (a.shape.length !== 2 || b.shape.length !== 2) throw new ShapeError(`Gemm takes matrices, found [${a.shape}] and [${b.shape}]`);
  if (numberAttribute(node, "transA", 0) !== 0) a = transposeLastTwo(a, emit);
  if (numberAttribute(node, "transB", 0) !== 0) b = transposeLastTwo(b, emit);
  // What the network computes may be near the end of f32: it is not made larger before it is weighed.
  const late = !b.data && Math.abs(alpha) > 1;
  const weighed = emit.add("MatMul", [a, late ? b : scaled(b, alpha, emit)]);
  const product = late ? scaled(weighed, alpha, emit) : weighed;
  if (!c || beta === 0) return [product];
  return [emit.add("Add", [product, scaled(c, beta, emit)])];
}

/** C = A·B (+ bias, + addend). Inputs: A [.., M, K], B [.., K, N], bias? [N] (constant), mask?, addend?; batch axes equal, or one matrix. */
export const matmul = defineOp({
  name: "MatMul",
  variants: () => [sumSlices, ...Object.values(kernels).flatMap(({ f32, f16 }) => [f32, f16])],
  epilogues: ["clamp", "mask", "add"],
  onnx: {
    MatMul: { since: 1, import: importMatmul },
    Gemm: { since: 6, import: importGemm },
  },
  infer: ([a, b, bias]) => {
    const left = matrices(a, "A");
    const right = matrices(b, "B");
    if (left.width !== right.height) throw new ShapeError(`cannot multiply [${a!.shape}] by [${b!.shape}]`);
    if (bias && sizeOf(bias.shape) !== right.width) throw new ShapeError(`bias [${bias.shape}] does not fit ${right.width} columns`);
    return [{ shape: [...broadcastShapes(left.batch, right.batch), left.height, right.width], type: "float" }];
  },
  lower,
  vjp: ({ node, emit }, cotangent) => {
    const [a, b] = node.inputs as [Value, Value];
    const dy = maskedCotangent(node, cotangent, emit);
    return [
      a.data ? undefined : sumTo(emit.add("MatMul", [dy, transposeLastTwo(b, emit)]), a.shape, emit),
      b.data ? undefined : sumTo(emit.add("MatMul", [transposeLastTwo(a, emit), dy]), b.shape, emit),
      undefined,
      undefined,
      node.inputs[ADDEND_INPUT] && dy,
    ];
  },
  jvp: ({ node, emit }, [da, db, , , addend]) => {
    const [a, b] = node.inputs as [Value, Value];
    const terms = [da && emit.add("MatMul", [da, b]), db && emit.add("MatMul", [a, db])].filter((term) => term !== undefined);
    const product = terms.length === 2 ? emit.add("Add", terms) : terms[0];
    return maskedCotangent(node, addedTangent(product, addend, emit), emit);
  },
});
