/**
 * Op tests as data. A case names operands, nodes and constants; build() puts the nodes in the middle of a small network, so
 * that values before them are not the input and cotangents after them are not the seed:
 *
 *   operand = tanh(s ⊙ input)          (or ½ + sigmoid(s ⊙ input), where the op needs positive numbers)
 *   y = w ⊙ out + sigmoid(out)         with s and w different for every element
 */
import { evaluate } from "../../../reference/evaluate.ts";
import { sizeOf } from "../../../reference/model.ts";
import type { TestConstant, TestModel, TestNode } from "../../../reference/model.ts";
import { randomArray } from "../../numbers.ts";

/** A constant filled with seeded random numbers. */
export interface RandomConstant {
  readonly shape: readonly number[];
  readonly low: number;
  readonly high: number;
}

export interface OpCase {
  /** What the case is, or why it is there. */
  readonly name: string;
  /** Default 17. */
  readonly opset?: number;
  /** Values computed from a network input of the same shape; default [−1, 1], "positive" in [½, 1½]. */
  readonly operands: Readonly<Record<string, readonly number[] | { readonly shape: readonly number[]; readonly positive: true }>>;
  /** From the operands to the value "out". */
  readonly nodes: readonly TestNode[];
  readonly constants?: Readonly<Record<string, TestConstant | RandomConstant>>;
  /** Why onnxruntime is not asked: it lacks the op at this opset, or disagrees with the specification. */
  readonly notInOrt?: string;
  /** How many times coarser than usual the derivative is allowed to be; the case's name says why. */
  readonly amplification?: number;
}

/** Weights whose products with `terms` inputs in [−1, 1] sum to numbers near 1. */
export function weights(shape: readonly number[], terms = sizeOf(shape.slice(1))): RandomConstant {
  const reach = 2 / Math.sqrt(terms);
  return { shape, low: -reach, high: reach };
}

export function uniform(shape: readonly number[], low = -1, high = 1): RandomConstant {
  return { shape, low, high };
}

export function ints(...data: number[]): TestConstant {
  return { shape: [data.length], data, type: "int64" };
}

export function scalar(value: number): TestConstant {
  return { shape: [], data: [value] };
}

/** One node from the given inputs to "out". */
export function node(op: string, inputs: readonly string[], attributes: TestNode["attributes"] = {}, output = "out"): TestNode {
  return { op, inputs, outputs: [output], attributes };
}

/**
 * A seed from a case's name and what is drawn. The generator's first numbers are nearly linear in its seed, so seeds are
 * spread over all their bits (the finaliser of MurmurHash3).
 */
export function seedOf(...parts: readonly (string | number)[]): number {
  let hash = 0;
  for (const character of parts.join(" ")) hash = (Math.imul(hash, 31) + character.codePointAt(0)!) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function fill(constant: TestConstant | RandomConstant, seed: number): TestConstant {
  if ("data" in constant) return constant;
  return { shape: constant.shape, data: randomArray(constant.shape, seed, constant.low, constant.high).data };
}

export interface BuiltCase {
  readonly model: TestModel;
  readonly outputShape: readonly number[];
}

export function build(given: OpCase): BuiltCase {
  const inputs: { name: string; shape: readonly number[] }[] = [];
  const before: TestNode[] = [];
  const constants: Record<string, TestConstant> = { half: { shape: [], data: [0.5] } };
  for (const [name, operand] of Object.entries(given.operands)) {
    const positive = "positive" in operand;
    const shape = positive ? operand.shape : operand;
    inputs.push({ name: `input_${name}`, shape });
    constants[`scale_${name}`] = fill(uniform(shape, 0.5, 1.5), seedOf(given.name, "scale of", name));
    before.push({ op: "Mul", inputs: [`input_${name}`, `scale_${name}`], outputs: [`scaled_${name}`] });
    if (positive) {
      before.push({ op: "Sigmoid", inputs: [`scaled_${name}`], outputs: [`squashed_${name}`] });
      before.push({ op: "Add", inputs: [`squashed_${name}`, "half"], outputs: [name] });
    } else {
      before.push({ op: "Tanh", inputs: [`scaled_${name}`], outputs: [name] });
    }
  }
  for (const [name, constant] of Object.entries(given.constants ?? {}))
    constants[name] = fill(constant, seedOf(given.name, "constant", name));
  const core: TestModel = { opset: given.opset ?? 17, inputs, nodes: [...before, ...given.nodes], constants, outputs: ["out"] };
  const zeros = Object.fromEntries(inputs.map(({ name, shape }) => [name, new Float64Array(sizeOf(shape))]));
  const outputShape = evaluate(core, zeros, { bounds: false }).outputs[0]!.shape;
  constants["weight_out"] = fill(uniform(outputShape, 0.5, 1.5), seedOf(given.name, "weight of the output"));
  const after: TestNode[] = [
    { op: "Mul", inputs: ["out", "weight_out"], outputs: ["weighted"] },
    { op: "Sigmoid", inputs: ["out"], outputs: ["bent"] },
    { op: "Add", inputs: ["weighted", "bent"], outputs: ["result"] },
  ];
  return { model: { ...core, nodes: [...core.nodes, ...after], outputs: ["result"] }, outputShape };
}
