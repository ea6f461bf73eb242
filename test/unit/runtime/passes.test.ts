/** Graph passes: what they fold and fuse, and what they must leave alone. */
import { describe, expect, test } from "vitest";
import { simplify } from "../../../src/runtime/graph/simplify.ts";
import { foldAffine } from "../../../src/runtime/graph/passes/fold-affine.ts";
import { fuseEpilogues } from "../../../src/runtime/graph/passes/fuse-epilogues.ts";
import { jvpGraph, vjpGraph } from "../../../src/runtime/graph/differentiate.ts";
import type { Graph } from "../../../src/runtime/graph/graph.ts";
import { UnsupportedOpError } from "../../../src/runtime/errors.ts";
import { planOf, software } from "../../gpu/ops/variant.ts";
import { counting, graphOf, node } from "./graphs.ts";

const ops = (graph: Graph) => graph.nodes.map(({ op }) => op);
const launches = (graph: Graph) => planOf(graph, software, 2, 3).launches.length;

const weights = counting([4, 3, 3, 3], 0.01);
const conv = node("Conv", ["x", "w", "b"], "c");
const channel = (...data: number[]) => ({ shape: [data.length, 1, 1], data });

describe("folding affine maps", () => {
  const folded = (op: "Mul" | "Add" | "Sub" | "Div", s: readonly number[], swapped = false) =>
    foldAffine(
      graphOf({
        nodes: [conv, node(op, swapped ? ["s", "c"] : ["c", "s"], "y")],
        constants: { w: weights, b: counting([4]), s: channel(...s) },
      }),
    );

  const scales: readonly [string, Graph, (w: number, c: number) => number, (b: number, c: number) => number][] = [
    ["Mul", folded("Mul", [2, 3, 4, 5]), (w, c) => w * (2 + c), (b, c) => b * (2 + c)],
    ["Mul, constant first", folded("Mul", [2, 3, 4, 5], true), (w, c) => w * (2 + c), (b, c) => b * (2 + c)],
    ["Div", folded("Div", [2, 3, 4, 5]), (w, c) => w / (2 + c), (b, c) => b / (2 + c)],
    ["Add", folded("Add", [2, 3, 4, 5]), (w) => w, (b, c) => b + 2 + c],
    ["Sub", folded("Sub", [2, 3, 4, 5]), (w) => w, (b, c) => b - 2 - c],
  ];
  test.each(scales)("%s goes into the weights and the bias", (_, graph, weight, bias) => {
    expect(ops(graph)).toEqual(["Conv"]);
    const [, w, b] = graph.nodes[0]!.inputs;
    expect([...w!.data!]).toEqual(Array.from(weights.data, (value, i) => Math.fround(weight(Math.fround(value), Math.floor(i / 27)))));
    expect([...b!.data!]).toEqual([1, 2, 3, 4].map((value, c) => Math.fround(bias(value, c))));
  });

  test("a scalar counts for every channel", () => {
    const graph = foldAffine(
      graphOf({ nodes: [conv, node("Mul", ["c", "s"], "y")], constants: { w: weights, b: counting([4]), s: { shape: [], data: [2] } } }),
    );
    expect(ops(graph)).toEqual(["Conv"]);
    expect([...graph.nodes[0]!.inputs[2]!.data!]).toEqual([2, 4, 6, 8]);
  });

  test("a chain folds whole, in double precision", () => {
    const constants = {
      w: weights,
      b: counting([4]),
      gamma: counting([4], 0.5),
      beta: counting([4]),
      mean: counting([4], 0.1),
      variance: counting([4], 0.3),
    };
    const graph = foldAffine(
      graphOf({ nodes: [conv, node("BatchNormalization", ["c", "gamma", "beta", "mean", "variance"], "y")], constants }),
    );
    expect(ops(graph)).toEqual(["Conv"]);
    const epsilon = Math.fround(1e-5);
    [...graph.nodes[0]!.inputs[2]!.data!].forEach((found, c) => {
      const scale = (0.5 * (c + 1)) / Math.sqrt(Math.fround(0.3 * (c + 1)) + epsilon);
      expect(found).toBeCloseTo((c + 1) * scale + (c + 1) - Math.fround(0.1 * (c + 1)) * scale, 5);
    });
  });

  test("grouped transposed weights are scaled by their output channel", () => {
    const graph = foldAffine(
      graphOf({
        inputs: { x: [1, 4, 3, 3] },
        nodes: [node("ConvTranspose", ["x", "w"], "c", { group: 2 }), node("Mul", ["c", "s"], "y")],
        constants: { w: counting([4, 3, 1, 1]), s: channel(1, 10, 100, 1000, 10_000, 100_000) },
      }),
    );
    expect(ops(graph)).toEqual(["ConvTranspose"]);
    expect([...graph.nodes[0]!.inputs[1]!.data!]).toEqual([1, 20, 300, 4, 50, 600, 7000, 80_000, 900_000, 10_000, 110_000, 1_200_000]);
  });

  test("dense layers fold along their columns", () => {
    const graph = foldAffine(
      graphOf({
        inputs: { x: [1, 2] },
        nodes: [node("MatMul", ["x", "w"], "p"), node("Add", ["b", "p"], "q"), node("Mul", ["q", "s"], "y")],
        constants: { w: counting([2, 3]), b: counting([3]), s: { shape: [3], data: [1, 10, 100] } },
      }),
    );
    expect(ops(graph)).toEqual(["MatMul"]);
    expect([...graph.nodes[0]!.inputs[1]!.data!]).toEqual([1, 20, 300, 4, 50, 600]);
    expect([...graph.nodes[0]!.inputs[2]!.data!]).toEqual([1, 20, 300]);
  });

  const left: readonly [string, Parameters<typeof graphOf>[0]][] = [
    [
      "the layer is read twice",
      { nodes: [conv, node("Mul", ["c", "s"], "d"), node("Add", ["c", "d"], "y")], constants: { s: channel(1, 2, 3, 4) } },
    ],
    ["the layer is an output", { nodes: [conv, node("Mul", ["c", "s"], "y")], constants: { s: channel(1, 2, 3, 4) }, outputs: ["y", "c"] }],
    ["the constant varies over pixels", { nodes: [conv, node("Mul", ["c", "s"], "y")], constants: { s: counting([4, 4]) } }],
    ["the constant widens the result", { nodes: [conv, node("Mul", ["c", "s"], "y")], constants: { s: counting([1, 1, 1, 1, 1]) } }],
    ["a constant minus the layer", { nodes: [conv, node("Sub", ["s", "c"], "y")], constants: { s: channel(1, 2, 3, 4) } }],
    ["a constant over the layer", { nodes: [conv, node("Div", ["s", "c"], "y")], constants: { s: channel(1, 2, 3, 4) } }],
    ["the layer twice", { nodes: [conv, node("Mul", ["c", "c"], "y")] }],
    [
      "a ReLU lies between",
      { nodes: [conv, node("Relu", ["c"], "d"), node("Mul", ["d", "s"], "y")], constants: { s: channel(1, 2, 3, 4) } },
    ],
  ];
  test.each(left)("nothing folds where %s", (_, small) => {
    const graph = graphOf({ ...small, constants: { w: weights, b: counting([4]), ...small.constants } });
    expect(ops(foldAffine(graph)).sort()).toEqual(ops(graph).sort());
  });
});

