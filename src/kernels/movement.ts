/**
 * Ops that move data without changing it. Reshape is another name for the same memory; the others are affine copies, and so
 * are their adjoints (shaders/movement/strided_copy.wgsl): of Transpose a Transpose, of Pad a Slice and the other way
 * round, of Expand a sum, of Concat one Slice per input.
 */
import blockSource from "../../shaders/movement/block_copy.wgsl?raw";
import copySource from "../../shaders/movement/strided_copy.wgsl?raw";
import { ShapeError } from "../runtime/errors.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import { MAX_RANK } from "../runtime/graph/budget.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Attributes, ConstantData, Value } from "../runtime/graph/graph.ts";
import { axes, axesInUse, broadcastShapes, broadcastStrides, reshapeTo, stridesOf, sumTo } from "./broadcast.ts";
import { defineOp } from "./op.ts";
import type { Emitter, Lowering, OnnxBinding, OnnxNode, OpDefinition } from "./op.ts";
import { constantInput, normaliseAxes, normaliseAxis, numberAttribute, numbersAttribute, requiredInput } from "./onnx-attributes.ts";
import { gridSource, indexingSource, LANES, slotsSource } from "./wgsl.ts";

const blockKernel = defineKernel("block_copy", blockSource, gridSource, slotsSource);
const copyKernel = defineKernel("strided_copy", copySource, gridSource, indexingSource, slotsSource);

/** The affine rule of a copy, per axis of the block written; see the shader's header. Omitted lists mean "as it is". */
export interface CopyRule {
  readonly extents: readonly number[];
  readonly step?: readonly number[];
  readonly offset?: readonly number[];
  readonly divisor?: readonly number[];
  /** Extents of the source, along the block's axes. */
  readonly bounds: readonly number[];
  readonly inStrides: readonly number[];
  /** Default: the block is the whole output. */
  readonly outStrides?: readonly number[];
  readonly outOffset?: number;
  readonly fill?: number;
}

/** One axis of a rule, whole. */
interface CopyAxis {
  readonly extent: number;
  readonly step: number;
  readonly offset: number;
  readonly divisor: number;
  readonly bound: number;
  readonly inStride: number;
  readonly outStride: number;
}

/**
 * The axes of a rule with neighbours merged where both sides walk them as one, and without those of extent 1 that move
 * nothing: (c + offset) · inner + p is one axis if the inner one is read and written whole.
 */
function mergedAxes(rule: CopyRule): CopyAxis[] {
  const outStrides = rule.outStrides ?? stridesOf(rule.extents);
  const merged: CopyAxis[] = [];
  rule.extents.forEach((extent, i) => {
    const axis: CopyAxis = {
      extent,
      step: rule.step?.[i] ?? 1,
      offset: rule.offset?.[i] ?? 0,
      divisor: rule.divisor?.[i] ?? 1,
      bound: rule.bounds[i]!,
      inStride: rule.inStrides[i]!,
      outStride: outStrides[i]!,
    };
    const whole = axis.step === 1 && axis.offset === 0 && axis.divisor === 1 && axis.bound === extent;
    if (whole && extent === 1) return;
    const outer = merged.at(-1);
    const chained = outer && outer.inStride === axis.inStride * extent && outer.outStride === axis.outStride * extent;
    if (!outer || !whole || !chained || outer.step !== 1 || outer.divisor !== 1) {
      merged.push(axis);
      return;
    }
    const { inStride, outStride } = axis;
    const scaled = { extent: outer.extent * extent, offset: outer.offset * extent, bound: outer.bound * extent };
    merged[merged.length - 1] = { ...outer, ...scaled, inStride, outStride };
  });
  return merged;
}

/** Elements that an invocation of block_copy.wgsl copies. */
const RUN = 4;

/** A rule that is a single run on both sides, all of it inside the source. */
function asBlock(axes: readonly CopyAxis[]): CopyAxis | undefined {
  const [axis] = axes;
  if (axes.length !== 1 || !axis || axis.step !== 1 || axis.divisor !== 1 || axis.inStride !== 1 || axis.outStride !== 1) return undefined;
  return axis.offset >= 0 && axis.offset + axis.extent <= axis.bound ? axis : undefined;
}

