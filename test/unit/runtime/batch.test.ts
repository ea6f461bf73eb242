/** Whether a file with an open batch axis treats samples apart. */
import { describe, expect, test } from "vitest";
import { describeModel, loadRareOps } from "../../../src/index.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import type { TestModel, TestNode } from "../../reference/model.ts";

await loadRareOps();

const image = [1, 3, 4, 4];

function noteOf(nodes: readonly TestNode[], constants: TestModel["constants"] = {}, symbolic = true): string | undefined {
  const model: TestModel = { opset: 13, inputs: [{ name: "x", shape: image }], nodes, constants, outputs: ["y"] };
  return describeModel(encodeModel(model, symbolic ? { symbolicBatch: "N" } : {})).notes[0];
}

const ints = (...data: number[]) => ({ shape: [data.length], data, type: "int64" as const });

describe("proven", () => {
  const w = { shape: [5, 3, 3, 3], data: new Float32Array(135).fill(0.1) };
  const cases: Record<string, { nodes: TestNode[]; constants?: TestModel["constants"] }> = {
    "convolution, clamp, flatten, dense": {
      nodes: [
        { op: "Conv", inputs: ["x", "w"], outputs: ["a"] },
        { op: "Relu", inputs: ["a"], outputs: ["b"] },
        { op: "Flatten", inputs: ["b"], outputs: ["c"] },
        { op: "MatMul", inputs: ["c", "m"], outputs: ["y"] },
      ],
      constants: { w, m: { shape: [20, 2], data: new Float32Array(40) } },
    },
    "the batch axis moved by a transpose and back": {
      nodes: [
        { op: "Transpose", inputs: ["x"], outputs: ["a"], attributes: { perm: [1, 2, 0, 3] } },
        { op: "Softmax", inputs: ["a"], outputs: ["b"], attributes: { axis: 3 } },
        { op: "Transpose", inputs: ["b"], outputs: ["y"], attributes: { perm: [2, 0, 1, 3] } },
      ],
    },
    "instance normalisation": {
      nodes: [{ op: "InstanceNormalization", inputs: ["x", "g", "b"], outputs: ["y"] }],
      constants: { g: { shape: [3], data: [1, 2, 3] }, b: { shape: [3], data: [1, 2, 3] } },
    },
    "a mean over space": { nodes: [{ op: "ReduceMean", inputs: ["x"], outputs: ["y"], attributes: { axes: [2, 3] } }] },
  };
  for (const [name, { nodes, constants }] of Object.entries(cases)) {
    test(name, () => expect(noteOf(nodes, constants)).toBeUndefined());
  }
});

describe("not proven, and said so with the node's name", () => {
  const cases: Record<string, { nodes: TestNode[]; constants?: TestModel["constants"] }> = {
    "a softmax over the batch": { nodes: [{ op: "Softmax", inputs: ["x"], outputs: ["y"], attributes: { axis: 0 }, name: "culprit" }] },
    "a normalisation over the batch": {
      nodes: [{ op: "LayerNormalization", inputs: ["x", "g"], outputs: ["y"], attributes: { axis: 0 }, name: "culprit" }],
      constants: { g: { shape: [1], data: [1] } },
    },
    "a mean over the batch": { nodes: [{ op: "ReduceMean", inputs: ["x"], outputs: ["y"], attributes: { axes: [0] }, name: "culprit" }] },
    "the batch axis merged with another": {
      nodes: [{ op: "Reshape", inputs: ["x", "s"], outputs: ["y"], name: "culprit" }],
      constants: { s: ints(-1, 4) },
    },
    "samples as columns of a product": {
      nodes: [
        { op: "Transpose", inputs: ["x"], outputs: ["a"], attributes: { perm: [1, 2, 3, 0] } },
        { op: "ReduceSum", inputs: ["a", "axes"], outputs: ["y"], name: "culprit" },
      ],
      constants: { axes: ints(3) },
    },
  };
  for (const [name, { nodes, constants }] of Object.entries(cases)) {
    test(name, () => expect(noteOf(nodes, constants)).toContain('node "culprit"'));
  }
});

test("shapes that hold at batch 1 only are said to", () => {
  expect(noteOf([{ op: "Reshape", inputs: ["x", "s"], outputs: ["y"] }], { s: ints(1, 48) })).toContain("hold at batch 1 only");
});

test("a file frozen at batch 1 is said to be", () => {
  expect(noteOf([{ op: "Relu", inputs: ["x"], outputs: ["y"] }], {}, false)).toContain("freezes the batch at 1");
});
