/**
 * What the tests of numbers that are not finite share: the cases without the functions around them, so that a NaN reaches the op
 * itself, and the reference in doubles whose values are rounded to float32 between nodes, as a GPU keeps them.
 */
import { evaluate } from "../../reference/evaluate.ts";
import type { TestConstant, TestModel } from "../../reference/model.ts";
import { sizeOf } from "../../reference/model.ts";
import { randomArray } from "../numbers.ts";
import { build, seedOf } from "./cases/build.ts";
import type { OpCase } from "./cases/build.ts";

export const LARGEST = 3.4028234663852886e38;
export const DENORMAL = 1e-40;

/** What is planted, by name. */
export const SPECIALS: Readonly<Record<string, number>> = {
  NaN,
  "+inf": Infinity,
  "-inf": -Infinity,
  "+0": 0,
  "-0": -0,
  denormal: DENORMAL,
  largest: LARGEST,
};

export interface BareCase {
  readonly name: string;
  readonly op: string;
  readonly model: TestModel;
  readonly positive: ReadonlySet<string>;
}

/** A case's own nodes, its operands as the network's inputs. */
export function bare(given: OpCase): BareCase {
  const { constants } = build(given).model;
  const own = ["half", ...Object.keys(given.constants ?? {})];
  const inputs = Object.entries(given.operands).map(([name, operand]) => ({
    name,
    shape: "positive" in operand ? operand.shape : operand,
  }));
  const positive = new Set(Object.entries(given.operands).flatMap(([name, operand]) => ("positive" in operand ? [name] : [])));
  const kept = Object.fromEntries(own.map((name): [string, TestConstant] => [name, constants[name]!]));
  const model = { opset: given.opset ?? 17, inputs, nodes: given.nodes, constants: kept, outputs: ["out"] };
  return { name: given.name, op: given.nodes.at(-1)!.op, model, positive };
}

/** Numbers for every input of a case. */
export function numbersFor({ name, model, positive }: BareCase): Record<string, Float32Array> {
  return Object.fromEntries(
    model.inputs.map((input) => {
      const [low, high] = positive.has(input.name) ? [0.5, 1.5] : [-0.9, 0.9];
      return [input.name, randomArray(input.shape, seedOf(name, "plain", input.name), low, high).data];
    }),
  );
}

export const planted = (data: Float32Array, at: number, value: number): Float32Array =>
  Float32Array.from(data, (own, i) => (i === at ? value : own));

interface Reference {
  readonly data: Float64Array;
  /** What float32 arithmetic may be wrong by, where that is finite. */
  readonly bound: Float64Array;
}

/** The output in doubles; values between nodes are rounded to float32, or not, as where nodes are fused or scaled. */
export function reference(model: TestModel, feeds: Readonly<Record<string, ArrayLike<number>>>, rounded: boolean): Reference {
  const known: Record<string, TestConstant> = { ...model.constants };
  for (const { name, shape } of model.inputs) known[name] = { shape, data: Array.from(feeds[name]!) };
  let last: { readonly data: ArrayLike<number>; readonly bound: ArrayLike<number> } = evaluate(model, feeds).outputs[0]!;
  if (rounded) {
    for (const node of model.nodes) {
      const one = { opset: model.opset, inputs: [], nodes: [node], constants: known, outputs: [node.outputs[0]!] };
      const [output] = evaluate(one, {}).outputs;
      // As constants they are rounded.
      known[node.outputs[0]!] = { shape: output!.shape, data: Array.from(output!.data) };
      last = output!;
    }
  }
  // Bounds of one node alone: errors of those before are counted by the size of the whole.
  const [data, bound] = [Float64Array.from(last.data), Float64Array.from(last.bound)];
  const largest = data.reduce((most, x) => (Math.abs(x) < LARGEST && Math.abs(x) > most ? Math.abs(x) : most), 0);
  const floor = model.nodes.length > 1 ? 1e-5 * Math.min(largest, 1e3) : 2e-6 * Math.min(largest, 1e3);
  return { data, bound: bound.map((own, i) => (Number.isFinite(own) ? own : 0) + 2e-5 * Math.abs(data[i]!) + floor) };
}

/** Below the least normal number arithmetic may flush to zero. */
const LEAST = 2 ** -125;

/** Why a number is not the reference's, or undefined where it is. */
export function wrongness(found: number, expected: number, bound: number): string | undefined {
  const rounded = Math.fround(expected);
  const right = Number.isFinite(rounded)
    ? Math.abs(found - expected) <= bound + LEAST || (Math.abs(expected) > LARGEST * (1 - 1e-5) && found === Math.sign(expected) * Infinity)
    : Object.is(found, rounded);
  return right ? undefined : `is ${found}, expected ${rounded}`;
}

export const sizeOfInput = ({ model }: BareCase, name: string): number => sizeOf(model.inputs.find((input) => input.name === name)!.shape);
