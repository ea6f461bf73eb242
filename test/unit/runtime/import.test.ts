/** What bad and unusual files get: one line that names the node and the reason. */
import fc from "fast-check";
import onnxProto from "onnx-proto";
import { describe, expect, test } from "vitest";
import { NudgeError, OnnxFormatError, ShapeError, UnsupportedOpError } from "../../../src/runtime/errors.ts";
import { decodeModel } from "../../../src/runtime/onnx/decode.ts";
import { importModel } from "../../../src/runtime/onnx/import.ts";
import type { ImportOptions } from "../../../src/runtime/onnx/import.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { bytesOf, counting, graphOf, model, node } from "./graphs.ts";
import type { SmallModel } from "./graphs.ts";

const load = (bytes: Uint8Array, options?: ImportOptions) => importModel(decodeModel(bytes), options);

function failure(run: () => unknown): NudgeError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(NudgeError);
    expect((error as Error).message).not.toContain("\n");
    return error as NudgeError;
  }
  throw new Error("nothing was thrown");
}

const good: SmallModel = {
  nodes: [node("Conv", ["x", "w", "b"], "c"), node("Relu", ["c"], "d"), node("Flatten", ["d"], "e"), node("MatMul", ["e", "v"], "y")],
  constants: { w: counting([2, 3, 3, 3]), b: counting([2]), v: counting([32, 5]) },
};

describe("bytes that are no model", () => {
  test("an empty file", () => {
    const error = failure(() => load(new Uint8Array()));
    expect(error).toBeInstanceOf(OnnxFormatError);
    expect(error.message).toBe("the file is empty");
  });

  test("text, a picture, noise", () => {
    const others = [
      new TextEncoder().encode("<!doctype html><html>"),
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13),
      new TextEncoder().encode('{"a": 1}'),
    ];
    for (const bytes of others) expect(failure(() => load(bytes))).toBeInstanceOf(OnnxFormatError);
  });

  test("a file cut short anywhere", () => {
    const bytes = bytesOf(good);
    for (let length = 0; length < bytes.length; length++) {
      const error = failure(() => load(bytes.subarray(0, length)));
      expect(error, `${length} of ${bytes.length} bytes`).toBeInstanceOf(OnnxFormatError);
    }
  });

  test("a file with a byte changed gives a model or a message, never another kind of failure", () => {
    const bytes = bytesOf(good);
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const changed = bytes.slice();
        changed[at] = value;
        try {
          load(changed);
        } catch (error) {
          if (!(error instanceof NudgeError)) throw error;
          return !error.message.includes("\n");
        }
        return true;
      }),
      { seed: 1, numRuns: 3000 },
    );
  });

  test("an opset before the first covered", () => {
    expect(failure(() => load(bytesOf({ ...good, opset: 5 }))).message).toBe("opset 5 is older than 6, the first that is covered");
  });
});