export function launchCopy(lowering: Lowering, input: Value, output: Value, rule: CopyRule): void {
  const merged = mergedAxes(rule);
  const block = asBlock(merged);
  if (block) {
    lowering.launch({
      kernel: blockKernel,
      constants: { LANES },
      bindings: { input, output, slots: "slots" },
      params: {
        copies: lowering.copies(output),
        length: block.extent,
        in_per_copy: sizeOf(input.shape),
        in_offset: block.offset,
        out_per_copy: sizeOf(output.shape),
        out_offset: rule.outOffset ?? 0,
        rows: lowering.rows,
        in_lead: lowering.leadOf(input, output),
      },
      grid: { lead: output.lead, items: Math.ceil(block.extent / RUN), perGroup: LANES, depth: 1 },
    });
    return;
  }
  const list = (of: (axis: CopyAxis) => number, fill: number) => axes(merged.map(of), fill);
  const elements = sizeOf(rule.extents);
  lowering.launch({
    kernel: copyKernel,
    constants: { LANES, AXES: axesInUse(merged.map(({ extent }) => extent)), DIVIDED: merged.some(({ divisor }) => divisor !== 1) },
    bindings: { input, output, slots: "slots" },
    params: {
      elements: lowering.copies(output) * elements,
      elements_per_copy: elements,
      in_per_copy: sizeOf(input.shape),
      out_per_copy: sizeOf(output.shape),
      out_offset: rule.outOffset ?? 0,
      rows: lowering.rows,
      in_lead: lowering.leadOf(input, output),
      fill: rule.fill ?? 0,
      extents: list(({ extent }) => extent, 1),
      step: list(({ step }) => step, 1),
      offset: list(({ offset }) => offset, 0),
      divisor: list(({ divisor }) => divisor, 1),
      bounds: list(({ bound }) => bound, 1),
      in_strides: list(({ inStride }) => inStride, 0),
      out_strides: list(({ outStride }) => outStride, 0),
    },
    grid: { lead: output.lead, items: elements, perGroup: LANES, depth: 1 },
  });
}

/** The same affine copy on constants. */
function foldCopy(input: Value, output: readonly number[], rule: CopyRule): ConstantData {
  const out = new (input.type === "float" ? Float32Array : Float64Array)(sizeOf(output)).fill(rule.fill ?? 0);
  const extents = rule.extents;
  for (let i = 0; i < out.length; i++) {
    let rest = i;
    let from = 0;
    let inside = true;
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      const coordinate = rest % extents[axis]!;
      rest = Math.floor(rest / extents[axis]!);
      const at = (coordinate * (rule.step?.[axis] ?? 1) + (rule.offset?.[axis] ?? 0)) / (rule.divisor?.[axis] ?? 1);
      if (!Number.isInteger(at) || at < 0 || at >= rule.bounds[axis]!) inside = false;
      else from += at * rule.inStrides[axis]!;
    }
    if (inside) out[i] = input.data![from]!;
  }
  return out;
}

interface CopyOp {
  readonly name: string;
  readonly onnx?: Readonly<Record<string, OnnxBinding>>;
  readonly shape: (x: Value, attributes: Attributes) => readonly number[];
  readonly rule: (x: Value, output: readonly number[], attributes: Attributes) => CopyRule;
  readonly adjoint: (x: Value, cotangent: Value, attributes: Attributes, emit: Emitter) => Value;
}

/* @__NO_SIDE_EFFECTS__ */
function defineCopy({ name, onnx, shape, rule, adjoint }: CopyOp): OpDefinition {
  return defineOp({
    name,
    ...(onnx && { onnx }),
    infer: ([x], attributes) => [{ shape: shape(x!, attributes), type: x!.type }],
    fold: ([x], attributes, [output]) => [foldCopy(x!, output!.shape, rule(x!, output!.shape, attributes))],
    lower: (lowering) => {
      const x = lowering.node.inputs[0]!;
      const y = lowering.node.outputs[0]!;
      launchCopy(lowering, x, y, rule(x, y.shape, lowering.node.attributes));
    },
    vjp: ({ node, emit }, cotangent) => [adjoint(node.inputs[0]!, cotangent, node.attributes, emit)],
    // All copies are linear but for the fill, whose tangent is 0.
    jvp: ({ node, emit }, [tangent]) => emit.add(name, [tangent], { ...node.attributes, ...("fill" in node.attributes && { fill: 0 }) }),
  });
}

const numbers = (attributes: Attributes, key: string) => attributes[key] as readonly number[];

