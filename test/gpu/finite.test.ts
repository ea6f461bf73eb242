/** The option check: "finite" names the first node that gives a NaN or an infinity, as the file has it. */
import { beforeAll, describe, expect, test } from "vitest";
import { NonFiniteError } from "../../src/index.ts";
import type { Engine, Model } from "../../src/index.ts";
import { encodeModel } from "../reference/onnx-builder.ts";
import type { TestNode } from "../reference/model.ts";
import { sharedEngine } from "./engine.ts";
import { thrownBy } from "./lifetimes/support.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await sharedEngine();
});

const node = (op: string, inputs: string[], output: string): TestNode => ({ op, inputs, outputs: [output], attributes: {} });

function network(nodes: readonly TestNode[], outputs: readonly string[]): Promise<Model> {
  const constants = { w: { shape: [2, 2], data: [1, 0, 0, 1] } };
  return engine.load(encodeModel({ opset: 17, inputs: [{ name: "x", shape: [1, 2] }], nodes, constants, outputs }));
}

const x = (...data: number[]) => ({ shape: [data.length / 2, 2], data: Float32Array.from(data) });

async function found(model: Model, data: ReturnType<typeof x>): Promise<NonFiniteError | undefined> {
  try {
    (await model.forward(data, { check: "finite" })).dispose();
    return undefined;
  } catch (error) {
    if (error instanceof NonFiniteError) return error;
    throw error;
  }
}

describe("a node whose value an activation behind it hides", () => {
  test("log(0) before relu, with a product in front", async () => {
    using model = await network([node("MatMul", ["x", "w"], "a"), node("Log", ["a"], "b"), node("Relu", ["b"], "y")], ["y"]);
    expect(await found(model, x(1, 2, 3, 4))).toBeUndefined();
    const error = await found(model, x(1, 2, 3, 0));
    expect(error).toMatchObject({ op: "Log", sample: 1, element: 1, value: -Infinity });
    expect(error!.message).toMatch(/^node "\S+" \(Log\) gives -Infinity at sample 1, element 1/);
  });

  test("a product that overflows downwards before relu", async () => {
    using model = await network(
      [node("Mul", ["x", "x"], "p"), node("Neg", ["p"], "n"), node("Add", ["n", "n"], "a"), node("Relu", ["a"], "y")],
      ["y"],
    );
    expect(await found(model, x(2e19, 2))).toMatchObject({ op: "Mul", value: Infinity });
    expect(await found(model, x(1.5e19, 2))).toMatchObject({ op: "Add", value: -Infinity });
  });

  test("a sum of products that overflows, fused with its activation", async () => {
    using model = await network([node("MatMul", ["x", "w"], "a"), node("Relu", ["a"], "b"), node("MatMul", ["b", "w"], "y")], ["y"]);
    const wide = { w: { shape: [2, 2], data: [3e38, 3e38, 3e38, 3e38] } };
    using overflowing = await engine.load(
      encodeModel({
        opset: 17,
        inputs: [{ name: "x", shape: [1, 2] }],
        nodes: [node("MatMul", ["x", "w"], "a"), node("Relu", ["a"], "y")],
        constants: wide,
        outputs: ["y"],
      }),
    );
    expect(await found(model, x(1, 1))).toBeUndefined();
    expect(await found(overflowing, x(-1, -1))).toMatchObject({ op: "MatMul", value: -Infinity });
  });
});

test("an input, by name", async () => {
  using model = await network([node("Relu", ["x"], "y")], ["y"]);
  for (const value of [NaN, Infinity, -Infinity]) {
    const error = await found(model, x(0, 1, value, 3));
    expect(error).toMatchObject({ op: undefined, node: "x", sample: 1, element: 0 });
    expect(error!.message).toMatch(/^input "x" gives (NaN|-?Infinity) at sample 1, element 0/);
  }
});

test("run() and the answers: as without the check", async () => {
  using model = await network([node("MatMul", ["x", "w"], "a"), node("Sqrt", ["a"], "y")], ["y", "a"]);
  const feeds = { x: x(4, 9, 1, 0) };
  expect(await model.run(feeds, { check: "finite" })).toEqual(await model.run(feeds));
  expect(await thrownBy(() => model.run({ x: x(4, -9) }, { check: "finite" }))).toMatchObject({ name: "NonFiniteError", op: "Sqrt" });
  expect(await found(model, x(4, -9))).toMatchObject({ op: "Sqrt", value: NaN });
});

test("with preprocessing, which is part of the network", async () => {
  const proto = encodeModel({
    opset: 17,
    inputs: [{ name: "x", shape: [1, 1, 1, 2] }],
    nodes: [node("Sqrt", ["x"], "r"), node("Relu", ["r"], "y")],
    constants: {},
    outputs: ["y"],
  });
  using model = await engine.load(proto, { preprocessing: { mean: [2], std: [1], layout: "NCHW" } });
  const pixels = (...data: number[]) => ({ shape: [1, 1, 1, 2], data: Float32Array.from(data) });
  (await model.forward(pixels(2, 3), { check: "finite" })).dispose();
  const error = await thrownBy(() => model.forward(pixels(1, 3), { check: "finite" }));
  expect(error).toMatchObject({ name: "NonFiniteError", op: "Sqrt" });
});