describe("ops that are not covered", () => {
  test("all are listed at once, by node, with the count", () => {
    const error = failure(() =>
      load(
        bytesOf({
          nodes: [
            node("Fold", ["x"], "a"),
            node("Relu", ["a"], "b"),
            node("Mutilate", ["b"], "c", { spindles: 3 }),
            node("Relu", ["x"], "d"),
            node("Add", ["c", "d"], "y"),
          ],
        }),
      ),
    ) as UnsupportedOpError;
    expect(error).toBeInstanceOf(UnsupportedOpError);
    expect(error.unsupported.map(({ op, node: name }) => `${op} ${name}`)).toEqual(["Fold the a", "Mutilate the c"]);
    expect([error.op, error.node, error.opset]).toEqual(["Fold", "the a", 17]);
    expect(error.message).toBe(
      'node "the a" (Fold, opset 17): has no kernel; node "the c" (Mutilate, opset 17): has no kernel. 2 of 5 nodes are unsupported; see docs/operators.md',
    );
  });

  const forms: readonly [string, SmallModel, RegExp, string?][] = [
    [
      "4-D convolution",
      { inputs: { x: [1, 1, 4, 4, 4, 4] }, nodes: [node("Conv", ["x", "w"], "y")], constants: { w: counting([1, 1, 2, 2, 2, 2]) } },
      /4-D convolution/,
    ],
    ["weights computed from the input", { nodes: [node("Conv", ["x", "x"], "y")] }, /weights must be constants/],
    [
      "batch normalisation in training",
      {
        nodes: [node("BatchNormalization", ["x", "g", "g", "g", "g"], "y", { training_mode: 1 })],
        constants: { g: counting([3]) },
      },
      /training_mode/,
      "training_mode",
    ],
    [
      "an unknown way to pad",
      {
        nodes: [node("Pad", ["x", "p"], "y", { mode: "invent" })],
        constants: { p: { shape: [8], data: [0, 0, 1, 1, 0, 0, 1, 1], type: "int64" } },
      },
      /mode invent/,
      "mode",
    ],
    ["a shape computed from the input", { nodes: [node("Reshape", ["x", "x"], "y")] }, /the shape must be known at load/],
    [
      "an unknown auto_pad",
      { nodes: [node("MaxPool", ["x"], "y", { kernel_shape: [2, 2], auto_pad: "SAME" })] },
      /auto_pad SAME/,
      "auto_pad",
    ],
    [
      "an attribute of the wrong type",
      { nodes: [node("Softmax", ["x"], "y", { axis: "last" })] },
      /attribute axis is not a number/,
      "axis",
    ],
  ];
  test.each(forms)("%s", (_, small, message, attribute) => {
    const error = failure(() => load(bytesOf(small))) as UnsupportedOpError;
    expect(error).toBeInstanceOf(UnsupportedOpError);
    expect(error.message).toMatch(message);
    expect(error.message).toContain('node "the y"');
    expect(error.attribute).toBe(attribute);
  });

  test("an optional output that is read", () => {
    const clamped = { op: "Relu", inputs: ["x"], outputs: ["p", "extra"], name: "clamp" };
    const error = failure(() => load(bytesOf({ nodes: [clamped, node("Neg", ["extra"], "y")] })));
    expect(error.message).toContain('node "the y" (Neg, opset 17): reads "extra", an optional output that is not covered');
  });
});

