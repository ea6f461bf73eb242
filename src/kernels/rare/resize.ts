/**
 * Resize and Upsample: interpolation is separable and linear, so each resized axis is an AxisMap, a sparse matrix of weights.
 *
 * The weights follow the operator's reference implementation: where in the input an output element lies
 * (coordinate_transformation_mode), which elements around it count and how much (nearest, linear, cubic), stretched by the
 * scale when shrinking with antialias.
 */
import { ShapeError } from "../../runtime/errors.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { AXIS_MAP_ROW, mapAxis } from "./axis-map.ts";
import type { MapRow } from "./axis-map.ts";
import { constantInput, normaliseAxes, numberAttribute, numbersAttribute, requiredInput, stringAttribute } from "../onnx-attributes.ts";
import { importersOnly, Unsupported } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "../op.ts";

interface AxisResize {
  readonly input: number;
  readonly output: number;
  /** Output elements per input element, as the node gives it; not always output / input. */
  readonly scale: number;
  /** First and last input position of tf_crop_and_resize, as fractions. */
  readonly region: readonly [number, number];
}

interface Interpolation {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubic: number;
  readonly excludeOutside: boolean;
  readonly extrapolation: number;
  readonly antialias: boolean;
}

/** The input position, in elements, under the centre of output element i. */
function position(i: number, { input, output, scale, region }: AxisResize, mode: string): number {
  // The reference implementation does not round the output's length here.
  const exact = scale * input;
  switch (mode) {
    case "half_pixel":
      return (i + 0.5) / scale - 0.5;
    case "half_pixel_symmetric":
      return (input / 2) * (1 - output / exact) + (i + 0.5) / scale - 0.5;
    case "pytorch_half_pixel":
      return output > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case "align_corners":
      return output > 1 ? (i * (input - 1)) / (exact - 1) : 0;
    case "asymmetric":
      return i / scale;
    case "tf_crop_and_resize": {
      const [start, end] = region;
      return output > 1 ? start * (input - 1) + (i * (end - start) * (input - 1)) / (output - 1) : 0.5 * (start + end) * (input - 1);
    }
    default:
      throw new Unsupported(`coordinate_transformation_mode ${mode}`, "coordinate_transformation_mode");
  }
}

function nearestTo(x: number, mode: string): number {
  const half = Math.abs(x - Math.floor(x) - 0.5) < 1e-9;
  switch (mode) {
    case "round_prefer_floor":
      return half ? Math.floor(x) : Math.round(x);
    case "round_prefer_ceil":
      return half ? Math.ceil(x) : Math.round(x);
    case "floor":
      return Math.floor(x);
    case "ceil":
      return Math.ceil(x);
    default:
      throw new Unsupported(`nearest_mode ${mode}`, "nearest_mode");
  }
}

/** Keys' cubic, of parameter a. */
function cubicWeight(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? a * (((d - 5) * d + 8) * d - 4) : 0;
}

/** The entries of one output element; undefined where it is to be filled with the extrapolation value. */
function rowAt(i: number, axis: AxisResize, rules: Interpolation): MapRow | undefined {
  const x = position(i, axis, rules.coordinates);
  const last = axis.input - 1;
  if (rules.coordinates === "tf_crop_and_resize" && (x < 0 || x > last)) return undefined;
  const clamp = (index: number) => Math.min(Math.max(index, 0), last);
  if (rules.mode === "nearest") return [{ index: clamp(nearestTo(x, rules.nearest)), weight: 1 }];
  // Shrinking with antialias widens the kernel by the scale.
  const stretch = rules.antialias ? Math.min(1, axis.scale) : 1;
  const reach = (rules.mode === "linear" ? 1 : 2) / stretch;
  const kernel = (d: number) => (rules.mode === "linear" ? Math.max(0, 1 - Math.abs(d)) : cubicWeight(d, rules.cubic));
  const weights = new Map<number, number>();
  let total = 0;
  for (let index = Math.ceil(x - reach); index <= Math.floor(x + reach); index++) {
    if (rules.excludeOutside && (index < 0 || index > last)) continue;
    const weight = kernel((index - x) * stretch);
    if (weight === 0) continue;
    weights.set(clamp(index), (weights.get(clamp(index)) ?? 0) + weight);
    total += weight;
  }
  return [...weights].map(([index, weight]) => ({ index, weight: weight / total }));
}

