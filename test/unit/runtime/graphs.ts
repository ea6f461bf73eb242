/** Graphs for tests of passes and plans, from the same networks as the GPU tests. */
import { loadRareOps } from "../../../src/kernels/registry.ts";
import { decodeModel } from "../../../src/runtime/onnx/decode.ts";
import { importModel } from "../../../src/runtime/onnx/import.ts";
import type { Graph } from "../../../src/runtime/graph/graph.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import type { TestConstant, TestModel, TestNode } from "../../reference/model.ts";

// Graphs are made at once here, of any op.
await loadRareOps();

export interface SmallModel {
  readonly opset?: number;
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  readonly nodes: readonly TestNode[];
  readonly constants?: Readonly<Record<string, TestConstant>>;
  readonly outputs?: readonly string[];
}

export function model({ opset = 17, inputs = { x: [1, 3, 6, 6] }, nodes, constants = {}, outputs = ["y"] }: SmallModel): TestModel {
  return { opset, inputs: Object.entries(inputs).map(([name, shape]) => ({ name, shape })), nodes, constants, outputs };
}

export function bytesOf(small: SmallModel): Uint8Array {
  return encodeModel(model(small));
}

export function graphOf(small: SmallModel): Graph {
  return importModel(decodeModel(bytesOf(small))).graph;
}

export function node(op: string, inputs: readonly string[], output: string, attributes: TestNode["attributes"] = {}): TestNode {
  return { op, inputs, outputs: [output], attributes, name: `the ${output}` };
}

/** Different numbers in every place: 1, 2, 3, … times a scale. */
export function counting(shape: readonly number[], scale = 1): TestConstant {
  return { shape, data: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => scale * (i + 1)) };
}