describe("shapes that do not fit", () => {
  const cases: readonly [string, SmallModel, string][] = [
    [
      "channels and weights",
      { nodes: [node("Conv", ["x", "w"], "y")], constants: { w: counting([2, 4, 3, 3]) } },
      'node "the y" (Conv): weights [2,4,3,3] in 1 groups do not fit an input of 3 channels',
    ],
    [
      "a kernel larger than the input",
      { nodes: [node("Conv", ["x", "w"], "y")], constants: { w: counting([2, 3, 7, 7]) } },
      'node "the y" (Conv): a 7×7 kernel does not fit an input of 6×6 with pads [0,0,0,0]',
    ],
    [
      "a bias of the wrong length",
      { nodes: [node("Conv", ["x", "w", "b"], "y")], constants: { w: counting([2, 3, 3, 3]), b: counting([3]) } },
      'node "the y" (Conv): bias [3] does not fit 2 output channels',
    ],
    [
      "a computed bias of the wrong length",
      {
        inputs: { x: [1, 3, 6, 6], z: [3] },
        nodes: [node("Neg", ["z"], "b"), node("Conv", ["x", "w", "b"], "y")],
        constants: { w: counting([2, 3, 3, 3]) },
      },
      'node "the y" (Conv): bias [3] does not fit 2 output channels',
    ],
    [
      "kernel_shape against the weights",
      { nodes: [node("Conv", ["x", "w"], "y", { kernel_shape: [5, 5] })], constants: { w: counting([2, 3, 3, 3]) } },
      'node "the y" (Conv): attribute kernel_shape [5,5] does not fit weights [2,3,3,3]',
    ],
    [
      "strides for the wrong number of axes",
      { nodes: [node("MaxPool", ["x"], "y", { kernel_shape: [2, 2], strides: [2] })] },
      'node "the y" (MaxPool): attribute strides has 1 entries, but 2 spatial axes take 2',
    ],
    [
      "a stride of 0",
      { nodes: [node("MaxPool", ["x"], "y", { kernel_shape: [2, 2], strides: [0, 1] })] },
      'node "the y" (MaxPool): attribute strides [0,1] holds 0; whole numbers from 1 are allowed',
    ],
    [
      "a window of nothing but padding",
      { nodes: [node("MaxPool", ["x"], "y", { kernel_shape: [2, 2], pads: [2, 0, 0, 0] })] },
      'node "the y" (MaxPool): pads [2,0,0,0] leave a window of 2×2 with nothing but padding',
    ],
    [
      "a dilated window whose taps straddle the input",
      {
        inputs: { x: [1, 3, 1, 6] },
        nodes: [node("MaxPool", ["x"], "y", { kernel_shape: [2, 2], dilations: [2, 1], pads: [1, 0, 1, 0] })],
      },
      'node "the y" (MaxPool): pads [1,0,1,0] leave a window of 2×2 with nothing but padding',
    ],
    [
      "a product",
      { inputs: { x: [1, 5] }, nodes: [node("MatMul", ["x", "w"], "y")], constants: { w: counting([4, 2]) } },
      'node "the y" (MatMul): cannot multiply [1,5] by [4,2]',
    ],
    [
      "broadcasting",
      { nodes: [node("Add", ["x", "w"], "y")], constants: { w: counting([5]) } },
      'node "the y" (Add): shapes [1,3,6,6] and [5] do not broadcast',
    ],
    [
      "a reshape",
      { nodes: [node("Reshape", ["x", "s"], "y")], constants: { s: { shape: [2], data: [1, 100], type: "int64" } } },
      'node "the y" (Reshape): cannot reshape [1,3,6,6] to [1,100]',
    ],
    ["an axis", { nodes: [node("Softmax", ["x"], "y", { axis: 4 })] }, 'node "the y" (Softmax): axis 4 is outside a tensor of rank 4'],
    [
      "concatenation",
      { inputs: { x: [1, 2, 3], z: [1, 2, 4] }, nodes: [node("Concat", ["x", "z"], "y", { axis: 1 })] },
      'node "the y" (Concat): cannot concatenate [1,2,3] and [1,2,4] along axis 1',
    ],
    [
      "a permutation",
      { nodes: [node("Transpose", ["x"], "y", { perm: [0, 1, 1, 2] })] },
      'node "the y" (Transpose): attribute perm [0,1,1,2] of 4 entries does not permute the axes of [1,3,6,6]',
    ],
    ["a missing input", { nodes: [node("MatMul", ["x"], "y")] }, 'node "the y" (MatMul): input 1 is missing'],
    ["no inputs at all", { nodes: [node("Concat", [], "y", { axis: 0 })] }, 'node "the y" (Concat): input 0 is missing'],
  ];
  test.each(cases)("%s", (_, small, message) => {
    const error = failure(() => load(bytesOf(small)));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toBe(message);
  });
});

describe("files that contradict themselves", () => {
  const altered = (
    change: (graph: {
      initializer: { dims?: unknown; rawData?: Uint8Array | null; dataType?: number | null; externalData?: unknown }[];
      node: { input?: string[] | null }[];
      output: { name?: string | null }[];
    }) => void,
  ) => {
    const message = onnxProto.onnx.ModelProto.decode(bytesOf(good));
    change(message.graph as never);
    return onnxProto.onnx.ModelProto.encode(message).finish();
  };

  test("an initialiser with too few bytes", () => {
    const error = failure(() => load(altered(({ initializer }) => (initializer[0]!.rawData = initializer[0]!.rawData!.slice(0, 8)))));
    expect(error.message).toBe('initialiser "w" declares 54 elements but holds 2');
  });
  test("an initialiser of strings", () => {
    expect(failure(() => load(altered(({ initializer }) => (initializer[0]!.dataType = 8)))).message).toContain(
      'initialiser "w" has element type 8',
    );
  });
  test("an initialiser with a negative extent", () => {
    expect(failure(() => load(altered(({ initializer }) => (initializer[0]!.dims = [-2, 3, 3, 3])))).message).toContain("impossible shape");
  });
  test("an initialiser kept elsewhere", () => {
    const error = failure(() => load(altered(({ initializer }) => (initializer[0]!.externalData = [{ key: "location", value: "w.bin" }]))));
    expect(error.message).toContain("external data file");
  });
  test("a node that reads what nothing makes", () => {
    expect(failure(() => load(altered((graph) => (graph.node[1]!.input = ["ghost"])))).message).toBe(
      'node "the d" (Relu) reads "ghost", which nothing before it makes',
    );
  });
  test("an output that nothing makes", () => {
    expect(failure(() => load(altered(({ output }) => (output[0]!.name = "ghost")))).message).toBe('output "ghost" is made by no node');
  });
});

