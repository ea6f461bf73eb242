/**
 * Weights stored as f16: every kernel that reads weights, forward and adjoint, against the reference of the rounded network;
 * what is rounded, what it saves, and what it is refused for. Where the adapter has no f16, that it is refused.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeDigits } from "../../src/data/digits.ts";
import { deepfool } from "../../src/index.ts";
import type { Model } from "../../src/index.ts";
import { sizeOf } from "../reference/model.ts";
import type { TestModel } from "../reference/model.ts";
import { encodeModel } from "../reference/onnx-builder.ts";
import { sharedEngine } from "./engine.ts";
import { dot, randomArray, relativeError } from "./numbers.ts";
import { convolution, transposed } from "./ops/cases/conv.ts";
import { gemms, products } from "./ops/cases/matmul.ts";
import { testHalved } from "./ops/check-case.ts";
import { withHalvedWeights } from "./ops/halved-weights.ts";
import { convVariants, halved, productVariants } from "./ops/variant.ts";

const engine = await sharedEngine();
const lenet = new Uint8Array(readFileSync(new URL("../../models/lenet.onnx", import.meta.url)));

/** Two convolutions, of which the first has a weight of the given size, and a dense layer. */
function network(largest: number): TestModel {
  const weights = (shape: readonly number[], seed: number) => ({ shape, data: randomArray(shape, seed, -0.3, 0.3).data });
  const first = weights([8, 3, 3, 3], 1);
  first.data[5] = largest;
  return {
    opset: 17,
    inputs: [{ name: "x", shape: [1, 3, 8, 8] }],
    nodes: [
      { op: "Conv", inputs: ["x", "u"], outputs: ["a"], attributes: { pads: [1, 1, 1, 1] } },
      { op: "Relu", inputs: ["a"], outputs: ["b"] },
      { op: "Conv", inputs: ["b", "v", "bias"], outputs: ["c"], attributes: { strides: [2, 2], pads: [1, 1, 1, 1] } },
      { op: "Flatten", inputs: ["c"], outputs: ["d"] },
      { op: "Gemm", inputs: ["d", "w"], outputs: ["y"], attributes: { transB: 1 } },
    ],
    constants: { u: first, v: weights([16, 8, 3, 3], 2), bias: weights([16], 3), w: weights([12, 256], 4) },
    outputs: ["y"],
  };
}

async function forward(model: Model, samples = 3): Promise<Float32Array> {
  using y = await model.forward(randomArray([samples, ...model.inputs[0]!.shape], 5));
  return (await y.read()).data;
}

/** The largest of every ten logits. */
function labels(logits: Float32Array): number[] {
  return Array.from({ length: logits.length / 10 }, (_, i) => {
    const row = logits.subarray(10 * i, 10 * i + 10);
    return row.indexOf(Math.max(...row));
  });
}

/** Bytes of the weights of a model that is loaded, by what running it adds to the engine's memory. */
async function bytesToRun(model: Model): Promise<number> {
  const before = engine.memory().bytes;
  using _ = await model.forward(randomArray([1, ...model.inputs[0]!.shape], 6));
  return engine.memory().bytes - before;
}