describe("fusing epilogues", () => {
  const dense = {
    inputs: { x: [1, 5] },
    constants: { w: counting([5, 7]), v: counting([7, 4]), low: { shape: [], data: [-1] }, high: { shape: [], data: [1] } },
  };
  const counts: readonly [string, Parameters<typeof graphOf>[0], number][] = [
    ["convolution and ReLU", { nodes: [node("Conv", ["x", "w"], "c"), node("Relu", ["c"], "y")], constants: { w: weights } }, 1],
    ["dense layer and Clip", { ...dense, nodes: [node("MatMul", ["x", "w"], "p"), node("Clip", ["p", "low", "high"], "y")] }, 1],
    ["sum and ReLU", { nodes: [node("Add", ["x", "x"], "s"), node("Relu", ["s"], "y")] }, 1],
    ["a pool has no epilogue", { nodes: [node("MaxPool", ["x"], "p", { kernel_shape: [2, 2] }), node("Relu", ["p"], "y")] }, 2],
    [
      "one clamp, not two",
      {
        nodes: [node("Conv", ["x", "w"], "c"), node("Relu", ["c"], "d"), node("Clip", ["d", "", "six"], "y")],
        constants: { w: weights, six: { shape: [], data: [6] } },
      },
      2,
    ],
    [
      "not when read twice",
      { nodes: [node("Conv", ["x", "w"], "c"), node("Relu", ["c"], "d"), node("Add", ["c", "d"], "y")], constants: { w: weights } },
      3,
    ],
    [
      "not when it is an output",
      { nodes: [node("Conv", ["x", "w"], "c"), node("Relu", ["c"], "y")], constants: { w: weights }, outputs: ["y", "c"] },
      2,
    ],
    [
      "reshapes cost nothing",
      { nodes: [node("Conv", ["x", "w"], "c"), node("Relu", ["c"], "d"), node("Flatten", ["d"], "y")], constants: { w: weights } },
      1,
    ],
    [
      "a convolution, batch normalisation and ReLU",
      {
        nodes: [node("Conv", ["x", "w"], "c"), node("BatchNormalization", ["c", "g", "b", "m", "v"], "d"), node("Relu", ["d"], "y")],
        constants: { w: weights, g: counting([4]), b: counting([4]), m: counting([4]), v: counting([4]) },
      },
      1,
    ],
  ];
  test.each(counts)("launches: %s", (_, small, count) => {
    expect(launches(simplify(graphOf(small)))).toBe(count);
  });

  test("the range is kept", () => {
    const graph = simplify(graphOf({ ...dense, nodes: [node("MatMul", ["x", "w"], "p"), node("Clip", ["p", "low", "high"], "y")] }));
    expect(graph.nodes[0]!.attributes).toMatchObject({ low: -1, high: 1 });
  });

  test("adjoints carry the mask of the clamp before them", () => {
    const graph = simplify(
      graphOf({
        nodes: [node("Conv", ["x", "w"], "c"), node("Relu", ["c"], "d"), node("Conv", ["d", "v"], "e"), node("Relu", ["e"], "y")],
        constants: { w: weights, v: counting([2, 4, 3, 3]) },
      }),
    );
    const adjoint = fuseEpilogues(vjpGraph(graph, graph.outputs[0]!, graph.inputs[0]!).graph).graph;
    // The cotangent enters through the last ReLU's mask; every other mask is part of a convolution.
    expect(ops(adjoint)).toEqual(["Conv", "Conv", "Mask", "ConvTranspose", "ConvTranspose"]);
    const dense = simplify(
      graphOf({
        inputs: { x: [1, 5] },
        nodes: [node("Gemm", ["x", "w", "b"], "p"), node("Relu", ["p"], "q"), node("MatMul", ["q", "v"], "r"), node("Relu", ["r"], "y")],
        constants: { w: counting([5, 7]), b: counting([7]), v: counting([7, 4]) },
      }),
    );
    expect(ops(fuseEpilogues(vjpGraph(dense, dense.outputs[0]!, dense.inputs[0]!).graph).graph)).toEqual([
      "MatMul",
      "MatMul",
      "Mask",
      "MatMul",
      "MatMul",
    ]);
    const tangent = fuseEpilogues(jvpGraph(graph, graph.outputs[0]!, graph.inputs[0]!).graph).graph;
    expect(ops(tangent)).toEqual(["Conv", "Conv", "Conv", "Conv"]);
  });

  test("the other arm of a residual block, and the cotangents of its arms", () => {
    const same = { pads: [1, 1, 1, 1] };
    const block = (relu: boolean) =>
      simplify(
        graphOf({
          inputs: { x: [1, 4, 5, 5] },
          nodes: [
            node("Conv", ["x", "w", "b"], "c", same),
            node("Relu", ["c"], "d"),
            node("Conv", ["d", "w"], "e", same),
            ...(relu ? [node("Relu", ["e"], "f")] : []),
            node("Add", [relu ? "f" : "e", "d"], "y"),
          ],
          constants: { w: counting([4, 4, 3, 3], 0.01), b: counting([4]) },
        }),
      );
    const graph = block(false);
    expect(ops(graph)).toEqual(["Conv", "Conv"]);
    expect(graph.nodes[1]!.inputs[4]).toBe(graph.nodes[0]!.outputs[0]);
    const adjoint = fuseEpilogues(vjpGraph(graph, graph.outputs[0]!, graph.inputs[0]!).graph).graph;
    expect(ops(adjoint)).toEqual(["Conv", "Conv", "ConvTranspose", "ConvTranspose"]);
    // A clamp comes after the sum in an epilogue, so a convolution with one cannot add.
    expect(ops(block(true))).toEqual(["Conv", "Conv", "Add"]);
  });
});

