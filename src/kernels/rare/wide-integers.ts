/** Constants of integers beyond what doubles hold, and beyond their element type, where they wrap around (ONNX follows C and numpy). */
import { Unsupported } from "../op.ts";
import { exactOf, fromExact, toExact, UINT64 } from "../../runtime/graph/integers.ts";
import type { WideFold } from "../../runtime/graph/integers.ts";
import { opNamed } from "../registry.ts";
import { foldBroadcast } from "../broadcast.ts";
import type { ConstantData, Value } from "../../runtime/graph/graph.ts";

const INT64 = 7;
const BITS: Readonly<Record<number, number>> = { 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 12: 32, 21: 4, 22: 4, 25: 2, 26: 2 };
const UNSIGNED = new Set([2, 4, 12, UINT64, 21, 25]);

/** An integer of an element type, wrapped around into its range. */
export function wrapTo(value: bigint, onnxType: number | undefined): bigint {
  const bits = BITS[onnxType ?? INT64] ?? 64;
  return UNSIGNED.has(onnxType ?? INT64) ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value);
}

function divide(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new Unsupported("divides an integer by zero");
  return a / b;
}

const truth = (value: boolean) => BigInt(value);
const magnitude = (a: bigint) => (a < 0n ? -a : a);

const rules: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: divide,
  Max: (a, b) => (a > b ? a : b),
  Min: (a, b) => (a < b ? a : b),
  Neg: (a) => -a,
  Abs: magnitude,
  Sign: (a) => (a > 0n ? 1n : a < 0n ? -1n : 0n),
  Equal: (a, b) => truth(a === b),
  Greater: (a, b) => truth(a > b),
  GreaterOrEqual: (a, b) => truth(a >= b),
  Less: (a, b) => truth(a < b),
  LessOrEqual: (a, b) => truth(a <= b),
};

/** Reductions of what lies along the axes, with what an empty one gives. */
const reductions: Readonly<Record<string, readonly [bigint, (a: bigint, b: bigint) => bigint]>> = {
  ReduceSum: [0n, (a, b) => a + b],
  ReduceProd: [1n, (a, b) => a * b],
};

/** Ops of this module that hand elements on. */
export const handingOn = ["AxisMap", "Where"];

const MOVES = new Set(["Reshape", "Transpose", "Expand", "Slice", "Concat"]);

/** The elements of integers, as they are meant. */
export function exactElements({ data, onnxType }: Value): readonly bigint[] {
  return exactOf(data!) ?? Array.from(data!, (value) => toExact(value, onnxType));
}

/** Where the elements of a result come from: what the op makes of positions in place of elements, counted through its inputs. */
function positions(
  op: string,
  inputs: readonly Value[],
  attributes: Parameters<WideFold>[2],
  output: Parameters<WideFold>[3],
): ConstantData {
  let next = 0;
  const counted = inputs.map((input) => ({ ...input, type: "int" as const, data: Float64Array.from(input.data!, () => next++) }));
  return opNamed(op).fold!(counted, attributes, [{ ...output, type: "int" }])[0]!;
}

export const foldWide: WideFold = (op, inputs, attributes, output, onnxType) => {
  const elements = inputs.map(exactElements);
  const finish = (values: readonly bigint[]): ConstantData => {
    if (output.type === "float") return Float32Array.from(values, Number);
    return output.type === "bool"
      ? Float64Array.from(values, Number)
      : fromExact(
          values.map((value) => wrapTo(value, onnxType)),
          onnxType,
        );
  };
  if (op === "Retype") return finish(elements[0]!);
  if (MOVES.has(op)) {
    const all = elements.flat();
    return finish(Array.from(positions(op, inputs, attributes, output), (at) => all[at]!));
  }
  const rule = rules[op];
  if (rule) {
    const places = inputs.map((input) => {
      const counted = { ...input, data: Float64Array.from(input.data!, (_, i) => i) };
      return foldBroadcast([counted], { ...output, type: "int" }, ([at]) => at!);
    });
    return finish(Array.from(places[0]!, (at, i) => rule(elements[0]![at]!, elements[1]?.[places[1]![i]!] ?? 0n)));
  }
  const reduction = reductions[op];
  if (!reduction) return undefined;
  const [start, combine] = reduction;
  const axes = attributes["axes"] as readonly number[];
  const totals = Array<bigint>(output.shape.reduce((size, extent) => size * extent, 1)).fill(start);
  elements[0]!.forEach((element, i) => {
    let [rest, to, stride] = [i, 0, 1];
    for (let axis = inputs[0]!.shape.length - 1; axis >= 0; axis--) {
      const extent = inputs[0]!.shape[axis]!;
      if (!axes.includes(axis)) to += (rest % extent) * stride;
      stride *= output.shape[axis]!;
      rest = Math.floor(rest / extent);
    }
    totals[to] = combine(totals[to]!, element);
  });
  return finish(totals);
};
