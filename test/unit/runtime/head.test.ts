/** Where attacks attach: before what turns scores into probabilities, and nowhere else. */
import { describe, expect, test } from "vitest";
import { attach } from "../../../src/runtime/graph/head.ts";
import { simplify } from "../../../src/runtime/graph/simplify.ts";
import { counting, graphOf, node } from "./graphs.ts";

type Tail = readonly Parameters<typeof node>[];

const constants = {
  w: counting([5, 7]),
  one: counting([5, 1]),
  low: { shape: [], data: [0] },
  high: { shape: [], data: [1] },
  column: { shape: [2], data: [7, 1], type: "int64" as const },
  row: { shape: [2], data: [1, 7], type: "int64" as const },
  image: { shape: [4], data: [1, 7, 1, 1], type: "int64" as const },
  pairs: { shape: [3], data: [1, 7, 1], type: "int64" as const },
};

/** A dense layer "dense" to 7 scores, or to one, and what follows it. */
function attached(tail: Tail, weights = "w") {
  const last = tail.length === 0 ? "y" : "p";
  const nodes = [node("MatMul", ["x", weights], last), ...tail.map((args) => node(...args))];
  return attach(simplify(graphOf({ inputs: { x: [1, 5] }, constants, nodes })));
}

describe("a head is left out, with what stands beside it", () => {
  const cases: { name: string; tail: Tail; head: string[] }[] = [
    { name: "softmax", tail: [["Softmax", ["p"], "y", { axis: 1 }]], head: ["Softmax"] },
    { name: "softmax, the axis counted from the end", tail: [["Softmax", ["p"], "y", { axis: -1 }]], head: ["Softmax"] },
    { name: "log-softmax", tail: [["LogSoftmax", ["p"], "y", { axis: 1 }]], head: ["LogSoftmax"] },
    { name: "sigmoid of several outputs", tail: [["Sigmoid", ["p"], "y"]], head: ["Sigmoid"] },
    {
      name: "softmax → reshape",
      tail: [["Softmax", ["p"], "q", { axis: 1 }], ["Reshape", ["q", "column"], "y"]], // prettier-ignore
      head: ["Softmax"],
    },
    { name: "softmax → flatten", tail: [["Reshape", ["p", "image"], "q"], ["Softmax", ["q"], "r", { axis: 1 }], ["Flatten", ["r"], "y"]], head: ["Softmax"] }, // prettier-ignore
    { name: "softmax → clip", tail: [["Softmax", ["p"], "q", { axis: 1 }], ["Clip", ["q", "low", "high"], "y"]], head: ["Softmax", "Clip"] }, // prettier-ignore
    { name: "sigmoid → clip → identity", tail: [["Sigmoid", ["p"], "q"], ["Clip", ["q", "low", "high"], "r"], ["Identity", ["r"], "y"]], head: ["Sigmoid", "Clip"] }, // prettier-ignore
    { name: "softmax → cast to float", tail: [["Softmax", ["p"], "q", { axis: 1 }], ["Cast", ["q"], "y", { to: 1 }]], head: ["Softmax"] }, // prettier-ignore
    { name: "softmax → dropout", tail: [["Softmax", ["p"], "q", { axis: 1 }], ["Dropout", ["q"], "y"]], head: ["Softmax"] }, // prettier-ignore
    { name: "softmax → log", tail: [["Softmax", ["p"], "q", { axis: 1 }], ["Log", ["q"], "y"]], head: ["Softmax", "Log"] }, // prettier-ignore
    { name: "sigmoid → softmax", tail: [["Sigmoid", ["p"], "q"], ["Softmax", ["q"], "y", { axis: 1 }]], head: ["Sigmoid", "Softmax"] }, // prettier-ignore
  ];
  for (const { name, tail, head } of cases) {
    test(name, () => {
      const { logits, attachedTo } = attached(tail);
      expect(attachedTo).toEqual({ node: expect.stringMatching(/^the [pq]$/) as string, head, binary: false });
      expect(logits.shape.reduce((product, extent) => product * extent)).toBe(7);
    });
  }
});

describe("what is no head stays", () => {
  const cases: { name: string; tail: Tail }[] = [
    { name: "nothing", tail: [] },
    { name: "clip alone", tail: [["Tanh", ["p"], "q"], ["Clip", ["q", "low", "high"], "y"]] }, // prettier-ignore
    { name: "a softmax that is not last", tail: [["Softmax", ["p"], "q", { axis: 1 }], ["Mul", ["q", "q"], "y"]] }, // prettier-ignore
    { name: "a softmax over another axis than the classes", tail: [["Reshape", ["p", "pairs"], "q"], ["Softmax", ["q"], "y", { axis: 2 }]] }, // prettier-ignore
    { name: "tanh", tail: [["Tanh", ["p"], "y"]] },
  ];
  for (const { name, tail } of cases) {
    test(name, () => {
      const { logits, graph, attachedTo } = attached(tail);
      expect(attachedTo.head).toEqual([]);
      expect(logits).toBe(graph.outputs[0]);
    });
  }
});

describe("one score makes two classes", () => {
  for (const [name, tail, head] of [
    ["as it is", [], []],
    ["before its sigmoid", [["Sigmoid", ["p"], "y"]], ["Sigmoid"]],
    ["a softmax of one, which is always 1, stays", [["Softmax", ["p"], "y", { axis: 1 }]], []],
  ] as [string, Tail, string[]][]) {
    test(name, () => {
      const { logits, graph, attachedTo } = attached(tail, "one");
      expect(attachedTo).toMatchObject({ head, binary: true });
      expect(logits.shape).toEqual([1, 2]);
      expect(graph.nodes.at(-1)!.outputs[0]).toBe(logits);
      expect(graph.outputs[0]!.shape).toEqual([1, 1]);
    });
  }
});