describe("functions written out in ops", () => {
  const given = { inputs: { x: [1, 5, 7] }, constants: { e: { shape: [], data: [1e-5] }, g: counting([7]), b: counting([7]) } };
  const mean = { axes: [-1] };
  const written = [
    node("ReduceMean", ["x"], "m", mean),
    node("Sub", ["x", "m"], "c"),
    node("Mul", ["c", "c"], "q"),
    node("ReduceMean", ["q"], "v", mean),
    node("Add", ["v", "e"], "s"),
    node("Sqrt", ["s"], "d"),
    node("Div", ["c", "d"], "n"),
  ];

  test("layer normalisation is one op and an affine map", () => {
    const graph = simplify(graphOf({ ...given, nodes: [...written, node("Mul", ["n", "g"], "z"), node("Add", ["z", "b"], "y")] }));
    expect(ops(graph)).toEqual(["Standardise", "Affine"]);
    expect(graph.nodes[0]!.attributes).toMatchObject({ axis: 2, epsilon: Math.fround(1e-5) });
  });
  test("a deviation of something else is left alone", () => {
    const other = written.map((n) => (n.outputs[0] === "q" ? node("Mul", ["x", "x"], "q") : n));
    expect(ops(simplify(graphOf({ ...given, nodes: [...other, node("Neg", ["n"], "y")] })))).not.toContain("Standardise");
  });
  test("what others read too is kept for them", () => {
    const graph = simplify(graphOf({ ...given, nodes: [...written, node("Mul", ["n", "c"], "y")] }));
    expect(ops(graph)).toEqual(["ReduceMean", "Sub", "Standardise", "Mul"]);
  });
  test("batch normalisation before its ReLU is one launch", () => {
    const nodes = [node("Mul", ["x", "g"], "p"), node("Add", ["p", "b"], "q"), node("Relu", ["q"], "y")];
    expect(ops(simplify(graphOf({ ...given, nodes })))).toEqual(["Affine"]);
  });
});

