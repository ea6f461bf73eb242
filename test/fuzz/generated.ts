/** Small models of ops that the files of the package do not have. */
import type { TestConstant, TestModel, TestNode } from "../reference/model.ts";

const ints = (...data: number[]): TestConstant => ({ shape: [data.length], data, type: "int64" });
const floats = (shape: readonly number[]): TestConstant => ({
  shape,
  data: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7) % 11) / 10 - 0.5),
});

function chain(shape: readonly number[], constants: TestModel["constants"], nodes: readonly Omit<TestNode, "outputs">[]): TestModel {
  const named = nodes.map((node, i) => ({ ...node, outputs: [i + 1 === nodes.length ? "y" : `v${i}`] }));
  return { opset: 17, inputs: [{ name: "x", shape }], nodes: named, constants, outputs: ["y"] };
}

const node = (op: string, inputs: readonly string[], attributes: TestNode["attributes"] = {}) => ({ op, inputs, attributes });

export const generatedModels: readonly TestModel[] = [
  chain([1, 2, 8, 8], { w: floats([3, 2, 3, 3]), b: floats([3]) }, [
    node("Conv", ["x", "w", "b"], { strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1], kernel_shape: [3, 3], group: 1 }),
    node("Relu", ["v0"]),
    node("MaxPool", ["v1"], { kernel_shape: [2, 2], strides: [1, 1], pads: [0, 0, 1, 1], ceil_mode: 1 }),
    node("Flatten", ["v2"], { axis: 1 }),
  ]),
  chain([1, 4, 5, 5], { w: floats([4, 2, 3, 3]) }, [
    node("ConvTranspose", ["x", "w"], { strides: [2, 1], pads: [1, 0, 0, 1], output_padding: [1, 0], dilations: [1, 2], group: 2 }),
    node("AveragePool", ["v0"], { kernel_shape: [3, 3], strides: [2, 2], count_include_pad: 1 }),
  ]),
  chain([1, 3, 6, 6], { s: floats([0]), n: ints(1, 3, 12, 9), roi: floats([0]) }, [
    node("Resize", ["x", "roi", "s", "n"], { mode: "linear" }),
    node("DepthToSpace", ["v0"], { blocksize: 1 }),
    node("Transpose", ["v1"], { perm: [0, 2, 3, 1] }),
  ]),
  chain([1, 6], { p: ints(0, 1, 0, 2), s: ints(1, 3, 3), a: ints(0, 1), e: ints(4, 3, 3) }, [
    node("Pad", ["x", "p"]),
    node("Reshape", ["v0", "s"]),
    node("Expand", ["v1", "e"]),
    node("ReduceMean", ["v2"], { axes: [1], keepdims: 0 }),
    node("Slice", ["v3", "a", "s"]),
  ]),
  chain([1, 4], { i: ints(0, 2, 1), t: ints(2, 2), s: ints(2) }, [
    node("Gather", ["x", "i"], { axis: 1 }),
    node("Tile", ["v0", "t"]),
    node("Softmax", ["v1"], { axis: -1 }),
    node("Unsqueeze", ["v2", "s"]),
  ]),
  chain([1, 4, 6], { w: floats([6, 6]), g: floats([6]), b: floats([6]) }, [
    node("LayerNormalization", ["x", "g", "b"], { axis: -1, epsilon: 1e-5 }),
    node("MatMul", ["v0", "w"]),
    node("Gemm", ["b", "w"], { transB: 1, alpha: 0.5 }),
    node("Add", ["v1", "v2"]),
    node("Clip", ["v3"]),
  ]),
  chain([1, 3], { n: ints(3), l: ints(0), h: ints(12), d: ints(4), k: ints(2) }, [
    node("ConstantOfShape", ["n"]),
    node("Range", ["l", "h", "d"]),
    node("Cast", ["v1"], { to: 1 }),
    node("Where", ["v0", "x", "v2"]),
    node("TopK", ["x", "k"], { axis: 1 }),
  ]),
  chain([1, 2, 3, 4], {}, [node("Shape", ["x"]), node("Cast", ["v0"], { to: 1 }), node("ReduceProd", ["v1"]), node("Mul", ["x", "v2"])]),
];
