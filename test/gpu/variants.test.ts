/** The kernels a GPU would get, at sizes where its planner picks them, against those of a software adapter. */
import { describe, expect, test } from "vitest";
import { evaluate } from "../reference/evaluate.ts";
import { sizeOf } from "../reference/model.ts";
import type { TestConstant, TestModel } from "../reference/model.ts";
import { encodeModel } from "../reference/onnx-builder.ts";
import { randomArray, relativeError } from "./numbers.ts";
import { uniform, weights } from "./ops/cases/build.ts";
import type { RandomConstant } from "./ops/cases/build.ts";
import { DerivativeProgram } from "./ops/derivative-program.ts";
import "./ops/matchers.ts";
import { forced, gpu, planOf, loadedGraph, software } from "./ops/variant.ts";

/** Tiles are slow on the software adapters that tests run on: sizes are the least that a GPU's planner gives a tile. */
const SAMPLES = 2;

interface Network {
  readonly name: string;
  readonly shape: readonly number[];
  readonly rows: number;
  readonly nodes: TestModel["nodes"];
  readonly constants: Readonly<Record<string, RandomConstant | TestConstant>>;
  /** Kernels that a GPU's plan has to contain, in the adjoint and in the tangent program. */
  readonly vjp: readonly string[];
  readonly jvp: readonly string[];
}

const networks: readonly Network[] = [
  {
    name: "convolutions that fill the tile, with stride and ReLU",
    shape: [1, 32, 5, 6],
    rows: 3,
    nodes: [
      { op: "Conv", inputs: ["x", "w", "b"], outputs: ["c"], attributes: { pads: [1, 1, 1, 1] } },
      { op: "Relu", inputs: ["c"], outputs: ["d"] },
      { op: "Conv", inputs: ["d", "v"], outputs: ["y"], attributes: { strides: [2, 2], pads: [1, 0, 1, 2] } },
    ],
    constants: { w: weights([66, 32, 3, 3]), b: uniform([66]), v: weights([34, 66, 3, 3]) },
    vjp: ["conv_tiled", "conv_adjoint_tiled"],
    jvp: ["conv_tiled"],
  },
  {
    name: "depthwise, then pointwise, then the global mean",
    shape: [1, 33, 32, 17],
    rows: 2,
    nodes: [
      { op: "Conv", inputs: ["x", "w"], outputs: ["c"], attributes: { group: 33, pads: [1, 1, 1, 1], strides: [2, 1] } },
      { op: "Conv", inputs: ["c", "v", "b"], outputs: ["d"] },
      { op: "Relu", inputs: ["d"], outputs: ["e"] },
      { op: "GlobalAveragePool", inputs: ["e"], outputs: ["y"] },
    ],
    constants: { w: weights([33, 1, 3, 3]), v: weights([34, 33, 1, 1]), b: uniform([34]) },
    vjp: ["conv_depthwise", "conv_tiled", "reduce_mean_tiled"],
    jvp: ["conv_depthwise", "conv_tiled", "reduce_mean_tiled"],
  },
  {
    name: "dense layers: few rows forward, many backward",
    shape: [1, 200],
    rows: 17,
    nodes: [
      { op: "Gemm", inputs: ["x", "w", "b"], outputs: ["c"], attributes: { transB: 1 } },
      { op: "Relu", inputs: ["c"], outputs: ["d"] },
      { op: "Gemm", inputs: ["d", "v"], outputs: ["y"], attributes: { transB: 1 } },
    ],
    constants: { w: weights([130, 200]), b: uniform([130]), v: weights([70, 130]) },
    vjp: ["matmul_direct", "matmul_tiled"],
    jvp: ["matmul_direct", "matmul_tiled"],
  },
  {
    name: "a transposed convolution",
    shape: [1, 33, 5, 4],
    rows: 2,
    nodes: [
      { op: "ConvTranspose", inputs: ["x", "w", "b"], outputs: ["c"], attributes: { strides: [2, 2], pads: [1, 1, 0, 0] } },
      { op: "Relu", inputs: ["c"], outputs: ["y"] },
    ],
    constants: { w: weights([33, 34, 3, 3], 33 * 9), b: uniform([34]) },
    vjp: ["conv_adjoint_tiled", "conv_tiled"],
    jvp: ["conv_adjoint_tiled"],
  },
  {
    name: "broadcasting whose adjoint sums long",
    shape: [1, 3, 1, 1],
    rows: 2,
    nodes: [
      { op: "Mul", inputs: ["x", "w"], outputs: ["c"] },
      { op: "Tanh", inputs: ["c"], outputs: ["y"] },
    ],
    constants: { w: uniform([3, 20, 21]) },
    vjp: ["reduce_sum_tiled"],
    jvp: ["mul"],
  },
];

