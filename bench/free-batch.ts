/**
 * Files that freeze their batch at 1 with the batch left open, so that every contestant can run them at any N, and all read
 * the same bytes.
 */
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";

const BATCH = "N";
const INT64 = 7;

export interface FreedModel {
  readonly bytes: Uint8Array;
  readonly input: string;
  readonly output: string;
  /** One sample, without the batch axis. */
  readonly shape: readonly number[];
  readonly classes: number;
}

function extents(port: onnx.IValueInfoProto): number[] {
  return (port.type?.tensorType?.shape?.dim ?? []).map(({ dimValue }) => Number(dimValue ?? 0));
}

function openBatch(port: onnx.IValueInfoProto): void {
  const first = port.type?.tensorType?.shape?.dim?.[0];
  if (!first) throw new Error(`${port.name} has no batch axis`);
  delete first.dimValue;
  first.dimParam = BATCH;
}

/** Whether a constant shape is [1, −1]: a flattening that knows of one sample only. */
function flattensOne(tensor: onnx.ITensorProto | undefined): boolean {
  if (tensor?.dataType !== INT64) return false;
  const raw = Uint8Array.from(tensor.rawData ?? []);
  const extents = raw.length > 0 ? [...new BigInt64Array(raw.buffer)].map(Number) : (tensor.int64Data ?? []).map(Number);
  return extents.join() === "1,-1";
}

/**
 * Declares the batch of the one input and the one output as N, and turns Reshape to [1, −1] into Flatten. Throws where a
 * network has several of either.
 */
export function freeBatch(bytes: Uint8Array): FreedModel {
  const model = onnxProto.onnx.ModelProto.decode(bytes);
  const { graph } = model;
  if (!graph) throw new Error("no graph");
  const initializers = new Map((graph.initializer ?? []).map((tensor) => [tensor.name, tensor]));
  graph.input = (graph.input ?? []).filter(({ name }) => !initializers.has(name));
  const [input, ...inputs] = graph.input;
  const [output, ...outputs] = graph.output ?? [];
  if (!input || !output || inputs.length > 0 || outputs.length > 0) throw new Error("not a network of one input and one output");
  openBatch(input);
  openBatch(output);
  graph.valueInfo = [];
  for (const node of graph.node ?? []) {
    if (node.opType !== "Reshape" || !flattensOne(initializers.get(node.input?.[1] ?? ""))) continue;
    node.opType = "Flatten";
    node.input = node.input!.slice(0, 1);
    node.attribute = [];
  }
  return {
    bytes: onnxProto.onnx.ModelProto.encode(model).finish(),
    input: input.name!,
    output: output.name!,
    shape: extents(input).slice(1),
    classes: extents(output)[1]!,
  };
}
