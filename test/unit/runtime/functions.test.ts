/** Functions that a model brings along, and If: imported in place, and what is not covered inside them listed with the rest. */
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import { describe, expect, test } from "vitest";
import { UnsupportedOpError } from "../../../src/runtime/errors.ts";
import { decodeModel } from "../../../src/runtime/onnx/decode.ts";
import { importModel } from "../../../src/runtime/onnx/import.ts";
import { bytesOf, counting, node } from "./graphs.ts";
import type { SmallModel } from "./graphs.ts";

type Call = onnx.INodeProto;

const DOMAIN = "pkg.onnxscript.torch_lib";
const float = (name: string, f: number): onnx.IAttributeProto => ({ name, type: 1, f });
const reference = (name: string, refAttrName: string): onnx.IAttributeProto => ({ name, type: 1, refAttrName });

const leaky: onnx.IFunctionProto = {
  name: "leaky",
  domain: DOMAIN,
  input: ["a", "shift"],
  output: ["out"],
  attribute: ["slope"],
  opsetImport: [{ domain: "", version: 18 }],
  node: [
    { opType: "LeakyRelu", name: "inner", input: ["a"], output: ["b"], attribute: [reference("alpha", "slope")] },
    { opType: "Sum", name: "join", input: ["b", "b"], output: ["out"] },
  ],
};

/** Calls one another, and reads an input that its caller may leave out. */
const twice: onnx.IFunctionProto = {
  name: "twice",
  domain: DOMAIN,
  input: ["x", "bound"],
  output: ["y"],
  opsetImport: [
    { domain: "", version: 18 },
    { domain: DOMAIN, version: 1 },
  ],
  node: [
    { opType: "leaky", domain: DOMAIN, input: ["x"], output: ["m"], attribute: [float("slope", 0.5)] },
    { opType: "Clip", input: ["m", "bound"], output: ["y"] },
    { opType: "Whatever", input: ["m"], output: ["nobody reads this"] },
  ],
};

function withFunctions(small: SmallModel, calls: readonly Call[], functions: onnx.IFunctionProto[]): onnx.IModelProto {
  const proto = decodeModel(bytesOf(small));
  proto.graph!.node = [...calls, ...proto.graph!.node!];
  proto.functions = functions;
  proto.opsetImport = [...(proto.opsetImport ?? []), { domain: DOMAIN, version: 1 }] as typeof proto.opsetImport;
  return onnxProto.onnx.ModelProto.decode(onnxProto.onnx.ModelProto.encode(proto).finish());
}

const refusals = (proto: onnx.IModelProto) => {
  try {
    importModel(proto);
  } catch (error) {
    expect(error).toBeInstanceOf(UnsupportedOpError);
    return (error as UnsupportedOpError).unsupported;
  }
  throw new Error("nothing was refused");
};

describe("functions of the model", () => {
  test("are imported in place, with their attributes", () => {
    const call = { opType: "leaky", domain: DOMAIN, name: "call", input: ["x"], output: ["z"], attribute: [float("slope", 0.25)] };
    const { graph, ops } = importModel(withFunctions({ inputs: { x: [1, 4] }, nodes: [node("Neg", ["z"], "y")] }, [call], [leaky]));
    expect(graph.nodes.map(({ op, name }) => `${op} ${name}`)).toEqual(["LeakyRelu call/inner", "Add call/join", "Neg the y"]);
    expect(graph.nodes[0]!.attributes["alpha"]).toBe(0.25);
    expect(ops).toEqual({ leaky: 1, Neg: 1 });
  });

  test("call each other, hide their names, and leave out what the caller leaves out", () => {
    const call = { opType: "twice", domain: DOMAIN, name: "t", input: ["x"], output: ["z"] };
    // "b" and "m" are also names in the bodies.
    const small = {
      inputs: { x: [1, 4] },
      nodes: [node("Add", ["z", "b"], "m"), node("Mul", ["m", "b"], "y")],
      constants: { b: counting([4]) },
    };
    const { graph } = importModel(withFunctions(small, [call], [leaky, twice]));
    expect(graph.nodes.map(({ op }) => op)).toEqual(["LeakyRelu", "Add", "Clip", "Add", "Mul"]);
    expect(graph.nodes[0]!.name).toBe("t/leaky_0/inner");
    expect(graph.nodes[0]!.attributes["alpha"]).toBe(0.5);
  });

  test("one that calls itself is an error in words", () => {
    const circular = { ...leaky, node: [{ opType: "leaky", domain: DOMAIN, input: ["a"], output: ["out"] }] };
    const call = { opType: "leaky", domain: DOMAIN, name: "call", input: ["x"], output: ["z"] };
    const proto = withFunctions({ inputs: { x: [1, 4] }, nodes: [node("Neg", ["z"], "y")] }, [call], [circular]);
    expect(() => importModel(proto)).toThrow("calls functions more than 32 deep, or one that calls itself");
  });

  test("a default that the decoder cannot read is refused, not ignored", () => {
    const body = { ...leaky, attribute: [] };
    const call = { opType: "leaky", domain: DOMAIN, name: "call", input: ["x"], output: ["z"] };
    const [first] = refusals(withFunctions({ inputs: { x: [1, 4] }, nodes: [node("Neg", ["z"], "y")] }, [call], [body]));
    expect(first).toEqual({
      op: "LeakyRelu",
      opset: 18,
      node: "call/inner",
      attribute: "slope",
      reason: "the default of a function's attribute slope",
    });
  });

  test("a domain that has no such function is refused by its full name and its own version", () => {
    const call = { opType: "other", domain: DOMAIN, name: "call", input: ["x"], output: ["z"] };
    const [first] = refusals(withFunctions({ inputs: { x: [1, 4] }, nodes: [node("Neg", ["z"], "y")] }, [call], [leaky]));
    expect(first).toEqual({ op: `${DOMAIN}.other`, opset: 1, node: "call", reason: "has no kernel" });
  });
});

