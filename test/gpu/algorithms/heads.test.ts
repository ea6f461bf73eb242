/** Attacks attach before what turns scores into probabilities; one score is two classes. */
import { describe, expect, test } from "vitest";
import { deepfool, evaluate, labelsOf, universalPerturbation } from "../../../src/index.ts";
import type { NdArray } from "../../../src/index.ts";
import type { TestModel, TestNode } from "../../reference/model.ts";
import { affine, load } from "./closed-forms.ts";

const points = (...rows: number[][]): NdArray => ({ shape: [rows.length, rows[0]!.length], data: Float32Array.from(rows.flat()) });

/** Fifty times the four affine classes, so that probabilities saturate; what follows reads "z" and makes "y". */
function four(tail: readonly TestNode[], more: TestModel["constants"] = {}): TestModel {
  const dense = affine([[0, 0], [150, 200], [250, 0], [180, 180]], [0, -75, -180, -96]); // prettier-ignore
  const [gemm] = dense.nodes;
  return { ...dense, nodes: [{ ...gemm!, outputs: ["z"], name: "dense" }, ...tail], constants: { ...dense.constants, ...more } };
}

const zero = { shape: [], data: [0] };
const one = { shape: [], data: [1] };
const shape = (...data: number[]) => ({ shape: [data.length], data, type: "int64" as const });
const softmax = (output: string): TestNode => ({ op: "Softmax", inputs: ["z"], outputs: [output], attributes: { axis: 1 } });

describe("a head changes neither r nor the label", () => {
  const cases: { name: string; model: TestModel; head: string[] }[] = [
    { name: "softmax", model: four([softmax("y")]), head: ["Softmax"] },
    { name: "log-softmax", model: four([{ op: "LogSoftmax", inputs: ["z"], outputs: ["y"], attributes: { axis: 1 } }]), head: ["LogSoftmax"] }, // prettier-ignore
    { name: "sigmoid", model: four([{ op: "Sigmoid", inputs: ["z"], outputs: ["y"] }]), head: ["Sigmoid"] },
    { name: "softmax → clip", model: four([softmax("p"), { op: "Clip", inputs: ["p", "zero", "one"], outputs: ["y"] }], { zero, one }), head: ["Softmax", "Clip"] }, // prettier-ignore
    { name: "softmax → identity", model: four([softmax("p"), { op: "Identity", inputs: ["p"], outputs: ["y"] }]), head: ["Softmax"] },
    { name: "softmax → cast", model: four([softmax("p"), { op: "Cast", inputs: ["p"], outputs: ["y"], attributes: { to: 1 } }]), head: ["Softmax"] }, // prettier-ignore
    { name: "softmax → dropout", model: four([softmax("p"), { op: "Dropout", inputs: ["p"], outputs: ["y"] }]), head: ["Softmax"] },
    { name: "softmax → reshape → flatten", model: four([softmax("p"), { op: "Reshape", inputs: ["p", "s"], outputs: ["q"] }, { op: "Flatten", inputs: ["q"], outputs: ["y"] }], { s: shape(-1, 2, 2) }), head: ["Softmax"] }, // prettier-ignore
    { name: "softmax → unsqueeze → squeeze", model: four([softmax("p"), { op: "Unsqueeze", inputs: ["p", "a"], outputs: ["q"] }, { op: "Squeeze", inputs: ["q", "a"], outputs: ["y"] }], { a: shape(2) }), head: ["Softmax"] }, // prettier-ignore
    { name: "sigmoid → clip → identity", model: four([{ op: "Sigmoid", inputs: ["z"], outputs: ["p"] }, { op: "Clip", inputs: ["p", "zero", "one"], outputs: ["q"] }, { op: "Identity", inputs: ["q"], outputs: ["y"] }], { zero, one }), head: ["Sigmoid", "Clip"] }, // prettier-ignore
  ];
  for (const { name, model: definition, head } of cases) {
    test(name, async () => {
      using model = await load(definition);
      const found = await deepfool(model, points([0.5, -0.25]));
      expect([found.labels[0], found.newLabels[0], found.status[0]]).toEqual([0, 1, "fooled"]);
      expect(found.norms[0]).toBeCloseTo(0.204, 5);
      expect(found.attachedTo).toEqual({ node: "dense", head, binary: false });
      expect(found.attachedTo).toEqual(model.attachedTo);
    });
  }
  test("a softmax over another axis than the classes is part of the network", async () => {
    const pairs = four([{ op: "Reshape", inputs: ["z", "s"], outputs: ["q"] }, { op: "Softmax", inputs: ["q"], outputs: ["y"], attributes: { axis: 2 } }], { s: shape(-1, 2, 2) }); // prettier-ignore
    using model = await load(pairs);
    expect(model.attachedTo).toMatchObject({ head: [], binary: false });
    // Logits (0, −125 | −55, −51): within the pairs, 1 beats 3, though −51 is less than 0.
    expect([...(await labelsOf(model, points([0.5, -0.25])))]).toEqual([0]);
    const scores = (await (await model.logitsOf(points([0.5, -0.25]))).read()).data;
    expect(scores[0]! + scores[1]!).toBeCloseTo(1, 5);
  });
});