describe("the batch axis", () => {
  test("a symbol is bound to 1", () => {
    const imported = load(encodeModel(model(good), { symbolicBatch: "batch" }));
    expect(imported.batch).toBe("batch");
    expect(imported.graph.inputs[0]!.shape).toEqual([1, 3, 6, 6]);
  });
  test("a frozen batch is kept", () => {
    const imported = load(bytesOf({ ...good, inputs: { x: [2, 3, 6, 6] } }));
    expect(imported.batch).toBe(2);
    expect(imported.graph.outputs[0]!.shape).toEqual([2, 5]);
  });
});

describe("open axes", () => {
  const open = (shapes: Record<string, (string | number)[]>) => {
    const proto = decodeModel(
      bytesOf({
        inputs: Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, shape.map(() => 1)])),
        nodes: [node("Add", Object.keys(shapes), "s"), node("GlobalAveragePool", ["s"], "y")],
      }),
    );
    for (const input of proto.graph!.input!) {
      const dim = shapes[input.name!]!.map((extent) =>
        typeof extent === "number" ? { dimValue: extent } : extent ? { dimParam: extent } : {},
      );
      input.type!.tensorType!.shape = { dim };
    }
    return (dimensions?: Record<string, number>) => importModel(proto, { dimensions });
  };
  const image = ["N", 3, "height", "width"];

  test("one name binds the axes of all inputs", () => {
    const imported = open({ a: image, b: image })({ height: 5, width: 7 });
    expect(imported.graph.inputs.map(({ shape }) => shape)).toEqual([
      [1, 3, 5, 7],
      [1, 3, 5, 7],
    ]);
    expect(imported.batch).toBe("N");
  });
  test("all that are left open are named at once", () => {
    const error = failure(() => open({ a: image, b: ["N", 3, "height", "w2"] })({ width: 7 }));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toBe(
      'input "a" leaves axis 2 ("height") open; input "b" leaves axis 2 ("height") and axis 3 ("w2") open; give the extents in options.dimensions, by symbol or as "a:2"',
    );
  });
  test("two axes of one symbol are bound one by one, and by the symbol otherwise", () => {
    const load = open({ a: ["?", 3, "?", "?"], b: ["?", 3, "?", 7] });
    const shapes = (dimensions: Record<string, number>) => load(dimensions).graph.inputs.map(({ shape }) => shape.join());
    expect(shapes({ "a:2": 5, "a:3": 7, "b:2": 5 })).toEqual(["1,3,5,7", "1,3,5,7"]);
    expect(shapes({ "?": 7, "a:0": 1, "b:0": 1 })).toEqual(["1,3,7,7", "1,3,7,7"]);
    expect(shapes({ "?": 5, "a:3": 7, "a:0": 2, "b:0": 2, "b:3": 7 })).toEqual(["2,3,5,7", "2,3,5,7"]);
    expect(failure(() => load({ "a:2": 5 })).message).toBe(
      'input "a" leaves axis 3 ("?") open; input "b" leaves axis 2 ("?") open; give the extents in options.dimensions, by symbol or as "a:3"',
    );
  });
  test("an axis that is not there, or that the file fixes", () => {
    const load = open({ a: image, b: image });
    const rest = { height: 5, width: 7 };
    expect(failure(() => load({ ...rest, "a:4": 5 })).message).toBe('"a:4" in options.dimensions: input "a" has 4 axes, from 0');
    expect(failure(() => load({ ...rest, "b:1": 4 })).message).toBe('axis 1 of input "b" is 3 in the file, and 4 in options.dimensions');
    expect(load({ ...rest, "b:1": 3 }).graph.inputs[1]!.shape).toEqual([1, 3, 5, 7]);
    for (const extent of [0, -2, 1.5, NaN])
      expect(failure(() => load({ "a:2": extent, ...rest })).message).toBe(`extent ${extent} of "a:2" in options.dimensions`);
    expect(failure(() => load({ "a:02": 5 })).message).toContain('(the file has no "a:02")');
  });
  test("an axis without a name is called by its number", () => {
    const load = open({ a: ["", 3, "", 4], b: ["", 3, 1, 4] });
    expect(failure(() => load()).message).toContain('axis 2 ("axis 2") open');
    expect(load({ "axis 2": 6 }).graph.inputs[0]!.shape).toEqual([1, 3, 6, 4]);
  });
  test("the first axis can be bound by name, where it is no batch", () => {
    const imported = open({ a: ["height", "width", 3], b: ["height", "width", 3] })({ height: 5, width: 7 });
    expect(imported.graph.inputs[0]!.shape).toEqual([5, 7, 3]);
    expect(imported.batch).toBe(5);
  });
  test("a mistyped name, and extents that are none", () => {
    const load = open({ a: image, b: image });
    expect(failure(() => load({ heigth: 5, width: 7 })).message).toBe(
      'input "a" leaves axis 2 ("height") open; input "b" leaves axis 2 ("height") open; give the extents in options.dimensions, by symbol or as "a:2" (the file has no "heigth")',
    );
    // One set of names may serve several files.
    expect(load({ height: 5, width: 7, depth: 9 }).graph.inputs[0]!.shape).toEqual([1, 3, 5, 7]);
    for (const extent of [0, -1, 2.5, NaN])
      expect(failure(() => load({ height: extent, width: 7 })).message).toBe(`extent ${extent} of "height" in options.dimensions`);
    expect(failure(() => load({ height: 5, toString: 2 })).message).toContain('axis 3 ("width") open');
  });
  test("inputs that disagree are refused where they meet", () => {
    expect(failure(() => open({ a: image, b: ["N", 3, "h2", "width"] })({ height: 5, h2: 6, width: 7 })).message).toBe(
      'node "the s" (Add): shapes [1,3,5,7] and [1,3,6,7] do not broadcast',
    );
  });
});