function resizeAxis(x: Value, axis: number, given: AxisResize, rules: Interpolation, emit: Emitter): Value {
  // With antialias a row has as many entries as the kernel is stretched to.
  const entries =
    1 + 2 * (rules.mode === "nearest" ? 0 : (rules.mode === "linear" ? 1 : 2) / (rules.antialias ? Math.min(1, given.scale) : 1));
  emit.spend(AXIS_MAP_ROW * given.output * entries);
  const rows = Array.from({ length: given.output }, (_, i) => rowAt(i, given, rules));
  const resized = mapAxis(
    x,
    axis,
    rows.map((row) => row ?? []),
    emit,
  );
  if (rows.every((row) => row)) return resized;
  const outside = Array.from(rows, (row) => Number(row === undefined));
  const along = emit.constant([given.output, ...x.shape.slice(axis + 1).map(() => 1)], outside, "bool");
  return emit.add("Where", [along, emit.constant([], [rules.extrapolation]), resized]);
}

/** Sizes from sizes or scales; keep_aspect_ratio_policy makes one scale of several. */
function geometry(node: OnnxNode, x: Value): AxisResize[] {
  const old = node.opset < 11;
  const listed = normaliseAxes(numbersAttribute(node, "axes") ?? x.shape.map((_, axis) => axis), x.shape.length);
  const notEmpty = (list: readonly number[] | undefined) => (list && list.length > 0 ? list : undefined);
  const upsample = node.op === "Upsample" && node.opset < 9;
  const scales = upsample ? numbersAttribute(node, "scales") : notEmpty(constantInput(node, old ? 1 : 2, "the scales"));
  const sizes = old ? undefined : notEmpty(constantInput(node, 3, "the sizes"));
  const roi = old ? undefined : notEmpty(constantInput(node, 1, "the region"));
  const given = sizes ?? scales;
  if (!given) throw new ShapeError("neither scales nor sizes are given");
  if (given.length !== listed.length) throw new ShapeError(`${given.length} scales or sizes for ${listed.length} axes`);
  if (roi && roi.length !== 2 * listed.length) throw new ShapeError(`a region of ${roi.length} numbers for ${listed.length} axes`);
  const wrong = given.find((number) => !(number > 0 && number < Infinity));
  if (wrong !== undefined) throw new ShapeError(`scales or sizes [${given}] hold ${wrong}`);
  const policy = stringAttribute(node, "keep_aspect_ratio_policy", "stretch");
  const ratios = listed.map((axis, i) => (sizes ? sizes[i]! / x.shape[axis]! : scales![i]!));
  const common = !sizes || policy === "stretch" ? undefined : policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  return x.shape.map((input, axis): AxisResize => {
    const i = listed.indexOf(axis);
    if (i < 0) return { input, output: input, scale: 1, region: [0, 1] };
    const region: [number, number] = roi ? [roi[i]!, roi[i + listed.length]!] : [0, 1];
    if (common !== undefined) return { input, output: Math.round(common * input), scale: common, region };
    const scale = ratios[i]!;
    const length = roi && stringAttribute(node, "coordinate_transformation_mode", "") === "tf_crop_and_resize" ? region[1] - region[0] : 1;
    return { input, output: sizes ? sizes[i]! : Math.floor(input * scale * length + 1e-6), scale, region };
  });
}

function importResize(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const mode = stringAttribute(node, "mode", "nearest");
  if (!["nearest", "linear", "bilinear", "cubic"].includes(mode)) throw new Unsupported(`mode ${mode}`, "mode");
  // Upsample, and Resize before opset 11, took positions as i / scale and the element below.
  const old = node.op === "Upsample" || node.opset < 11;
  const rules: Interpolation = {
    mode: mode === "bilinear" ? "linear" : mode,
    coordinates: old ? "asymmetric" : stringAttribute(node, "coordinate_transformation_mode", "half_pixel"),
    nearest: old ? "floor" : stringAttribute(node, "nearest_mode", "round_prefer_floor"),
    cubic: numberAttribute(node, "cubic_coeff_a", -0.75),
    excludeOutside: numberAttribute(node, "exclude_outside", 0) !== 0,
    extrapolation: numberAttribute(node, "extrapolation_value", 0),
    antialias: numberAttribute(node, "antialias", 0) !== 0,
  };
  const axes = geometry(node, x);
  const crops = rules.coordinates === "tf_crop_and_resize";
  const resized = axes.reduce((value, given, axis) => {
    const untouched = given.input === given.output && given.scale === 1 && !crops;
    return untouched ? value : resizeAxis(value, axis, given, rules, emit);
  }, x);
  return [resized];
}

export const resizeOps: readonly OpDefinition[] = [
  importersOnly("resizings", {
    Resize: { since: 10, import: importResize, restrictions: "scales and sizes known at load" },
    Upsample: { since: 7, import: importResize, restrictions: "scales known at load" },
  }),
];