const build = ({ shape, nodes, constants }: Network): TestModel => ({
  opset: 17,
  inputs: [{ name: "x", shape }],
  nodes,
  constants: Object.fromEntries(
    Object.entries(constants).map(([name, c], i) => [
      name,
      "data" in c ? c : { shape: c.shape, data: randomArray(c.shape, 70 + i, c.low, c.high).data },
    ]),
  ),
  outputs: ["y"],
});

describe.each(networks.map((network) => [network.name, network] as const))("%s", (_, network) => {
  const model = build(network);
  const bytes = encodeModel(model);
  const size = sizeOf(network.shape);
  const x = randomArray([SAMPLES, size], 80).data;

  test.each(["vjp", "jvp"] as const)("%s", async (kind) => {
    const request = { bytes, kind, input: "x", samples: SAMPLES, rows: network.rows };
    using fast = await DerivativeProgram.make({ ...request, variant: gpu });
    using plain = await DerivativeProgram.make({ ...request, variant: software });
    expect(fast.kernels).toEqual(expect.arrayContaining([...network[kind]]));
    expect(plain.kernels.filter((name) => name.endsWith("_tiled"))).toEqual([]);

    const outputSize = evaluate(model, { x: x.subarray(0, size) }, { bounds: false }).outputs[0]!.data.length;
    const directions = randomArray([SAMPLES, network.rows, kind === "vjp" ? outputSize : size], 81).data;
    const found = await fast.run({ x }, directions);
    const expected = await plain.run({ x }, directions);
    expect(relativeError(found.result, expected.result)).toBeLessThan(1e-6);
    for (let s = 0; s < SAMPLES; s++) {
      expect(found.output.subarray(s * outputSize, (s + 1) * outputSize)).toMatchReference(
        evaluate(model, { x: x.subarray(s * size, (s + 1) * size) }).outputs[0]!,
      );
    }
    expect(await fast.run({ x }, directions), "the same bits again").toEqual(found);
  });
});

describe("forcing", () => {
  const graph = loadedGraph(encodeModel(build(networks[0]!)));

  test("reaches every node that a split or a larger tile can compute", () => {
    const names = planOf(graph, forced("split"), 1, 1).launches.map(({ kernel }) => kernel.name);
    expect(names).toEqual(["conv_tiled", "sum_slices", "conv_tiled", "sum_slices"]);
    expect(planOf(graph, forced("tiled128"), 1, 1).launches.map(({ constants }) => constants["BLOCKS"])).toEqual([2, 2]);
  });

  test("reaches every node that the kernel can compute", () => {
    const names = planOf(graph, forced("tiled"), 1, 1).launches.map(({ kernel }) => kernel.name);
    expect(names).toEqual(["conv_tiled", "conv_tiled"]);
    expect(planOf(graph, forced("depthwise"), 1, 1).launches.map(({ kernel }) => kernel.name)).not.toContain("conv_depthwise");
  });

  test("a kernel that does not exist is refused by name", () => {
    expect(() => planOf(graph, { name: "", software: true, force: () => "fourier" }, 1, 1)).toThrow('no kernel "fourier"');
  });
});
