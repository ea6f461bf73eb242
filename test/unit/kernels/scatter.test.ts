/** Scattering with reductions, on constants, where every fold is evaluated while the graph is built. */
import { expect, test } from "vitest";
import { graphOf, node } from "../runtime/graphs.ts";

test.each([
  ["none", [1, 9, 3, 20]],
  ["add", [1, 2 - 7 + 9, 3, 4 + 20]],
  ["mul", [1, 2 * -7 * 9, 3, 4 * 20]],
  ["max", [1, 9, 3, 20]],
  ["min", [1, -7, 3, 4]],
] as const)("ScatterElements, reduction %s, two updates on one element", (reduction, expected) => {
  const graph = graphOf({
    opset: 18,
    inputs: { x: [1, 4] },
    nodes: [node("ScatterElements", ["d", "i", "u"], "s", { axis: 1, reduction }), node("Add", ["x", "s"], "y")],
    constants: {
      d: { shape: [1, 4], data: [1, 2, 3, 4] },
      i: { shape: [1, 3], data: [1, 1, -1], type: "int64" },
      u: { shape: [1, 3], data: [-7, 9, 20] },
    },
  });
  expect(graph.nodes.map(({ op }) => op)).toEqual(["Add"]);
  expect([...graph.nodes[0]!.inputs[1]!.data!]).toEqual(expected);
});
