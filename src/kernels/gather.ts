/** Gathering by indices known at load: of constants, and by an arithmetic run of indices, which is a Slice; rare/scatter.ts has the rest. */
import { ShapeError } from "../runtime/errors.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Value } from "../runtime/graph/graph.ts";
import { normaliseAxis, numberAttribute, requiredInput } from "./onnx-attributes.ts";
import { importersOnly, Unsupported } from "./op.ts";
import type { Emitter, OnnxBinding, OnnxNode, OpDefinition } from "./op.ts";

export function indicesOf(node: OnnxNode, input: number): Value & { readonly data: NonNullable<Value["data"]> } {
  const indices = requiredInput(node, input);
  if (!indices.data) throw new Unsupported("indices computed from the network's input");
  return indices as Value & { readonly data: NonNullable<Value["data"]> };
}

/** An index counted from the end when negative. */
export function positive(index: number, extent: number): number {
  const at = index < 0 ? index + extent : index;
  if (!Number.isInteger(at) || at < 0 || at >= extent) throw new ShapeError(`index ${index} is outside an axis of ${extent}`);
  return at;
}

/** What a Gather reads along its axis, and the shape of what it makes. */
export function gatherOf(node: OnnxNode): { x: Value; axis: number; list: readonly number[]; shape: readonly number[] } {
  const x = requiredInput(node, 0);
  const indices = indicesOf(node, 1);
  const axis = normaliseAxis(numberAttribute(node, "axis", 0), x.shape.length);
  if (x.shape.length === 0) throw new ShapeError("it gathers from a scalar");
  const list = Array.from(indices.data, (index) => positive(index, x.shape[axis]!));
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  return { x, axis, list, shape };
}

function importGather(node: OnnxNode, emit: Emitter): readonly Value[] {
  const { x, axis, list, shape } = gatherOf(node);
  if (x.data) {
    emit.spend(shape, Math.max(0, sizeOf(shape) - sizeOf(x.shape)));
    const inner = sizeOf(x.shape.slice(axis + 1));
    const extent = list.length * inner;
    const from = (i: number) =>
      Math.floor(i / extent) * x.shape[axis]! * inner + list[Math.floor(i / inner) % list.length]! * inner + (i % inner);
    return [
      emit.constant(
        shape,
        Float64Array.from({ length: sizeOf(shape) }, (_, i) => x.data![from(i)]!),
        x.type,
        x.onnxType,
      ),
    ];
  }
  const step = list.length > 1 ? list[1]! - list[0]! : 1;
  const run = step !== 0 && list.length > 0 && list.every((index, i) => index === list[0]! + i * step);
  if (!run) throw new Unsupported("indices that are no arithmetic run");
  const taken = emit.add("Slice", [x], {
    starts: x.shape.map((_, a) => (a === axis ? list[0]! : 0)),
    steps: x.shape.map((_, a) => (a === axis ? step : 1)),
    extents: x.shape.map((own, a) => (a === axis ? list.length : own)),
  });
  return [emit.add("Reshape", [taken], { shape })];
}

export const indicesKnown = { restrictions: "indices known at load" };

export const gather: OnnxBinding = {
  since: 1,
  import: importGather,
  acceptsIntegers: true,
  restrictions: "indices known at load",
};

export const gatherOps: readonly OpDefinition[] = [importersOnly("gathers", { Gather: gather })];