function importTranspose(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const permutation = numbersAttribute(node, "perm") ?? x.shape.map((_, axis) => x.shape.length - 1 - axis);
  if (permutation.length !== x.shape.length || [...permutation].sort((a, b) => a - b).some((axis, i) => axis !== i)) {
    throw new ShapeError(`attribute perm [${permutation}] of ${permutation.length} entries does not permute the axes of [${x.shape}]`);
  }
  return [emit.add("Transpose", [x], { permutation })];
}

const transpose = defineCopy({
  name: "Transpose",
  onnx: { Transpose: { acceptsIntegers: true, since: 1, import: importTranspose } },
  shape: (x, attributes) => numbers(attributes, "permutation").map((axis) => x.shape[axis]!),
  rule: (x, output, attributes) => {
    const strides = stridesOf(x.shape);
    return { extents: output, bounds: output, inStrides: numbers(attributes, "permutation").map((axis) => strides[axis]!) };
  },
  adjoint: (_x, cotangent, attributes, emit) => {
    const permutation = numbers(attributes, "permutation");
    return emit.add("Transpose", [cotangent], { permutation: permutation.map((_, axis) => permutation.indexOf(axis)) });
  },
});

/** The value with its last two axes exchanged. */
export function transposeLastTwo(value: Value, emit: Emitter): Value {
  const rank = value.shape.length;
  const permutation = value.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  return emit.add("Transpose", [value], { permutation });
}

const expand = defineCopy({
  name: "Expand",
  shape: (x, attributes) => broadcastShapes(x.shape, numbers(attributes, "shape")),
  rule: (x, output) => ({ extents: output, bounds: output, inStrides: broadcastStrides(x.shape, output) }),
  adjoint: (x, cotangent, _attributes, emit) => sumTo(cotangent, x.shape, emit),
});

/** Attributes: starts, steps (positive or negative), extents: out[i] = in[starts + i · steps], `fill` outside. */
const slice = defineCopy({
  name: "Slice",
  onnx: {
    Slice: { acceptsIntegers: true, since: 1, import: importSlice, restrictions: "starts, ends, axes and steps known at load" },
  },
  shape: (_x, attributes) => numbers(attributes, "extents"),
  rule: (x, output, attributes) => ({
    extents: output,
    step: numbers(attributes, "steps"),
    offset: numbers(attributes, "starts"),
    bounds: x.shape,
    inStrides: stridesOf(x.shape),
    fill: (attributes["fill"] as number | undefined) ?? 0,
  }),
  adjoint: (x, cotangent, attributes, emit) =>
    emit.add("Unslice", [cotangent], { starts: numbers(attributes, "starts"), steps: numbers(attributes, "steps"), extents: [...x.shape] }),
});

/** The adjoint of Slice: puts the elements back where they were taken from, among zeros. */
const unslice = defineCopy({
  name: "Unslice",
  shape: (_x, attributes) => numbers(attributes, "extents"),
  rule: (x, output, attributes) => {
    // Element j of the output came from (j − start) / step; the sign of a negative step moves to the numerator.
    const steps = numbers(attributes, "steps");
    return {
      extents: output,
      step: steps.map(Math.sign),
      offset: numbers(attributes, "starts").map((start, axis) => -start * Math.sign(steps[axis]!)),
      divisor: steps.map(Math.abs),
      bounds: x.shape,
      inStrides: stridesOf(x.shape),
    };
  },
  adjoint: (x, cotangent, attributes, emit) =>
    emit.add("Slice", [cotangent], { starts: numbers(attributes, "starts"), steps: numbers(attributes, "steps"), extents: [...x.shape] }),
});