describe("one output: classes 0 and 1 by the sign of f = 30 x₀ + 40 x₁ − 10", () => {
  const gemm: TestNode = { op: "Gemm", inputs: ["x", "w", "b"], outputs: ["z"], attributes: { transB: 1 } };
  const single = (tail: readonly TestNode[], more: TestModel["constants"] = {}): TestModel => ({
    ...affine([[30, 40]], [-10]),
    nodes: [{ ...gemm, outputs: [tail.length === 0 ? "y" : "z"] }, ...tail],
    constants: { w: { shape: [1, 2], data: [30, 40] }, b: { shape: [1], data: [-10] }, ...more },
  });
  const cases: { name: string; model: TestModel; head: string[] }[] = [
    { name: "a logit", model: single([]), head: [] },
    { name: "a sigmoid", model: single([{ op: "Sigmoid", inputs: ["z"], outputs: ["y"] }]), head: ["Sigmoid"] },
    { name: "a sigmoid, flattened to [N]", model: single([{ op: "Sigmoid", inputs: ["z"], outputs: ["p"] }, { op: "Reshape", inputs: ["p", "s"], outputs: ["y"] }], { s: shape(-1) }), head: ["Sigmoid"] }, // prettier-ignore
    { name: "a sigmoid, clipped", model: single([{ op: "Sigmoid", inputs: ["z"], outputs: ["p"] }, { op: "Clip", inputs: ["p", "zero", "one"], outputs: ["y"] }], { zero, one }), head: ["Sigmoid", "Clip"] }, // prettier-ignore
  ];
  // f = −10, 25, 40 and 0, which is class 0.
  const x = points([0, 0], [0.5, 0.5], [1, 0.5], [1 / 3, 0]);
  x.data[6] = 0.2;
  x.data[7] = 0.1;
  for (const { name, model: definition, head } of cases) {
    test(name, async () => {
      using model = await load(definition);
      expect(model.attachedTo).toMatchObject({ head, binary: true });
      expect(model.logits.shape).toEqual([2]);
      expect([...(await labelsOf(model, x))]).toEqual([0, 1, 1, 0]);
      const found = await deepfool(model, x);
      expect([...found.labels]).toEqual([0, 1, 1, 0]);
      expect([...found.newLabels]).toEqual([1, 0, 0, 1]);
      // |f| / ‖∇f‖, with the overshoot.
      [0.2, 0.5, 0.8].forEach((distance, i) => expect(found.norms[i]! / (1.02 * distance)).toBeCloseTo(1, 5));
      expect(found.norms[3]).toBeLessThan(1e-5);
      const linf = await deepfool(model, x, { norm: Infinity });
      [1 / 7, 2.5 / 7, 4 / 7].forEach((distance, i) => expect(linf.norms[i]! / (1.02 * distance)).toBeCloseTo(1, 5));
    });
  }
  test("rows of the Jacobian of the logits are −∇f/2 and ∇f/2", async () => {
    using model = await load(cases[1]!.model);
    const rows = await (await model.jacobian(points([1, 2]), { rows: "all", output: "logits" })).read();
    expect(rows).toMatchObject({ shape: [1, 2, 2] });
    expect([...rows.data]).toEqual([-15, -20, 15, 20]);
  });
  test("evaluate and universal see the same two classes", async () => {
    using model = await load(cases[1]!.model);
    const v = { shape: [2], data: Float32Array.of(0.2, 0.15) };
    const evaluated = await evaluate(model, x, v);
    expect([...evaluated.labelsBefore]).toEqual([0, 1, 1, 0]);
    expect([...evaluated.labelsAfter]).toEqual([1, 1, 1, 1]);
    expect(evaluated.raw.count).toBe(2);
    const { foolingRate } = await universalPerturbation(model, points([0, 0], [0.1, 0]), { radius: 1, maxPasses: 1 });
    expect(foolingRate).toBe(1);
  });
});
