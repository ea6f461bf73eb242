/** The passes every loaded graph goes through, and what they found. */
import type { Graph, Node, Value } from "./graph.ts";
import { indexGraph } from "./graph.ts";
import { foldAffine } from "./passes/fold-affine.ts";
import { fuseAffine } from "./passes/fuse-affine.ts";
import { fuseEpilogues } from "./passes/fuse-epilogues.ts";
import { recognise } from "./passes/recognise.ts";

export function simplify(graph: Graph): Graph {
  return fuseEpilogues(fuseAffine(foldAffine(recognise(graph)))).graph;
}

/**
 * The scores before a trailing softmax: attacks and class gradients attach there, because probabilities saturate (their
 * gradients underflow where the network is sure). Where there is no softmax, the first output itself.
 */
export function logitsOf(graph: Graph): { logits: Value; softmax: Node | undefined } {
  const { producers } = indexGraph(graph);
  const output = graph.outputs[0]!;
  let node = producers.get(output);
  while (node?.op === "Reshape") node = producers.get(node.inputs[0]!);
  const softmax = node?.op === "Softmax" || node?.op === "LogSoftmax" ? node : undefined;
  return { logits: softmax?.inputs[0] ?? output, softmax };
}