function importSlice(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const rank = x.shape.length;
  const old = node.opset < 10;
  const starts = old ? numbersAttribute(node, "starts") : constantInput(node, 1, "the starts");
  const ends = old ? numbersAttribute(node, "ends") : constantInput(node, 2, "the ends");
  if (!starts || !ends) throw new ShapeError("starts or ends are missing");
  const listed = (old ? numbersAttribute(node, "axes") : constantInput(node, 3, "the axes")) ?? starts.map((_, i) => i);
  const steps = (old ? undefined : constantInput(node, 4, "the steps")) ?? starts.map(() => 1);
  for (const [name, list] of Object.entries({ ends, axes: listed, steps })) {
    if (list.length !== starts.length) throw new ShapeError(`${name} [${list}] has ${list.length} entries, starts has ${starts.length}`);
  }
  const whole = { starts: x.shape.map(() => 0), steps: x.shape.map(() => 1), extents: [...x.shape] };
  normaliseAxes(listed, rank).forEach((a, i) => {
    const axis = listed[i]!;
    const extent = x.shape[a]!;
    const step = steps[i]!;
    if (!Number.isInteger(step) || step === 0) throw new ShapeError(`step ${step} on axis ${axis}`);
    const clamp = (at: number, low: number, high: number) => Math.min(Math.max(at < 0 ? at + extent : at, low), high);
    const [low, high] = step > 0 ? [0, extent] : [-1, extent - 1];
    const start = clamp(starts[i]!, Math.max(low, 0), high);
    const end = clamp(ends[i]!, low, high);
    whole.starts[a] = start;
    whole.extents[a] = Math.max(0, Math.ceil((end - start) / step));
    // A single element takes no step; shaders count in 32 bits.
    whole.steps[a] = whole.extents[a] > 1 ? step : Math.sign(step);
  });
  return [emit.add("Slice", [x], whole)];
}

function importReshape(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const wanted = node.opset < 5 ? numbersAttribute(node, "shape") : constantInput(node, 1, "the shape");
  if (!wanted) throw new ShapeError("the shape is missing");
  const copyZero = numberAttribute(node, "allowzero", 0) === 0;
  if (wanted.length > MAX_RANK) throw new ShapeError(`a shape of ${wanted.length} axes; ${MAX_RANK} are allowed`);
  if (wanted.filter((extent) => extent === -1).length > 1) throw new ShapeError(`the shape [${wanted}] leaves several axes open`);
  const shape = wanted.map((extent, axis) => (extent === 0 && copyZero ? (x.shape[axis] ?? 0) : extent));
  const known = shape.filter((extent) => extent !== -1).reduce((a, b) => a * b, 1);
  return [
    reshapeTo(
      x,
      shape.map((extent) => (extent === -1 ? sizeOf(x.shape) / known : extent)),
      emit,
    ),
  ];
}

function importSqueeze(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const listed = node.opset < 13 ? numbersAttribute(node, "axes") : constantInput(node, 1, "the axes");
  const axesList = listed && normaliseAxes(listed, x.shape.length);
  const kept = axesList?.find((axis) => x.shape[axis] !== 1);
  if (kept !== undefined) throw new ShapeError(`axis ${kept} of [${x.shape}] cannot be squeezed: its extent is not 1`);
  return [
    reshapeTo(
      x,
      x.shape.filter((extent, axis) => (axesList ? !axesList.includes(axis) : extent !== 1)),
      emit,
    ),
  ];
}

function importUnsqueeze(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const listed = node.opset < 13 ? numbersAttribute(node, "axes") : constantInput(node, 1, "the axes");
  if (!listed) throw new ShapeError("the axes are missing");
  const rank = x.shape.length + listed.length;
  const added = new Set(normaliseAxes(listed, rank));
  const rest = [...x.shape];
  return [emit.add("Reshape", [x], { shape: Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!)) })];
}

const reshape = defineOp({
  name: "Reshape",
  onnx: {
    Reshape: { acceptsIntegers: true, since: 1, import: importReshape, restrictions: "shape known at load" },
    Flatten: {
      acceptsIntegers: true,
      since: 1,
      import: (node, emit) => {
        const x = requiredInput(node, 0);
        const wanted = numberAttribute(node, "axis", 1);
        const rank = x.shape.length;
        const axis = wanted < 0 ? wanted + rank : wanted;
        if (!Number.isInteger(axis) || axis < 0 || axis > rank) throw new ShapeError(`axis ${wanted} is outside a tensor of rank ${rank}`);
        return [reshapeTo(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))], emit)];
      },
    },
    Squeeze: { acceptsIntegers: true, since: 1, import: importSqueeze },
    Unsqueeze: { acceptsIntegers: true, since: 1, import: importUnsqueeze },
  },
  infer: ([x], attributes) => {
    const shape = numbers(attributes, "shape");
    if (sizeOf(shape) !== sizeOf(x!.shape) || shape.some((extent) => !Number.isInteger(extent) || extent < 0)) {
      throw new ShapeError(`cannot reshape [${x!.shape}] to [${shape}]`);
    }
    return [{ shape, type: x!.type }];
  },
  fold: ([x]) => [x!.data!],
  lower: (lowering) => lowering.alias(lowering.node.outputs[0]!, lowering.node.inputs[0]!),
  vjp: ({ node, emit }, cotangent) => [emit.add("Reshape", [cotangent], { shape: [...node.inputs[0]!.shape] })],
  jvp: ({ node, emit }, [tangent]) => emit.add("Reshape", [tangent], node.attributes),
});

