/**
 * An ONNX network as a function of TensorFlow.js tensors, channels last, for TensorFlow.js reads no ONNX. What its users do by
 * hand is done here: weights are transposed and batch normalisation is folded once, activations are fused into convolutions.
 */
import * as tf from "@tensorflow/tfjs";
import { foldBatchNorm, readGraph, type OnnxGraph, type OnnxNode } from "./onnx-graph.ts";

type Scope = Map<string, tf.Tensor>;
type Build = (node: OnnxNode, graph: OnnxGraph, activation: Activation) => (scope: Scope) => tf.Tensor;
type Activation = "linear" | "relu" | "relu6";
type Pads = [[number, number], [number, number], [number, number], [number, number]];

const CHANNELS_LAST = [0, 2, 3, 1];
const CHANNELS_FIRST = [0, 3, 1, 2];
/** Axis of [N, C, H, W] → axis of [N, H, W, C]. */
const MOVED = [0, 3, 1, 2];

function spatialPads({ op, ints, numbers }: OnnxNode): Pads {
  if (numbers["auto_pad"] !== undefined || numbers["ceil_mode"]) throw new Error(`${op}: auto_pad or ceil_mode`);
  const [top = 0, left = 0, bottom = 0, right = 0] = ints["pads"] ?? [];
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

const pair = (list: readonly number[] | undefined, fallback: number): [number, number] => [list?.[0] ?? fallback, list?.[1] ?? fallback];

function list(graph: OnnxGraph, node: OnnxNode, input: number): number[] {
  const constant = graph.constants.get(node.inputs[input] ?? "");
  if (!constant) throw new Error(`${node.op}: input ${input} is not constant`);
  return [...constant.data];
}

const builders: Readonly<Record<string, Build>> = {
  Conv(node, { constants }, activation) {
    const { shape, data } = constants.get(node.inputs[1]!)!;
    const bias = constants.get(node.inputs[2] ?? "");
    const group = node.numbers["group"] ?? 1;
    const depthwise = group > 1;
    if (depthwise && (group !== shape[0] || shape[1] !== 1)) throw new Error("Conv: groups other than depthwise");
    const weights = tf.tidy(() =>
      tf.tensor4d(data, shape as [number, number, number, number]).transpose<tf.Tensor4D>(depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0]),
    );
    const options = {
      filter: weights,
      strides: pair(node.ints["strides"], 1),
      pad: spatialPads(node),
      dilations: pair(node.ints["dilations"], 1),
      activation,
      ...(bias && { bias: tf.tensor1d(bias.data) }),
    };
    return (scope) => {
      const x = scope.get(node.inputs[0]!) as tf.Tensor4D;
      // The types of the fused depthwise form forget explicit padding; the unfused form has it, and the code is shared.
      return depthwise
        ? tf.fused.depthwiseConv2d({ x, ...options, pad: options.pad as unknown as number })
        : tf.fused.conv2d({ x, ...options });
    };
  },
  Gemm(node, { constants }, activation) {
    const { shape, data } = constants.get(node.inputs[1]!)!;
    const bias = constants.get(node.inputs[2] ?? "");
    if ((node.numbers["alpha"] ?? 1) !== 1 || (node.numbers["beta"] ?? 1) !== 1 || node.numbers["transA"])
      throw new Error("Gemm: alpha, beta or transA");
    const options = {
      b: tf.tensor2d(data, shape as [number, number]),
      transposeB: Boolean(node.numbers["transB"]),
      activation,
      ...(bias && { bias: tf.tensor1d(bias.data) }),
    };
    return (scope) => tf.fused.matMul({ a: scope.get(node.inputs[0]!) as tf.Tensor2D, ...options });
  },
  Relu:
    ({ inputs }) =>
    (scope) =>
      tf.relu(scope.get(inputs[0]!)!),
  Clip(node, graph) {
    const [low, high] = [list(graph, node, 1)[0]!, list(graph, node, 2)[0]!];
    const relu6 = low === 0 && high === 6;
    return (scope) => {
      const x = scope.get(node.inputs[0]!)!;
      return relu6 ? tf.relu6(x) : tf.clipByValue(x, low, high);
    };
  },
  Add:
    ({ inputs }) =>
    (scope) =>
      tf.add(scope.get(inputs[0]!)!, scope.get(inputs[1]!)!),
  Identity:
    ({ inputs }) =>
    (scope) =>
      scope.get(inputs[0]!)!,
  Concat:
    ({ inputs, numbers }) =>
    (scope) =>
      tf.concat(
        inputs.map((name) => scope.get(name)!),
        MOVED[numbers["axis"]!],
      ),
  MaxPool: (node) => (scope) => {
    const x = scope.get(node.inputs[0]!) as tf.Tensor4D;
    const pads = spatialPads(node);
    const none = pads.flat().every((pad) => pad === 0);
    return tf.maxPool(x, pair(node.ints["kernel_shape"], 1), pair(node.ints["strides"], 1), none ? "valid" : pads);
  },
  GlobalAveragePool:
    ({ inputs }) =>
    (scope) =>
      tf.mean(scope.get(inputs[0]!)!, [1, 2], true),
  Flatten:
    ({ inputs }) =>
    (scope) => {
      const x = scope.get(inputs[0]!)!;
      return tf.reshape(x.rank === 4 ? tf.transpose(x, CHANNELS_FIRST) : x, [x.shape[0], -1]);
    },
  Pad(node, graph) {
    const pads = list(graph, node, 1);
    const [batch, channels, height, width] = pads.slice(0, 4).map((before, axis): [number, number] => [before, pads[axis + 4]!]);
    return (scope) => tf.pad(scope.get(node.inputs[0]!)!, [batch!, height!, width!, channels!]);
  },
  /** Steps along height and width only. stridedSlice has no gradient; pooling over windows of one pixel has. */
  Slice(node, graph) {
    const [starts, ends, axes, steps] = [1, 2, 3, 4].map((input) => list(graph, node, input));
    const whole = axes!.every((axis, i) => axis >= 2 && starts![i] === 0 && ends![i]! >= 2 ** 31 - 1);
    if (!whole) throw new Error("Slice: other than every k-th pixel");
    const step = (axis: number): number => steps![axes!.indexOf(axis)] ?? 1;
    return (scope) => tf.avgPool(scope.get(node.inputs[0]!) as tf.Tensor4D, 1, [step(2), step(3)], "valid");
  },
};

