/**
 * Would the file itself treat samples apart? Nudge runs a network as if each sample were alone (graph/graph.ts). For a file
 * frozen at batch 1 that is what it says. For a file with an open batch axis it is the same as running the batch whole only
 * if no op mixes samples; that is proven here, op by op, on the graph imported at a batch of two.
 *
 * Each value is followed by where its batch axis lies. An op that this page does not know is not proven: nothing is assumed.
 */
import { opNamed } from "../../kernels/registry.ts";
import { NudgeError } from "../errors.ts";
import { sizeOf } from "../graph/graph.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import { importModel } from "./import.ts";
import type { ImportOptions } from "./import.ts";
import type { ModelProto } from "./messages.ts";

const BATCH = 2;

/** Undefined: the value does not depend on the samples. */
type Axis = number | undefined;

class Mixes extends Error {}

/** What the proof found, in one sentence for the user; undefined where there is nothing to say. */
export function batchNote(model: ModelProto, options: ImportOptions, batch: number | string): string | undefined {
  if (batch === 1) return "the file freezes the batch at 1; Nudge runs any number of samples, each as the file would run it alone";
  if (typeof batch === "number") return `the file freezes the batch at ${batch}; a sample is ${batch} of its rows`;
  try {
    const { graph } = importModel(model, { ...options, batch: BATCH });
    const culprit = firstMixing(graph);
    if (!culprit) return undefined;
    return `node "${culprit.name}" (${culprit.op}) may mix samples; Nudge runs each sample as the file would run it alone`;
  } catch (error) {
    if (!(error instanceof NudgeError)) throw error;
    return "the file's shapes hold at batch 1 only; Nudge runs any number of samples, each as the file would run it alone";
  }
}

/** The first node of a graph at batch 2 that cannot be proven to treat samples apart. */
export function firstMixing(graph: Graph): Node | undefined {
  const axes = new Map<Value, Axis>(graph.inputs.map((input) => [input, 0]));
  for (const node of graph.nodes) {
    try {
      const inputs = node.inputs.map((input) => input && axes.get(input));
      const axis = batchAxis(node, inputs);
      node.outputs.forEach((output) => axes.set(output, axis));
    } catch (error) {
      if (error instanceof Mixes) return node;
      throw error;
    }
  }
  return undefined;
}

/** The batch axis of a node's outputs. Throws Mixes where samples meet, or may. */
function batchAxis(node: Node, axes: readonly Axis[]): Axis {
  if (axes.every((axis) => axis === undefined)) return undefined;
  const { attributes } = node;
  const first = axes[0];
  const [x] = node.inputs as [Value];
  const numbers = (key: string) => attributes[key] as readonly number[];
  switch (node.op) {
    case "Conv":
    case "ConvTranspose":
    case "MaxPool":
    case "AveragePool":
      return keep(first === 0 && first);
    case "MatMul":
      return matmulAxis(node, axes);
    case "Softmax":
    case "LogSoftmax":
    case "ArgReduce":
    case "AxisMap":
    case "TopK":
      return keep(attributes["axis"] !== first && first!);
    case "Standardise":
      return keep(first !== undefined && first < (attributes["axis"] as number) && first);
    case "Concat":
      return keep(axes.every((axis) => axis === first) && attributes["axis"] !== first && first!);
    case "Transpose":
      return numbers("permutation").indexOf(first!);
    case "Reshape":
      return reshapedAxis(x.shape, numbers("shape"), first!);
    case "Slice":
      return keep(numbers("starts")[first!] === 0 && numbers("steps")[first!] === 1 && numbers("extents")[first!] === BATCH && first!);
    default:
      if (numbers("axes") && node.op.startsWith("Reduce")) return keep(!numbers("axes").includes(first!) && first!);
      return elementwiseAxis(node, axes);
  }
}

function keep(axis: number | false): number {
  if (axis === false) throw new Mixes();
  return axis;
}

/** Element-wise ops align shapes at the end: all batch axes must fall together, and nothing else may meet them. */
function elementwiseAxis(node: Node, axes: readonly Axis[]): number {
  const output = node.outputs[0]!;
  const broadcasts = node.inputs.every((input) => !input || sizeOf(input.shape) <= sizeOf(output.shape));
  const known = node.op === "Expand" || opNamed(node.op).elementwise === true;
  let aligned: number | undefined;
  node.inputs.forEach((input, i) => {
    const axis = axes[i];
    if (!input || axis === undefined) return;
    const at = axis + output.shape.length - input.shape.length;
    if (aligned !== undefined && aligned !== at) throw new Mixes();
    aligned = at;
  });
  const foreign = node.inputs.some((input, i) => {
    if (!input || axes[i] !== undefined) return false;
    const extent = input.shape[aligned! - output.shape.length + input.shape.length];
    return extent !== undefined && extent !== 1;
  });
  return keep(known && broadcasts && !foreign && aligned!);
}

function matmulAxis(node: Node, [a, b]: readonly Axis[]): number {
  const output = node.outputs[0]!.shape.length;
  const [left, right] = node.inputs as [Value, Value];
  const fromA = a === undefined ? undefined : a + output - left.shape.length;
  const fromB = b === undefined ? undefined : b + output - right.shape.length;
  // Rows of A are apart from each other; columns are summed over. Of B only batch axes are apart.
  if (fromA === output - 1 || (fromB !== undefined && fromB >= output - 2)) throw new Mixes();
  if (fromA !== undefined && fromB !== undefined && fromA !== fromB) throw new Mixes();
  return (fromA ?? fromB)!;
}

/** The batch axis survives a reshape where an axis of its extent begins at the same flat position. */
function reshapedAxis(from: readonly number[], to: readonly number[], axis: number): number {
  const before = sizeOf(from.slice(0, axis));
  const at = to.findIndex((extent, i) => extent === BATCH && sizeOf(to.slice(0, i)) === before);
  return keep(at >= 0 && at);
}
