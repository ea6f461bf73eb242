/**
 * Moves the derivative of a ReLU from behind a max pool's adjoint to before it:
 *
 *   Mask(y, MaxPoolAdjoint(dy, argmax)) = MaxPoolAdjoint(Mask(pool(y), dy), argmax)
 *
 * What wins a window is the window's output, so both masks agree on every element that receives anything. Before the pool
 * there are fewer elements, and the kernel that makes dy can take the mask over (fuse-epilogues.ts).
 */
import { rewrite } from "../builder.ts";
import { indexGraph, withoutDeadNodes } from "../graph.ts";
import type { Graph } from "../graph.ts";

export function maskBeforePool(graph: Graph): Graph {
  const { producers, readOnce } = indexGraph(graph);
  const { graph: moved } = rewrite(graph, (node, _inputs, builder, current) => {
    if (node.op !== "Mask") return undefined;
    const [y, direction] = node.inputs;
    const adjoint = producers.get(direction!);
    if (adjoint?.op !== "MaxPoolAdjoint" || !readOnce(direction!)) return undefined;
    const [dy, argmax] = adjoint.inputs;
    const pool = producers.get(argmax!);
    if (pool?.op !== "MaxPool" || pool.inputs[0] !== y) return undefined;
    const masked = builder.add("Mask", [current(pool.outputs[0]!), current(dy!)], node.attributes);
    return [builder.add("MaxPoolAdjoint", [masked, current(argmax!)], adjoint.attributes)];
  });
  return withoutDeadNodes(moved);
}
