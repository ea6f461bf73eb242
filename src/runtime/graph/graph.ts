/**
 * The graph: what a network computes, with static shapes and without a word of protobuf.
 *
 * A graph describes ONE sample: the ONNX graph at batch 1. Running it on N samples maps the whole graph over a leading
 * sample axis that no shape mentions, so a file frozen at batch 1 runs at any N, exactly. A value is
 *
 *   shared   one copy for all samples (weights, constants)
 *   sample   one copy for each sample: N in memory
 *   row      R copies for each sample: N·R in memory; cotangents and tangents, where R of them share one forward value
 */
import { copyRecord } from "./integers.ts";
import { isUnknown } from "./unknown.ts";

export type Lead = "shared" | "sample" | "row";

/** Element kinds. On the GPU `float` is f32, `int` and `bool` are i32. */
export type ElementType = "float" | "int" | "bool";

/** What a constant holds: f32 for `float`; integers as doubles, exactly (integers.ts). */
export type ConstantData = Float32Array | Float64Array;

export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: ElementType;
  readonly lead: Lead;
  /** Present exactly when lead is "shared". */
  readonly data?: ConstantData;
  /** For constants from a file: the TensorProto.DataType they had there. Ranges of quantised integers follow from it. */
  readonly onnxType?: number;
}

export type Attribute = number | string | boolean | readonly number[] | readonly string[];
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
  /** Name of an op definition in src/kernels. */
  readonly op: string;
  /** The name the model's author gave, or one derived from it; appears in errors, labels and traces. */
  readonly name: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** In an order in which every node follows the nodes it reads. */
  readonly nodes: readonly Node[];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

const LEAD_ORDER: Record<Lead, number> = { shared: 0, sample: 1, row: 2 };

/** The lead of a node's outputs: the widest of its inputs'. */
export function widestLead(values: readonly (Value | undefined)[]): Lead {
  let widest: Lead = "shared";
  for (const value of values) if (value && LEAD_ORDER[value.lead] > LEAD_ORDER[widest]) widest = value.lead;
  return widest;
}

/** Integers have one zero; a product or quotient of doubles may be the other. */
function integers(data: ConstantData | readonly number[]): Float64Array {
  const stored = new Float64Array(data);
  for (let i = 0; i < stored.length; i++) stored[i]! += 0;
  return stored;
}

/** A constant value. `float` data are stored as f32. */
export function constant(
  name: string,
  shape: readonly number[],
  data: ConstantData | readonly number[],
  type: ElementType = "float",
  onnxType?: number,
): Value {
  const stored = isUnknown(data) ? (data as Float32Array) : type === "float" ? new Float32Array(data) : integers(data);
  copyRecord(data, stored);
  if (stored.length !== sizeOf(shape)) throw new RangeError(`${name}: ${stored.length} elements for shape [${shape}]`);
  return { name, shape: [...shape], type, lead: "shared", data: stored, ...(onnxType !== undefined && { onnxType }) };
}

/** Which node makes each value, which nodes read it, and whether it is read once and is no output: what fusion may take away. */
export function indexGraph(graph: Graph): {
  producers: Map<Value, Node>;
  consumers: Map<Value, Node[]>;
  readOnce: (value: Value) => boolean;
} {
  const producers = new Map<Value, Node>();
  const consumers = new Map<Value, Node[]>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) producers.set(output, node);
    for (const input of node.inputs) {
      if (!input) continue;
      const list = consumers.get(input);
      if (list) list.push(node);
      else consumers.set(input, [node]);
    }
  }
  const readOnce = (value: Value) => consumers.get(value)?.length === 1 && !graph.outputs.includes(value);
  return { producers, consumers, readOnce };
}

/** The graph without nodes whose outputs nobody reads. */
export function withoutDeadNodes(graph: Graph): Graph {
  const wanted = new Set<Value>(graph.outputs);
  const kept: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    kept.push(node);
    for (const input of node.inputs) if (input) wanted.add(input);
  }
  return { ...graph, nodes: kept.reverse() };
}
