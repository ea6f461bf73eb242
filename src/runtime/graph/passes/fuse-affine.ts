/**
 * x · s + t with constants s and t becomes one Affine: batch normalisation that no layer could take over (DenseNet has it before
 * its convolutions), and the last step of layer normalisation. The clamp behind it follows in fuse-epilogues.ts.
 */
import { broadcastShapes } from "../../../kernels/broadcast.ts";
import { clampOf } from "../../../kernels/epilogue.ts";
import { rewrite } from "../builder.ts";
import type { GraphBuilder } from "../builder.ts";
import { indexGraph, sizeOf, withoutDeadNodes } from "../graph.ts";
import type { Graph, Node, Value } from "../graph.ts";

/** The operand that is computed and the one that is constant, where a node has one of each, neither being repeated. */
function operands(node: Node | undefined, op: string): { value: Value; constant: Value } | undefined {
  if (node?.op !== op || clampOf(node)) return undefined;
  const [a, b] = node.inputs as [Value, Value];
  const pair = b.data ? { value: a, constant: b } : a.data ? { value: b, constant: a } : undefined;
  const whole = pair && !pair.value.data && sizeOf(pair.value.shape) === sizeOf(node.outputs[0]!.shape);
  return whole && pair.value.shape.length === node.outputs[0]!.shape.length ? pair : undefined;
}

function expanded(constant: Value, shape: readonly number[], builder: GraphBuilder): Value {
  return constant.shape.join() === shape.join() ? constant : builder.add("Expand", [constant], { shape: [...shape] });
}

export function fuseAffine(graph: Graph): Graph {
  const { producers, readOnce } = indexGraph(graph);
  const { graph: fused } = rewrite(graph, (node, _inputs, builder, current) => {
    const sum = operands(node, "Add");
    const product = sum && operands(producers.get(sum.value), "Mul");
    if (!product || !readOnce(sum.value)) return undefined;
    const shape = broadcastShapes(product.constant.shape, sum.constant.shape);
    const [scale, shift] = [product.constant, sum.constant].map((constant) => expanded(constant, shape, builder));
    return [builder.add("Affine", [current(product.value), scale, shift])];
  });
  return withoutDeadNodes(fused);
}
