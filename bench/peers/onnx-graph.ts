/** ONNX bytes → nodes with plain attributes and float constants: what a peer without a loader of its own builds from. */
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";

export interface Constant {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly ints: Readonly<Record<string, readonly number[]>>;
  readonly numbers: Readonly<Record<string, number>>;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, Constant>;
}

const FLOAT = 1;
const INT64 = 7;
const FLOAT_ATTRIBUTE = 1;

function constantOf(tensor: onnx.ITensorProto): Constant {
  const shape = (tensor.dims ?? []).map(Number);
  const raw = Uint8Array.from(tensor.rawData ?? []);
  switch (tensor.dataType) {
    case FLOAT:
      return { shape, data: raw.length > 0 ? new Float32Array(raw.buffer) : Float32Array.from(tensor.floatData ?? []) };
    case INT64:
      return { shape, data: Float32Array.from(raw.length > 0 ? new BigInt64Array(raw.buffer) : (tensor.int64Data ?? []), Number) };
    default:
      throw new Error(`constant ${tensor.name} of type ${tensor.dataType}`);
  }
}

export function readGraph(bytes: Uint8Array): OnnxGraph {
  const { graph } = onnxProto.onnx.ModelProto.decode(bytes);
  if (!graph) throw new Error("no graph");
  const constants = new Map((graph.initializer ?? []).map((tensor) => [tensor.name!, constantOf(tensor)]));
  const nodes: OnnxNode[] = [];
  for (const { opType, input, output, attribute } of graph.node ?? []) {
    const ints: Record<string, number[]> = {};
    const numbers: Record<string, number> = {};
    for (const { name, type, ints: list, i, f } of attribute ?? []) {
      if (list?.length) ints[name!] = list.map(Number);
      else numbers[name!] = Number(type) === FLOAT_ATTRIBUTE ? (f ?? 0) : Number(i ?? 0);
    }
    nodes.push({ op: opType!, inputs: input ?? [], output: output![0]!, ints, numbers });
  }
  return { nodes, constants };
}

/** Folds every batch normalisation that alone follows a convolution into its weights, as converters do. */
export function foldBatchNorm({ nodes, constants }: OnnxGraph): OnnxGraph {
  const uses = new Map<string, number>();
  for (const name of nodes.flatMap(({ inputs }) => inputs)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const folded = new Map(constants);
  const kept: OnnxNode[] = [];
  for (const node of nodes) {
    const at = kept.findIndex(({ op, output }) => op === "Conv" && output === node.inputs[0]);
    const conv = kept[at];
    if (node.op !== "BatchNormalization" || !conv || uses.get(conv.output) !== 1) {
      kept.push(node);
      continue;
    }
    const [scale, shift, mean, variance] = node.inputs.slice(1, 5).map((name) => folded.get(name)!.data);
    const [, weightName, biasName] = conv.inputs;
    const weight = folded.get(weightName!)!;
    const perChannel = weight.data.length / weight.shape[0]!;
    const factors = scale!.map((value, c) => value / Math.sqrt(variance![c]! + (node.numbers["epsilon"] ?? 1e-5)));
    const bias = biasName ? folded.get(biasName)!.data : new Float32Array(factors.length);
    const names = [`${node.output}.weight`, `${node.output}.bias`] as const;
    folded.set(names[0], { shape: weight.shape, data: weight.data.map((value, i) => value * factors[Math.floor(i / perChannel)]!) });
    folded.set(names[1], { shape: [factors.length], data: factors.map((factor, c) => (bias[c]! - mean![c]!) * factor + shift![c]!) });
    kept[at] = { ...conv, inputs: [conv.inputs[0]!, ...names], output: node.output };
  }
  return { nodes: kept, constants: folded };
}
