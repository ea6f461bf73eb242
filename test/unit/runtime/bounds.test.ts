/** What strangers' files ask for is bounded by what they hold: an error that names node, needed and allowed, at once. */
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import { beforeAll, describe, expect, test } from "vitest";
import { loadRareOps } from "../../../src/kernels/registry.ts";
import { LimitError, NudgeError, OnnxFormatError, ShapeError } from "../../../src/runtime/errors.ts";
import { describeModel } from "../../../src/runtime/describe.ts";
import { vjpGraph } from "../../../src/runtime/graph/differentiate.ts";
import { bytesOf, counting, graphOf, node } from "./graphs.ts";
import type { SmallModel } from "./graphs.ts";

beforeAll(() => loadRareOps());

const int64 = (...data: number[]) => ({ shape: [data.length], data, type: "int64" as const });
const scalar = (value: number) => ({ shape: [], data: [value], type: "int64" as const });

function failure(bytes: Uint8Array): NudgeError {
  try {
    describeModel(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(NudgeError);
    return error as NudgeError;
  }
  throw new Error("the model was described");
}

/** The message of a file that is refused, within the time that is promised. */
function refusal(small: SmallModel, kind: new (...args: never[]) => NudgeError): string {
  const started = performance.now();
  const error = failure(bytesOf(small));
  expect(error).toBeInstanceOf(kind);
  expect(performance.now() - started).toBeLessThan(2000);
  return error.message;
}

function edited(small: SmallModel, edit: (model: onnx.IModelProto) => void): Uint8Array {
  const proto = onnxProto.onnx.ModelProto.toObject(onnxProto.onnx.ModelProto.decode(bytesOf(small))) as onnx.IModelProto;
  edit(proto);
  return onnxProto.onnx.ModelProto.encode(onnxProto.onnx.ModelProto.fromObject(proto)).finish();
}

const HUGE = 2 ** 31 - 1;
const one = { x: [1, 1, 4, 4] };

describe("more than any adapter holds, or than the file justifies", () => {
  const cases: readonly (readonly [string, SmallModel, string])[] = [
    [
      "a pool over 2³¹ − 1 rows",
      { inputs: { x: [1, 1, HUGE, 1] }, nodes: [node("MaxPool", ["x"], "y", { kernel_shape: [1, 1] })] },
      'node "the y" (MaxPool): elements of one tensor: 2147483647 needed',
    ],
    [
      "a product of extents beyond 2⁵³",
      { inputs: { x: [1, 1e9, 1e9, 1e9] }, nodes: [node("Relu", ["x"], "y")] },
      'node "the y" (Relu): elements of one tensor',
    ],
    [
      "zeros by the billion",
      {
        inputs: { x: [1, 1] },
        nodes: [node("ConstantOfShape", ["s"], "c"), node("Add", ["x", "c"], "y")],
        constants: { s: int64(30000, 30000) },
      },
      'node "the c" (ConstantOfShape): numbers in folded constants: 900000000 needed',
    ],
    [
      "a range",
      {
        inputs: { x: [1, 1] },
        nodes: [node("Range", ["a", "b", "c"], "r"), node("Gather", ["x", "r"], "y")],
        constants: { a: scalar(0), b: scalar(5e8), c: scalar(1) },
      },
      'node "the r" (Range): numbers in folded constants',
    ],
    [
      "an expanded constant",
      {
        inputs: { x: [1, 1] },
        nodes: [node("Expand", ["w", "s"], "e"), node("Add", ["x", "e"], "y")],
        constants: { w: counting([1]), s: int64(1, 2 ** 28) },
      },
      'node "the e" (Expand): numbers in folded constants: 268435455 needed',
    ],
    [
      "constants that broadcast",
      {
        inputs: { x: [1, 1] },
        nodes: [node("Add", ["a", "b"], "c"), node("Add", ["x", "c"], "y")],
        constants: { a: counting([8192, 1]), b: counting([1, 8192]) },
      },
      'node "the c" (Add): numbers in folded constants',
    ],
    [
      "a tiled constant",
      {
        inputs: { x: [1, 1] },
        nodes: [node("Tile", ["w", "s"], "e"), node("Add", ["x", "e"], "y")],
        constants: { w: counting([1, 1]), s: int64(2 ** 14, 2 ** 14) },
      },
      'node "the e" (Tile)',
    ],
    [
      "a padded constant",
      {
        inputs: { x: [1, 1] },
        nodes: [node("Pad", ["w", "s"], "e"), node("Add", ["x", "e"], "y")],
        constants: { w: counting([1]), s: int64(0, 2 ** 28) },
      },
      'node "the e" (Pad)',
    ],
    [
      "padding by reflection",
      { inputs: { x: [1, 8] }, nodes: [node("Pad", ["x", "s"], "y", { mode: "reflect" })], constants: { s: int64(0, 0, 0, 2 ** 28) } },
      'node "the y" (Pad): numbers in folded constants',
    ],
    [
      "upsampling",
      { inputs: one, nodes: [node("Resize", ["x", "", "", "s"], "y")], constants: { s: int64(1, 1, 2 ** 28, 1) } },
      'node "the y" (Resize): numbers in folded constants',
    ],
    [
      "upsampling beyond any adapter",
      { inputs: one, nodes: [node("Expand", ["x", "s"], "y")], constants: { s: int64(1, 2 ** 30, 4, 4) } },
      'node "the y" (Expand): elements of one tensor',
    ],
    [
      "one-hot",
      {
        inputs: { x: [1, 3] },
        nodes: [node("ArgMax", ["x"], "a"), node("OneHot", ["a", "d", "v"], "y")],
        constants: { d: scalar(2 ** 29), v: counting([2]) },
      },
      'node "the y" (OneHot): numbers in folded constants',
    ],
    [
      "an identity matrix",
      { inputs: { x: [30000, 30000] }, nodes: [node("EyeLike", ["x"], "y")] },
      'node "the y" (EyeLike): numbers in folded constants',
    ],
    [
      "a triangle",
      { inputs: { x: [1, 30000, 30000] }, nodes: [node("Trilu", ["x"], "y")] },
      'node "the y" (Trilu): numbers in folded constants',
    ],
    [
      "a running sum",
      { inputs: { x: [1, 30000] }, nodes: [node("CumSum", ["x", "a"], "y")], constants: { a: scalar(1) } },
      'node "the y" (CumSum): numbers in folded constants',
    ],
    [
      "a causal mask",
      { inputs: { q: [1, 1, 30000, 4] }, nodes: [node("Attention", ["q", "q", "q"], "y", { is_causal: 1 })], opset: 23 },
      'node "the y" (Attention): numbers in folded constants',
    ],
    [
      "gathered constants",
      {
        inputs: { x: [1, 1] },
        nodes: [node("Gather", ["w", "i"], "g"), node("Add", ["x", "g"], "y")],
        constants: { w: counting([1, 4096]), i: { shape: [4096], data: Array<number>(4096).fill(0), type: "int64" } },
      },
      'node "the g" (Gather)',
    ],
  ];
  test.each(cases)("%s", (_, small, message) => {
    expect(refusal(small, LimitError)).toContain(message);
  });

  test("functions that call the next twice", () => {
    const depth = 25;
    const bytes = edited({ inputs: { x: [1, 4] }, nodes: [node("Relu", ["x"], "y")] }, (model) => {
      const call = (at: number, input: string, output: string) => ({ opType: `F${at}`, domain: "l", input: [input], output: [output] });
      model.opsetImport!.push({ domain: "l", version: 1 });
      model.graph!.node = [{ ...call(0, "x", "y"), name: "outermost" }];
      model.functions = Array.from({ length: depth }, (_, at) => ({
        name: `F${at}`,
        domain: "l",
        input: ["a"],
        output: ["b"],
        opsetImport: model.opsetImport!,
        node: at === depth - 1 ? [{ opType: "Relu", input: ["a"], output: ["b"] }] : [call(at + 1, "a", "t"), call(at + 1, "t", "b")],
      }));
    });
    const started = performance.now();
    const error = failure(bytes);
    expect(error).toBeInstanceOf(LimitError);
    expect(error.message).toContain('node "outermost" (F0): nodes of the graph: 50331647 needed');
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test("a branch within a branch, a thousand times", () => {
    const bytes = edited(
      { inputs: { x: [1, 4] }, nodes: [node("If", ["c"], "y")], constants: { c: { shape: [], data: [1] } } },
      (model) => {
        let branch: onnx.IGraphProto = { name: "b", node: [{ opType: "Relu", input: ["x"], output: ["y"] }], output: [{ name: "y" }] };
        // The decoder has a bound of its own.
        for (let depth = 0; depth < 40; depth++) {
          const attribute = ["then_branch"].map((name) => ({ name, type: 5, g: { name: "b" } }));
          branch = { name: "b", node: [{ opType: "If", input: ["c"], output: ["y"], attribute }], output: [{ name: "y" }] };
        }
        model.graph!.node = branch.node!;
      },
    );
    expect(failure(bytes)).toBeInstanceOf(NudgeError);
  });
});

describe("attributes that do not fit are named, with their lengths", () => {
  const [image, w] = [{ x: [1, 2, 6, 6] }, { w: counting([2, 2, 3, 3]) }];
  const window = (op: string, attributes: Parameters<typeof node>[3]): SmallModel => ({
    inputs: image,
    nodes: [
      node(op, op.includes("Pool") ? ["x"] : ["x", "w"], "y", op.includes("Pool") ? { kernel_shape: [2, 2], ...attributes } : attributes),
    ],
    constants: w,
  });
  const everyWindow = ["Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"].flatMap((op) => [
    [`${op}: one stride`, window(op, { strides: [2] }), "attribute strides has 1 entries, but 2 spatial axes take 2"],
    [`${op}: three dilations`, window(op, { dilations: [1, 1, 1] }), "attribute dilations has 3 entries, but 2 spatial axes take 2"],
    [`${op}: two pads`, window(op, { pads: [1, 1] }), "attribute pads has 2 entries, but 2 spatial axes take 4"],
    [`${op}: a negative stride`, window(op, { strides: [1, -1] }), "attribute strides [1,-1] holds -1"],
    [`${op}: a dilation of 0`, window(op, { dilations: [0, 1] }), "attribute dilations [0,1] holds 0"],
    [
      `${op}: one extent of the kernel`,
      window(op, { kernel_shape: [3] }),
      "attribute kernel_shape has 1 entries, but 2 spatial axes take 2",
    ],
  ]) as readonly (readonly [string, SmallModel, string])[];
  const constants = (names: Record<string, number[]>) =>
    Object.fromEntries(Object.entries(names).map(([name, list]) => [name, int64(...list)]));
  const small = (op: string, lists: Record<string, number[]>, attributes: Parameters<typeof node>[3] = {}): SmallModel => ({
    inputs: { x: [1, 4, 6, 6] },
    nodes: [node(op, ["x", ...Object.keys(lists)], "y", attributes)],
    constants: constants(lists),
  });
  const cases: readonly (readonly [string, SmallModel, string])[] = [
    ...everyWindow,
    ["Conv: a kernel of 2³¹ − 1", window("Conv", { kernel_shape: [HUGE, HUGE] }), "does not fit weights"],
    ["MaxPool: a kernel of 2³¹ − 1", window("MaxPool", { kernel_shape: [HUGE, HUGE] }), "does not fit an input"],
    ["Conv: a group of 0", window("Conv", { group: 0 }), "attribute group is 0; whole numbers from 1"],
    [
      "Conv: pads beside auto_pad",
      window("Conv", { auto_pad: "VALID", pads: [1, 1, 1, 1] }),
      "attribute pads [1,1,1,1] contradicts auto_pad VALID",
    ],
    ["Conv: pads of 2³⁰ and more", window("Conv", { pads: [HUGE, 0, HUGE, 0] }), "span 4294967300 elements of spatial axis 0"],
    [
      "ConvTranspose: one output padding",
      window("ConvTranspose", { output_padding: [1] }),
      "attribute output_padding has 1 entries, but 2 spatial axes take 2",
    ],
    [
      "ConvTranspose: a negative output padding",
      window("ConvTranspose", { output_padding: [-1, 0] }),
      "attribute output_padding [-1,0] holds -1",
    ],
    [
      "ConvTranspose: one extent of the output",
      window("ConvTranspose", { output_shape: [9] }),
      "attribute output_shape has 1 entries, but 2 spatial axes take 2",
    ],
    [
      "a pool that steps over the input",
      window("MaxPool", { kernel_shape: [3, 2], dilations: [10, 1], pads: [5, 0, 20, 0] }),
      "nothing but padding",
    ],
    ["Pad: two pads", small("Pad", { p: [1, 1] }), "pads has 2 entries, but 4 axes take 8"],
    ["Slice: two starts and one end", small("Slice", { s: [0, 0], e: [1] }), "ends [1] has 1 entries, starts has 2"],
    ["Slice: one axis twice", small("Slice", { s: [0, 0], e: [1, 1], a: [1, 1] }), "axes [1,1] of a tensor of rank 4 repeat one"],
    ["Squeeze: an axis of 4", small("Squeeze", { a: [1] }), "axis 1 of [1,4,6,6] cannot be squeezed"],
    ["Unsqueeze: an axis twice", small("Unsqueeze", { a: [0, 0] }), "repeat one"],
    ["Reshape: two open extents", small("Reshape", { s: [-1, -1] }), "leaves several axes open"],
    [
      "Resize: two scales",
      { ...small("Resize", {}), nodes: [node("Resize", ["x", "", "s"], "y")], constants: { s: counting([2]) } },
      "2 scales or sizes for 4 axes",
    ],
    ["ReduceSum: an axis beyond the rank", small("ReduceSum", { a: [7] }), "axis 7 is outside a tensor of rank 4"],
    ["DepthToSpace: a block of 3", small("DepthToSpace", {}, { blocksize: 3 }), "attribute blocksize 3: 4 channels are no multiple"],
    ["DepthToSpace: a block of 0", small("DepthToSpace", {}, { blocksize: 0 }), "attribute blocksize is 0"],
    ["SpaceToDepth: a block of 5", small("SpaceToDepth", {}, { blocksize: 5 }), "attribute blocksize 5 does not divide"],
    ["LRN: a size of 0", small("LRN", {}, { size: 0 }), "attribute size is 0"],
    ["Split: parts that do not add up", small("Split", { s: [1, 1] }, { axis: 1 }), "do not make an axis of 4"],
    ["Split: a million parts", small("Split", {}, { axis: 1, num_outputs: 1_000_000 }), "1000000 parts for 1 outputs"],
    ["Split: a negative part", small("Split", { s: [5, -1] }, { axis: 1 }), "a part of -1 elements"],
    ["Tile: negative repeats", small("Tile", { r: [1, 1, 1, -1] }), "repeats [1,1,1,-1] holds -1"],
    ["Einsum: a term for fewer axes", small("Einsum", {}, { equation: "ij->ji" }), 'term "ij" does not fit [1,4,6,6]'],
    ["Flatten: an axis beyond the rank", small("Flatten", {}, { axis: 9 }), "axis 9 is outside a tensor of rank 4"],
  ];
  test.each(cases)("%s", (_, model, message) => {
    const text = refusal(model, ShapeError);
    expect(text).toContain(message);
    expect(text).toMatch(/^node "the y" \(/);
  });
});

describe("names and structure", () => {
  const relu: SmallModel = { inputs: { x: [1, 4] }, nodes: [node("Relu", ["x"], "t"), node("Relu", ["t"], "y")] };
  const cases: readonly (readonly [string, (model: onnx.IModelProto) => void, string])[] = [
    ["two nodes that make one name", ({ graph }) => (graph!.node![1]!.output = ["t"]), 'makes "t", which is made already'],
    ["a node that makes an input", ({ graph }) => (graph!.node![0]!.output = ["x"]), 'makes "x", which is made already'],
    ["a node that reads itself", ({ graph }) => (graph!.node![0]!.input = ["t"]), 'reads "t", which nothing before it makes'],
    ["a cycle", ({ graph }) => (graph!.node![0]!.input = ["y"]), 'reads "y", which nothing before it makes'],
    ["a dangling name", ({ graph }) => (graph!.node![0]!.input = ["nobody"]), 'reads "nobody"'],
    ["two inputs of one name", ({ graph }) => graph!.input!.push(graph!.input![0]!), 'there are two inputs "x"'],
    [
      "two initialisers of one name",
      ({ graph }) => (graph!.initializer = [1, 2].map(() => ({ name: "w", dims: [1], dataType: 1, floatData: [1] }))),
      'there are two initialisers "w"',
    ],
    ["a domain with two opsets", (model) => model.opsetImport!.push({ domain: "", version: 9 }), "is imported as opset 17 and as 9"],
    ["an absurd opset", (model) => (model.opsetImport = [{ domain: "", version: 2 ** 40 }]), "opset 1099511627776"],
    ["a negative opset", (model) => (model.opsetImport = [{ domain: "", version: -1 }]), "opset -1"],
    ["no opset", (model) => (model.opsetImport = []), "opset 1 is older than 6"],
    [
      "an attribute twice",
      ({ graph }) => (graph!.node![0]!.attribute = [1, 2].map((f) => ({ name: "a", type: 1, f }))),
      "has two attributes a",
    ],
    [
      "an attribute without a type",
      ({ graph }) => (graph!.node![0]!.attribute = [{ name: "a", f: 1 }]),
      "attribute a has type 0, or no value",
    ],
  ];
  test.each(cases)("%s", (_, edit, message) => {
    const error = failure(edited(relu, edit));
    expect(error).toBeInstanceOf(OnnxFormatError);
    expect(error.message).toContain(message);
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])("%s is a name like any other", (name) => {
    const bytes = edited(relu, ({ graph }) => {
      const [first, second] = graph!.node as [onnx.INodeProto, onnx.INodeProto];
      Object.assign(first, { name, output: [name], attribute: [{ name, type: 1, f: 1 }] });
      Object.assign(second, { input: [name] });
      graph!.input![0]!.type!.tensorType!.shape!.dim = [{ dimParam: name }, { dimValue: 4 }];
    });
    expect(describeModel(bytes)).toMatchObject({ ops: { Relu: 2 }, unsupported: [] });
    const strange = edited(relu, ({ graph }) => (graph!.node![0]!.opType = name));
    expect(describeModel(strange).unsupported).toHaveLength(1);
  });

  test("a chain of 10,000 nodes", () => {
    const length = 10_000;
    const chain = Array.from({ length }, (_, i) => node("Relu", [i === 0 ? "x" : `t${i}`], i === length - 1 ? "y" : `t${i + 1}`));
    expect(describeModel(bytesOf({ inputs: { x: [1, 4] }, nodes: chain })).ops).toEqual({ Relu: length });
  });

  test("a message does not grow with the file", () => {
    const strides = Array<number>(200_000).fill(1);
    strides[3] = 0;
    const message = refusal(
      { inputs: one, nodes: [node("MaxPool", ["x"], "y", { kernel_shape: [1, 1], strides: [1, 1], pads: strides })] },
      ShapeError,
    );
    expect(message.length).toBeLessThan(11_000);
  });
});

test("a weight that a network uses many times is counted once, transposed or not", () => {
  const nodes = Array.from({ length: 30 }, (_, i) =>
    node("Gemm", [i === 0 ? "x" : `t${i}`, "w"], i === 29 ? "y" : `t${i + 1}`, { transB: 1 }),
  );
  const description = describeModel(bytesOf({ inputs: { x: [1, 32] }, nodes, constants: { w: counting([32, 32], 1e-3) } }));
  expect(description).toMatchObject({ parameters: 1024, weightBytes: 4096 });
});

test("the derivative of a few elements of a long axis is planned at once", () => {
  const graph = graphOf({
    inputs: { x: [1, 2 ** 24] },
    nodes: [node("Gather", ["x", "i"], "y", { axis: 1 })],
    constants: { i: int64(7, 0, 2 ** 24 - 1, 7) },
  });
  const started = performance.now();
  const { graph: adjoint } = vjpGraph(graph, graph.outputs[0]!, graph.inputs[0]!);
  expect(performance.now() - started).toBeLessThan(2000);
  // Starts of the columns, then the rows that read each: elements 0, 7 and the last.
  const routes = adjoint.nodes.findLast(({ op }) => op === "AxisMap")!.inputs[1]!.data!;
  const starts = [0, 1, 7, 8, 2 ** 24 - 1, 2 ** 24].map((column) => routes[column]);
  expect([starts, [...routes.subarray(2 ** 24 + 1)]]).toEqual([
    [0, 1, 1, 3, 3, 4],
    [1, 0, 3, 2],
  ]);
});

test("a choice by floats is refused, not differentiated", () => {
  const small = { inputs: { x: [1, 2] }, nodes: [node("Where", ["x", "a", "b"], "y")], constants: { a: counting([2]), b: counting([2]) } };
  expect(refusal(small, ShapeError)).toContain("the condition is float, expected bool");
});