/** The activation that a node alone is followed by, and the node it makes needless. */
function activationAfter(node: OnnxNode, graph: OnnxGraph): { activation: Activation; swallowed?: OnnxNode } {
  const followers = graph.nodes.filter(({ inputs }) => inputs.includes(node.output));
  const [next] = followers;
  if (!["Conv", "Gemm"].includes(node.op) || !next || followers.length > 1) return { activation: "linear" };
  if (next.op === "Relu") return { activation: "relu", swallowed: next };
  const clips = next.op === "Clip" && list(graph, next, 1)[0] === 0 && list(graph, next, 2)[0] === 6;
  return clips ? { activation: "relu6", swallowed: next } : { activation: "linear" };
}

/** Builds the network once; the function takes [N, C, H, W] and gives the logits. */
export function tfjsNetwork(bytes: Uint8Array, input: string, output: string): (x: tf.Tensor4D) => tf.Tensor2D {
  const graph = foldBatchNorm(readGraph(bytes));
  const swallowed = new Set<OnnxNode>();
  const steps = graph.nodes.flatMap((node) => {
    if (swallowed.has(node)) return [];
    const build = builders[node.op];
    if (!build) throw new Error(`no ${node.op}`);
    const { activation, swallowed: next } = activationAfter(node, graph);
    if (next) swallowed.add(next);
    return [{ output: next?.output ?? node.output, run: build(node, graph, activation) }];
  });
  return (x) =>
    tf.tidy(() => {
      const scope: Scope = new Map([[input, tf.transpose(x, CHANNELS_LAST)]]);
      for (const step of steps) scope.set(step.output, step.run(scope));
      return scope.get(output) as tf.Tensor2D;
    });
}