describe("differentiation", () => {
  test("names every op on the way that has no derivative, and none beside it", () => {
    const graph = graphOf({ inputs: { x: [1, 5] }, nodes: [node("Neg", ["x"], "a"), node("Exp", ["a"], "y")] });
    // A mask is what derivatives are made of, and has none itself.
    const crippled: Graph = {
      ...graph,
      nodes: graph.nodes.map((made) => ({ ...made, op: "Mask", inputs: [made.inputs[0], made.inputs[0]] })),
    };
    for (const derivative of [vjpGraph, jvpGraph]) {
      expect(() => derivative(crippled, crippled.outputs[0]!, crippled.inputs[0]!)).toThrow(UnsupportedOpError);
    }
    try {
      vjpGraph(crippled, crippled.outputs[0]!, crippled.inputs[0]!);
    } catch (error) {
      expect((error as UnsupportedOpError).unsupported.length).toBeGreaterThan(0);
      expect((error as Error).message).not.toContain("\n");
    }
  });

  test("the seed is a row value of the output's shape, the result one of the input's", () => {
    const graph = graphOf({ inputs: { x: [1, 5] }, nodes: [node("MatMul", ["x", "w"], "y")], constants: { w: counting([5, 7]) } });
    const [x, y] = [graph.inputs[0]!, graph.outputs[0]!];
    const { seed, result } = vjpGraph(graph, y, x);
    expect([seed.shape, seed.lead, result.shape, result.lead]).toEqual([[1, 7], "row", [1, 5], "row"]);
    const tangent = jvpGraph(graph, y, x);
    expect([tangent.seed.shape, tangent.result.shape, tangent.result.lead]).toEqual([[1, 5], [1, 7], "row"]);
  });

  test("leaves the given graph alone", () => {
    const graph = graphOf({ inputs: { x: [1, 5] }, nodes: [node("Exp", ["x"], "y")] });
    const before = JSON.stringify(graph);
    vjpGraph(graph, graph.outputs[0]!, graph.inputs[0]!);
    jvpGraph(graph, graph.outputs[0]!, graph.inputs[0]!);
    simplify(graph);
    expect(JSON.stringify(graph)).toBe(before);
  });
});