if (!engine.adapter.features.includes("shader-f16")) {
  test("an adapter without f16 refuses, and says what to do", async () => {
    await expect(engine.load(lenet, { weights: "f16" })).rejects.toThrow(
      /lacks the feature "shader-f16"; load the model with weights "f32"/,
    );
  });
} else {
  const unscaled = <T extends { nodes: readonly { op: string }[] }>(cases: readonly T[]) =>
    cases.filter(({ nodes }) => nodes.every(({ op }) => op !== "BatchNormalization" && op !== "Div"));
  // All cases, and all variants, but not all of both, which ops/*.test.ts has for f32: every variant takes a third of the cases.
  const inThirds = (op: string, cases: Parameters<typeof testHalved>[1], variants: Parameters<typeof testHalved>[2]) =>
    variants.forEach((variant, k) => {
      const third = unscaled(cases).filter((_, i) => i % 3 === k % 3);
      testHalved(op, third, [halved(variant)]);
    });
  inThirds("Conv", convolution, convVariants);
  inThirds("ConvTranspose", transposed, convVariants);
  inThirds("MatMul", products, productVariants);
  inThirds("Gemm", gemms, productVariants);

  describe("a model loaded with weights f16", () => {
    test("is the rounded network, bit for bit: its answers and its derivatives", async () => {
      using half = await engine.load(encodeModel(network(0.1)), { weights: "f16" });
      using rounded = await engine.load(encodeModel(withHalvedWeights(network(0.1))));
      expect(await forward(half)).toEqual(await forward(rounded));
      const x = randomArray([3, 3, 8, 8], 7);
      for (const call of ["vjp", "jvp"] as const) {
        const direction = randomArray(call === "vjp" ? [3, 12] : [3, 3, 8, 8], 8);
        using found = await half[call](x, direction);
        using expected = await rounded[call](x, direction);
        expect((await found.read()).data, call).toEqual((await expected.read()).data);
      }
    });

    test("differs from the file's network by a rounding of 11 bits, and not by less", async () => {
      using half = await engine.load(encodeModel(network(0.1)), { weights: "f16" });
      using plain = await engine.load(encodeModel(network(0.1)));
      const error = relativeError(await forward(half), await forward(plain));
      expect(error).toBeGreaterThan(2 ** -16);
      expect(error).toBeLessThan(2 ** -10);
    });

    test("keeps the labels of LeNet's digits, and moves their logits by less than a thousandth", async () => {
      const file = (name: string) => new URL(`../../models/${name}`, import.meta.url);
      const { images } = decodeDigits(readFileSync(file("mnist-digits.json"), "utf8"), readFileSync(file("mnist-digits.bin"))).heldOut;
      using half = await engine.load(lenet, { weights: "f16" });
      using plain = await engine.load(lenet);
      using y = await half.forward(images);
      using z = await plain.forward(images);
      const [found, expected] = [(await y.read()).data, (await z.read()).data];
      expect(relativeError(found, expected)).toBeLessThan(1e-3);
      expect(labels(found)).toEqual(labels(expected));
    });

    test("its derivatives are each other's adjoints to f32's accuracy, through every layer of LeNet", async () => {
      using model = await engine.load(lenet, { weights: "f16" });
      const x = randomArray([4, 1, 28, 28], 9, 0, 1);
      const [u, v] = [randomArray(x.shape, 10), randomArray([4, 10], 11)];
      using tangent = await model.jvp(x, u);
      using cotangent = await model.vjp(x, v);
      const [moved, gradient] = [(await tangent.read()).data, (await cotangent.read()).data];
      const terms = dot(moved.map(Math.abs), v.data.map(Math.abs));
      expect(Math.abs(dot(moved, v.data) - dot(u.data, gradient)) / terms).toBeLessThan(2e-6);
    });

    test("a batch equals its samples one by one", async () => {
      using model = await engine.load(lenet, { weights: "f16" });
      const x = randomArray([3, 1, 28, 28], 12, 0, 1);
      using all = await model.forward(x);
      const { data } = await all.read();
      for (let s = 0; s < 3; s++) {
        using one = await model.forward({ shape: [1, 1, 28, 28], data: x.data.subarray(s * 784, (s + 1) * 784) });
        expect((await one.read()).data).toEqual(data.subarray(s * 10, (s + 1) * 10));
      }
    });

    test("attacks run on it: DeepFool's pictures change its label", async () => {
      using model = await engine.load(lenet, { weights: "f16" });
      const found = await deepfool(model, randomArray([3, 1, 28, 28], 13, 0, 1));
      expect(found.status).toEqual(["fooled", "fooled", "fooled"]);
    });

    test("takes half of the weights' memory, and says so", async () => {
      using plain = await engine.load(lenet);
      using half = await engine.load(lenet, { weights: "f16" });
      const [f32, f16] = [plain.describe(), half.describe()];
      expect(f32.weightBytesByType).toEqual({ f32: f32.weightBytes, f16: 0 });
      expect(f16.weightBytes).toBe(f16.weightBytesByType.f32 + f16.weightBytesByType.f16);
      // What stays are the biases.
      expect(f16.weightBytesByType.f32).toBeLessThan(0.02 * f32.weightBytes);
      expect(f16.weightBytesByType.f16).toBe((f32.weightBytes - f16.weightBytesByType.f32) / 2);
      expect(f16.memoryBytes).toBe(f32.memoryBytes);
      // Packed weights are padded to whole vec4 and to the offsets of bindings.
      const saved = (await bytesToRun(plain)) - (await bytesToRun(half));
      expect(saved / f16.weightBytesByType.f16).toBeGreaterThan(0.95);
      expect(saved / f16.weightBytesByType.f16).toBeLessThan(1.05);
    });

    test.each([65_520, -1e6])("weights with %d among them stay f32, which is noted, and nothing is infinite", async (largest) => {
      using half = await engine.load(encodeModel(network(largest)), { weights: "f16" });
      const { notes, weightBytesByType } = half.describe();
      expect(notes).toContain('weights that stay f32, because f16 ends at ±65504: "u"');
      expect(weightBytesByType).toEqual({ f32: 4 * (sizeOf([8, 3, 3, 3]) + 16), f16: 2 * (sizeOf([16, 8, 3, 3]) + sizeOf([12, 256])) });
      const model = network(largest);
      const rounded = withHalvedWeights(model);
      const mixed = { ...rounded, constants: { ...rounded.constants, u: model.constants["u"]! } };
      using expected = await engine.load(encodeModel(mixed));
      const found = await forward(half);
      expect(found.every(Number.isFinite)).toBe(true);
      expect(found).toEqual(await forward(expected));
    });

    test("the largest f16 is still stored as one", async () => {
      using half = await engine.load(encodeModel(network(65_519)), { weights: "f16" });
      expect(half.describe().notes.filter((note) => note.includes("f16"))).toEqual([]);
      expect((await forward(half)).every(Number.isFinite)).toBe(true);
    });
  });
}
