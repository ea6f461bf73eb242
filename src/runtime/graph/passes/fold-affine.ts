/**
 * Folds multiplication by, and addition of, constants per output channel into the convolution or dense layer before them:
 * batch normalisation at inference, bias nodes, scalings. (W x + b) s + t = (W s) x + (b s + t); done in double precision.
 */
import { rewrite } from "../builder.ts";
import type { GraphBuilder } from "../builder.ts";
import { indexGraph, sizeOf, withoutDeadNodes } from "../graph.ts";
import type { ConstantData, Graph, Node, Value } from "../graph.ts";
import { isUnknown } from "../unknown.ts";
import { clampOf } from "../../../kernels/epilogue.ts";

/** The axis of each layer's output that runs over output channels, counted from the end. */
const channelAxisFromEnd: Readonly<Record<string, number>> = { Conv: 3, ConvTranspose: 3, MatMul: 1 };

export function foldAffine(graph: Graph): Graph {
  const { readOnce } = indexGraph(graph);
  const layers = new Map<Value, Node>();
  // Weights that several layers share, scaled alike, stay shared.
  const scaled = new Map<Value, Map<string, Value>>();
  const folded = rewrite(graph, (node, inputs, builder) => {
    const outputs = foldInto(node, inputs, builder, layers, readOnce, scaled);
    for (const made of builder.nodes.slice(-1)) if (made.op in channelAxisFromEnd) layers.set(made.outputs[0]!, made);
    return outputs;
  });
  return withoutDeadNodes(folded.graph);
}

function foldInto(
  node: Node,
  inputs: readonly (Value | undefined)[],
  builder: GraphBuilder,
  layers: ReadonlyMap<Value, Node>,
  readOnce: (original: Value) => boolean,
  scaled: Map<Value, Map<string, Value>>,
): readonly Value[] | undefined {
  if (!["Mul", "Add", "Sub", "Div"].includes(node.op) || clampOf(node)) {
    const made = builder.copy(node, inputs);
    return made;
  }
  const [a, b] = inputs as [Value, Value];
  const commutes = node.op === "Mul" || node.op === "Add";
  const [value, operand, original] = b.data ? [a, b, node.inputs[0]!] : commutes ? [b, a, node.inputs[1]!] : [a, b, node.inputs[0]!];
  const layer = layers.get(value);
  if (!layer || !operand.data || !layer.inputs[1]!.data || clampOf(layer) || !readOnce(original)) return builder.copy(node, inputs);
  if (layer.inputs[2] && !layer.inputs[2].data) return builder.copy(node, inputs);
  const perChannel = channelConstants(operand, value, channelAxisFromEnd[layer.op]!);
  if (!perChannel) return builder.copy(node, inputs);

  const ones = perChannel.map(() => 1);
  const zeros = perChannel.map(() => 0);
  const scale = node.op === "Mul" ? perChannel : node.op === "Div" ? perChannel.map((c) => 1 / c) : ones;
  const shift = node.op === "Add" ? perChannel : node.op === "Sub" ? perChannel.map((c) => -c) : zeros;
  const [x, weights, bias] = layer.inputs as [Value, Value, Value | undefined];
  const known = scaled.get(weights) ?? new Map<string, Value>();
  scaled.set(weights, known);
  const key = `${layer.op} ${layer.attributes["groups"] as number} ${scale.join()}`;
  const scaledWeights = scale === ones ? weights : (known.get(key) ?? builder.constant(weights.shape, scaleWeights(layer, weights, scale)));
  known.set(key, scaledWeights);
  const newBias = shift.map((t, c) => (bias?.data?.[c] ?? 0) * scale[c]! + t);
  return builder.copy(layer, [x, scaledWeights, builder.constant([newBias.length], newBias)]);
}

/** The constant as one number per output channel, or undefined where it varies along another axis. */
function channelConstants(operand: Value, value: Value, fromEnd: number): number[] | undefined {
  const channels = value.shape.at(-fromEnd)!;
  const size = sizeOf(operand.shape);
  if (operand.shape.length > value.shape.length && operand.shape.length - value.shape.length > 0) return undefined;
  if (size === 1) return Array<number>(channels).fill(operand.data![0]!);
  if (size !== channels || operand.shape.at(-fromEnd) !== channels) return undefined;
  return Array.from(operand.data!);
}

function scaleWeights(layer: Node, weights: Value, scale: readonly number[]): ConstantData {
  if (isUnknown(weights.data)) return weights.data!;
  const data = Float64Array.from(weights.data!);
  if (layer.op === "MatMul") return data.map((w, i) => w * scale[i % scale.length]!);
  const taps = sizeOf(weights.shape.slice(2));
  const [first, second] = weights.shape as [number, number];
  if (layer.op === "Conv") return data.map((w, i) => w * scale[Math.floor(i / (second * taps))]!);
  const channelsPerGroup = first / (layer.attributes["groups"] as number);
  return data.map((w, i) => {
    const group = Math.floor(i / (second * taps) / channelsPerGroup);
    return w * scale[group * second + (Math.floor(i / taps) % second)]!;
  });
}
