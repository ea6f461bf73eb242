/** What a reference kernel is told and what it reports. */
import type { TestAttribute, TestNode } from "./model.ts";
import type { Tensor } from "./tensor.ts";

export interface EvaluationState {
  /** Distance of the nearest input of a Relu, Clip or MaxPool to a point where it has no derivative. */
  margin: number;
  /** Whether rounding bounds are wanted; without them evaluation is about twice as fast. */
  readonly bounds: boolean;
}

export interface NodeContext {
  readonly node: TestNode;
  readonly opset: number;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly state: EvaluationState;
}

export type ReferenceKernel = (context: NodeContext) => Tensor;

export function required({ node, inputs }: NodeContext, index: number): Tensor {
  const value = inputs[index];
  if (!value) throw new Error(`${node.op}: input ${index} is missing`);
  return value;
}

export function number({ node }: NodeContext, name: string, fallback: number): number {
  const value: TestAttribute | undefined = node.attributes?.[name];
  return typeof value === "number" ? value : fallback;
}

export function numbers({ node }: NodeContext, name: string): readonly number[] | undefined {
  const value: TestAttribute | undefined = node.attributes?.[name];
  if (value === undefined || typeof value === "number" || typeof value === "string") return undefined;
  return "ints" in value ? value.ints : "floats" in value ? value.floats : value;
}

export function text({ node }: NodeContext, name: string, fallback: string): string {
  const value = node.attributes?.[name];
  return typeof value === "string" ? value : fallback;
}

/** A list that old opsets gave as an attribute and new ones as an input. */
export function listed(context: NodeContext, name: string, input: number, inputSince: number): readonly number[] | undefined {
  if (context.opset < inputSince) return numbers(context, name);
  const value = context.inputs[input];
  return value && Array.from(value.data);
}
