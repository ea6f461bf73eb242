/**
 * Where attacks attach to a network: the scores before what only turns them into probabilities. Probabilities saturate: their
 * gradients vanish where the network is sure.
 */
import { GraphBuilder } from "./builder.ts";
import { indexGraph, sizeOf } from "./graph.ts";
import type { Graph, Node, Value } from "./graph.ts";

/** Where attacks attach, for reports. */
export interface AttachPoint {
  /** The node that computes the scores, or the network's input where nothing does. */
  readonly node: string;
  /** The ops between the scores and the network's output, in their order, as ["Softmax", "Clip"]; [] where it is the output itself. */
  readonly head: readonly string[];
  /** Whether the network has one score, f. Its classes are 0 and 1, and the logits (−f/2, f/2): class 1 where f is positive. */
  readonly binary: boolean;
}

export interface Attachment {
  /** [1, …]: as many elements as there are classes. */
  readonly logits: Value;
  /** The given graph, and the nodes that make logits of a single score. */
  readonly graph: Graph;
  readonly attachedTo: AttachPoint;
}

/** Ops that end in probabilities, each in the order of its input's elements. */
const HEADS = new Set(["Softmax", "LogSoftmax", "Sigmoid"]);
/** Ops that may stand beside a head: they do not change the order of scores either. */
const BESIDE = new Set(["Reshape", "Clip", "Log"]);

/** Whether a node keeps the order of all scores: a softmax has to go over all of them. */
function keepsOrder({ op, inputs, attributes }: Node): boolean {
  if (op !== "Softmax" && op !== "LogSoftmax") return HEADS.has(op) || BESIDE.has(op);
  const { shape } = inputs[0]!;
  const size = sizeOf(shape);
  return size > 1 && shape.at(attributes["axis"] as number) === size;
}

export function attach(graph: Graph): Attachment {
  const { producers } = indexGraph(graph);
  let scores = graph.outputs[0]!;
  let head: readonly string[] = [];
  const passed: string[] = [];
  for (let node = producers.get(scores); node && keepsOrder(node); node = producers.get(node.inputs[0]!)) {
    if (node.op !== "Reshape") passed.unshift(node.op);
    if (!HEADS.has(node.op)) continue;
    scores = node.inputs[0]!;
    head = [...passed];
  }
  const binary = sizeOf(scores.shape) === 1;
  // Of a node that was imported as several, the author's name.
  const node = (producers.get(scores)?.name ?? scores.name).replace(/#\d+$/, "");
  const attachedTo = { node, head, binary };
  if (!binary) return { logits: scores, graph, attachedTo };
  // The distance to the boundary between −f/2 and f/2 is |f| / ‖∇f‖, as it should be.
  const builder = new GraphBuilder(graph.name);
  builder.scope = "two classes";
  const row = scores.shape.length === 2 ? scores : builder.add("Reshape", [scores], { shape: [1, 1] });
  const logits = builder.add("Mul", [row, builder.constant([1, 2], [-0.5, 0.5])]);
  return { logits, graph: { ...graph, nodes: [...graph.nodes, ...builder.nodes] }, attachedTo };
}