describe("constants", () => {
  test("are evaluated while the graph is built", () => {
    const graph = graphOf({
      inputs: { x: [1, 4] },
      nodes: [
        node("Mul", ["a", "b"], "p"),
        node("Transpose", ["p"], "q"),
        node("ReduceSum", ["q", "axes"], "r", { keepdims: 0 }),
        node("Add", ["x", "r"], "y"),
      ],
      constants: { a: counting([2, 4]), b: { shape: [2, 1], data: [1, 10] }, axes: { shape: [1], data: [1], type: "int64" } },
    });
    expect(graph.nodes.map(({ op }) => op)).toEqual(["Add"]);
    expect([...graph.nodes[0]!.inputs[1]!.data!]).toEqual([51, 62, 73, 84]);
  });

  test("nodes that nothing reads are dropped", () => {
    const graph = graphOf({ inputs: { x: [1, 4] }, nodes: [node("Exp", ["x"], "unused"), node("Neg", ["x"], "y")] });
    expect(graph.nodes.map(({ op }) => op)).toEqual(["Neg"]);
  });

  test("an output that is an input, a constant, or listed twice is a value of its own", () => {
    const graph = graphOf({
      inputs: { x: [1, 4] },
      nodes: [node("Neg", ["x"], "y")],
      constants: { k: counting([3]) },
      outputs: ["y", "x", "k", "y"],
    });
    expect(new Set(graph.outputs).size).toBe(4);
    const made = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
    expect(graph.outputs.every((output) => made.has(output))).toBe(true);
  });
});
