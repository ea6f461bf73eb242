/**
 * Recognises functions that exporters write out in ops, such as layer normalisation and GELU, and puts the one op in their place
 * that has a kernel. What to look for, the op's definition says. The result is the same function, so derivatives are too.
 */
import type { Maker } from "../../../kernels/op.ts";
import { registeredOps } from "../../../kernels/registry.ts";
import { rewrite } from "../builder.ts";
import { indexGraph, withoutDeadNodes } from "../graph.ts";
import type { Graph } from "../graph.ts";

export function recognise(graph: Graph): Graph {
  const written = registeredOps().filter(({ recognise }) => recognise);
  if (written.length === 0) return graph;
  const { producers } = indexGraph(graph);
  const maker: Maker = (value) => value && producers.get(value);
  const { graph: recognised } = rewrite(graph, (node, _inputs, builder, current) => {
    for (const { name, recognise } of written) {
      const found = recognise!(node, maker);
      if (found) return [builder.add(name, [current(found.x)], found.attributes)];
    }
    return undefined;
  });
  return withoutDeadNodes(recognised);
}
