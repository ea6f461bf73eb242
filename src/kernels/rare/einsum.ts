/**
 * Einsum of one or two operands, as sums, permutations and one matrix product:
 *
 *   letters of both operands and the output are batch axes; of both but not the output, the product's inner axis; of one and
 *   the output, its rows or columns; of one alone, summed first.
 */
import { ShapeError } from "../../runtime/errors.ts";
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { reshapeTo } from "../broadcast.ts";
import { requiredInput, stringAttribute } from "../onnx-attributes.ts";
import { importersOnly, Unsupported } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "../op.ts";

/** A value whose axes have names. */
interface Labelled {
  readonly value: Value;
  readonly labels: readonly string[];
}

const ELLIPSIS = "...";

/** The letters of a term, an ellipsis becoming "0", "1", … for the axes it stands for, counted from the end. */
function labelsOf(term: string, rank: number | undefined, ellipsisRank: number): string[] {
  const parts = term.replaceAll(" ", "").match(/\.\.\.|[A-Za-z]/g) ?? [];
  const letters = parts.filter((part) => part !== ELLIPSIS).length;
  const hidden = Math.max(0, rank === undefined ? ellipsisRank : rank - letters);
  return parts.flatMap((part) => (part === ELLIPSIS ? Array.from({ length: hidden }, (_, i) => String(hidden - 1 - i)) : [part]));
}

/** Sums over the axes that nobody else names. */
function summedTo({ value, labels }: Labelled, kept: ReadonlySet<string>, emit: Emitter): Labelled {
  const axes = labels.flatMap((label, axis) => (kept.has(label) ? [] : [axis]));
  if (axes.length === 0) return { value, labels };
  const rest = labels.filter((label) => kept.has(label));
  const shape = value.shape.filter((_, axis) => !axes.includes(axis));
  return { value: reshapeTo(emit.add("ReduceSum", [value], { axes }), shape, emit), labels: rest };
}

function permuted({ value, labels }: Labelled, order: readonly string[], emit: Emitter): Value {
  const permutation = order.map((label) => labels.indexOf(label));
  return permutation.every((from, to) => from === to) ? value : emit.add("Transpose", [value], { permutation });
}

function product(a: Labelled, b: Labelled, output: readonly string[], emit: Emitter): Labelled {
  const extents = new Map<string, number>();
  for (const { value, labels } of [a, b]) {
    labels.forEach((label, axis) => {
      const [known, extent] = [extents.get(label), value.shape[axis]!];
      if (known !== undefined && known !== extent) throw new Unsupported(`index ${label} repeats an axis of 1`, "equation");
      extents.set(label, extent);
    });
  }
  const inB = new Set(b.labels);
  const inA = new Set(a.labels);
  const batch = output.filter((label) => inA.has(label) && inB.has(label));
  const inner = a.labels.filter((label) => inB.has(label) && !output.includes(label));
  const rows = output.filter((label) => inA.has(label) && !inB.has(label));
  const columns = output.filter((label) => inB.has(label) && !inA.has(label));
  const size = (labels: readonly string[]) => sizeOf(labels.map((label) => extents.get(label)!));
  const left = reshapeTo(permuted(a, [...batch, ...rows, ...inner], emit), [size(batch), size(rows), size(inner)], emit);
  const right = reshapeTo(permuted(b, [...batch, ...inner, ...columns], emit), [size(batch), size(inner), size(columns)], emit);
  const labels = [...batch, ...rows, ...columns];
  return {
    value: reshapeTo(
      emit.add("MatMul", [left, right]),
      labels.map((label) => extents.get(label)!),
      emit,
    ),
    labels,
  };
}

function importEinsum(node: OnnxNode, emit: Emitter): readonly Value[] {
  const equation = stringAttribute(node, "equation", "");
  const [given, wanted] = equation.split("->") as [string, string | undefined];
  const terms = given.split(",");
  if (terms.length !== node.inputs.length)
    throw new ShapeError(`equation "${equation}" has ${terms.length} terms for ${node.inputs.length} inputs`);
  if (terms.length > 2) throw new Unsupported(`equation "${equation}" of ${terms.length} operands`, "equation");
  const operands = terms.map((term, i): Labelled => {
    const value = requiredInput(node, i);
    const labels = labelsOf(term, value.shape.length, 0);
    if (labels.length !== value.shape.length) throw new ShapeError(`term "${term}" does not fit [${value.shape}]`);
    if (new Set(labels).size !== labels.length) throw new Unsupported(`a diagonal, in equation "${equation}"`, "equation");
    return { value, labels };
  });
  const all = operands.flatMap(({ labels }) => labels);
  const hidden = new Set(all.filter((label) => /\d/.test(label)));
  // Without "->" the letters that occur once make the output, in alphabetical order, behind the ellipsis.
  const once = [...new Set(all)].filter((label) => !hidden.has(label) && all.filter((other) => other === label).length === 1).sort();
  const ellipsis = Array.from({ length: hidden.size }, (_, i) => String(hidden.size - 1 - i));
  const output = wanted === undefined ? [...ellipsis, ...once] : labelsOf(wanted, undefined, hidden.size);
  const reduced = operands.map((operand, i) => {
    const others = operands.filter((_, other) => other !== i).flatMap(({ labels }) => labels);
    return summedTo(operand, new Set([...output, ...others]), emit);
  });
  const result = reduced.length === 2 ? product(reduced[0]!, reduced[1]!, output, emit) : reduced[0]!;
  return [permuted(result, output, emit)];
}

export const einsumOps: readonly OpDefinition[] = [
  importersOnly("einsums", { Einsum: { since: 12, import: importEinsum, restrictions: "one or two operands, no diagonals" } }),
];