describe("all that is not covered, at once", () => {
  const bad: onnx.IFunctionProto = {
    ...leaky,
    name: "bad",
    node: [
      { opType: "Mutilate", name: "cut", input: ["a"], output: ["c"] },
      {
        opType: "MaxPool",
        name: "pool",
        input: ["a"],
        output: ["p"],
        attribute: [
          { name: "auto_pad", type: 3, s: new TextEncoder().encode("SAME") },
          { name: "kernel_shape", type: 7, ints: [2, 2] },
        ],
      },
      { opType: "Add", name: "join", input: ["c", "p"], output: ["out"] },
    ],
  };
  const truth = (name: string, value: number): onnx.ITensorProto => ({ name, dims: [], dataType: 9, int32Data: [value] });
  const branch = (...nodes: onnx.INodeProto[]): onnx.IGraphProto => ({ node: nodes, output: [{ name: "r" }] });

  test("in functions, in the branch an If takes, by attribute, and beside each other", () => {
    const calls: Call[] = [
      { opType: "bad", domain: DOMAIN, name: "call", input: ["x"], output: ["z"] },
      {
        opType: "If",
        name: "choice",
        input: ["yes"],
        output: ["i"],
        attribute: [
          { name: "then_branch", type: 5, g: branch({ opType: "Fold", name: "fold", input: ["x"], output: ["r"] }) },
          { name: "else_branch", type: 5, g: branch({ opType: "Never", name: "never", input: ["x"], output: ["r"] }) },
        ],
      },
      {
        opType: "Softmax",
        name: "soft",
        input: ["x"],
        output: ["s"],
        attribute: [{ name: "axis", type: 3, s: new TextEncoder().encode("last") }],
      },
    ];
    const proto = withFunctions({ nodes: [node("Sum", ["z", "i", "s"], "y")] }, calls, [bad]);
    proto.graph!.initializer = [truth("yes", 1)] as never;
    expect(refusals(proto).map(({ op, node: name, opset, attribute }) => [op, name, opset, attribute])).toEqual([
      ["Mutilate", "call/cut", 18, undefined],
      ["MaxPool", "call/pool", 18, "auto_pad"],
      ["Fold", "choice/fold", 17, undefined],
      ["Softmax", "soft", 17, "axis"],
    ]);
  });

  test("an If whose condition is computed", () => {
    const choice: Call = { opType: "If", name: "choice", input: ["x"], output: ["z"], attribute: [] };
    expect(refusals(withFunctions({ nodes: [node("Neg", ["z"], "y")] }, [choice], []))).toEqual([
      { op: "If", opset: 17, node: "choice", reason: "takes a branch that depends on the network's input" },
    ]);
  });

  test("behind an unknown op, where the file declares the shape of what it makes", () => {
    const small = {
      nodes: [node("Fold", ["x"], "a"), node("MaxPool", ["a"], "b", { kernel_shape: [2, 2], auto_pad: "SAME" }), node("Neg", ["b"], "y")],
    };
    const proto = decodeModel(bytesOf(small));
    expect(refusals(proto).map(({ op }) => op)).toEqual(["Fold"]);
    const dim = [{ dimParam: "N" }, { dimValue: 3 }, { dimValue: 6 }, { dimValue: 6 }];
    proto.graph!.valueInfo = [{ name: "a", type: { tensorType: { elemType: 1, shape: { dim } } } }] as never;
    expect(refusals(proto).map(({ op, attribute }) => [op, attribute])).toEqual([
      ["Fold", undefined],
      ["MaxPool", "auto_pad"],
    ]);
  });
});