function importConcat(node: OnnxNode, emit: Emitter): Value[] {
  const given = node.inputs.filter((input): input is Value => input !== undefined);
  const filled = given.filter((input) => sizeOf(input.shape) > 0);
  const inputs = filled.length > 0 ? filled : given;
  const axis = normaliseAxis(numberAttribute(node, "axis", 1), requiredInput(node, 0).shape.length);
  const strange = inputs.find(({ type }) => type !== inputs[0]!.type);
  if (strange) throw new ShapeError(`cannot concatenate ${inputs[0]!.type} and ${strange.type}`);
  return [emit.add("Concat", inputs, { axis })];
}

const concat = defineOp({
  name: "Concat",
  onnx: { Concat: { acceptsIntegers: true, since: 1, import: importConcat } },
  infer: (inputs, attributes) => {
    const axis = attributes["axis"] as number;
    const first = inputs[0]!;
    for (const input of inputs) {
      if (input!.shape.length !== first.shape.length || input!.shape.some((extent, a) => a !== axis && extent !== first.shape[a])) {
        throw new ShapeError(`cannot concatenate [${first.shape}] and [${input!.shape}] along axis ${axis}`);
      }
    }
    const total = inputs.reduce((sum, input) => sum + input!.shape[axis]!, 0);
    return [{ shape: first.shape.map((extent, a) => (a === axis ? total : extent)), type: first.type }];
  },
  fold: (inputs, attributes, [output]) => {
    const axis = attributes["axis"] as number;
    const out = new (inputs[0]!.type === "float" ? Float32Array : Float64Array)(sizeOf(output!.shape));
    const inner = sizeOf(output!.shape.slice(axis + 1));
    const outer = sizeOf(output!.shape.slice(0, axis));
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (const input of inputs) {
        const run = input!.shape[axis]! * inner;
        out.set(input!.data!.subarray(o * run, (o + 1) * run), at);
        at += run;
      }
    }
    return [out];
  },
  lower: (lowering) => {
    const y = lowering.node.outputs[0]!;
    const axis = lowering.node.attributes["axis"] as number;
    const outStrides = stridesOf(y.shape);
    let begin = 0;
    for (const x of lowering.node.inputs as readonly Value[]) {
      launchCopy(lowering, x, y, {
        extents: x.shape,
        bounds: x.shape,
        inStrides: stridesOf(x.shape),
        outStrides,
        outOffset: begin * outStrides[axis]!,
      });
      begin += x.shape[axis]!;
    }
  },
  vjp: ({ node, emit }, cotangent) => {
    const axis = node.attributes["axis"] as number;
    let begin = 0;
    return node.inputs.map((input) => {
      const starts = input!.shape.map((_, a) => (a === axis ? begin : 0));
      begin += input!.shape[axis]!;
      if (input!.data) return undefined;
      return emit.add("Slice", [cotangent], { starts, steps: input!.shape.map(() => 1), extents: [...input!.shape] });
    });
  },
  jvp: ({ node, emit }, tangents) =>
    emit.add(
      "Concat",
      tangents.map((tangent, i) => tangent ?? emit.constant(node.inputs[i]!.shape, new Float32Array(sizeOf(node.inputs[i]!.shape)))),
      node.attributes,
    ),
});

/** The same again, in memory of its own, one copy a sample: what makes an output of an input or of a constant. */
const copy = defineOp({
  name: "Copy",
  elementwise: true,
  infer: ([x]) => [{ shape: x!.shape, type: x!.type }],
  lower: (lowering) => {
    const [x] = lowering.node.inputs as [Value];
    launchCopy(lowering, x, lowering.node.outputs[0]!, { extents: [sizeOf(x.shape)], bounds: [sizeOf(x.shape)], inStrides: [1] });
  },
  vjp: (_context, cotangent) => [cotangent],
  jvp: (_context, [tangent]) => tangent!,
});

export const movementOps: readonly OpDefinition[] = [reshape, transpose, expand, slice, unslice, concat, copy];
