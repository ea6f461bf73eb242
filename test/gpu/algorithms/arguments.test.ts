/** What attacks refuse, by name and before any work; and that what they are given is taken when they are called. */
import { describe, expect, test } from "vitest";
import { deepfool, evaluate, labelsOf, project, universalPerturbation } from "../../../src/index.ts";
import type { Model, NdArray } from "../../../src/index.ts";
import { load, oneDirection } from "./closed-forms.ts";

const x: NdArray = { shape: [3, 2], data: Float32Array.of(-1, -1, 1, 3, -2, 0) };
const v: NdArray = { shape: [2], data: Float32Array.of(0.5, 0.5) };

/** Each function with everything right but what a case changes. */
const calls = {
  deepfool: (model: Model, images: NdArray, options: object) => deepfool(model, images, options),
  universalPerturbation: (model: Model, images: NdArray, options: object) =>
    universalPerturbation(model, images, { radius: 1, ...options }),
  evaluate: (model: Model, images: NdArray, options: object) => evaluate(model, images, v, options),
};
type Name = keyof typeof calls;
const every = Object.keys(calls) as Name[];

const steps: [string, unknown][] = [
  ...[-1, 0.1, 0, NaN, Infinity, "2"].map((value): [string, unknown] => ["batch", value]),
  ...[-1, NaN, Infinity, "0.1", null].map((value): [string, unknown] => ["overshoot", value]),
  ...[0, 1, 2.5, NaN, Infinity].map((value): [string, unknown] => ["candidates", value]),
  ...[0, -3, 1.5, NaN, Infinity].map((value): [string, unknown] => ["maxIterations", value]),
  ...["x", "toString", 1].map((value): [string, unknown] => ["rule", value]),
  ...[1, 3, "2", NaN, -Infinity].map((value): [string, unknown] => ["norm", value]),
  ["onProgress", 1],
  ["signal", {}],
];
const wrong: Record<Name, [string, unknown][]> = {
  deepfool: [...steps, ["refine", 1], ["refineSteps", 0], ["refineSteps", Infinity]],
  universalPerturbation: [
    ...steps,
    ...[0, -1, NaN, Infinity].map((value): [string, unknown] => ["radius", value]),
    ["stepNorm", 1],
    ...[0, 1.1, NaN].map((value): [string, unknown] => ["targetFoolingRate", value]),
    ...[0, 1.5, Infinity].map((value): [string, unknown] => ["maxPasses", value]),
    ...[-1, 2 ** 32, 0.5].map((value): [string, unknown] => ["seed", value]),
    ["acceptIterations", -1],
  ],
  evaluate: [
    ...[[1, 0], [0, 0], [0, NaN], [0, Infinity], [0], [0, 1, 2], 3, "01"].map((value): [string, unknown] => ["clip", value]),
    ...[1, 0, 2.5, NaN].map((value): [string, unknown] => ["levels", value]),
    ...[-1, 2 ** 32, NaN].map((value): [string, unknown] => ["seed", value]),
    ...[0, -1, Infinity].map((value): [string, unknown] => ["draws", value]),
    ["norm", 1],
    ["signal", 1],
  ],
};

describe("options", () => {
  for (const name of every) {
    test(`${name}: each field's range`, async () => {
      using model = await load(oneDirection);
      for (const [option, value] of wrong[name]) {
        const call = calls[name](model, x, { [option]: value });
        await expect(call, `${option} ${String(value)}`).rejects.toMatchObject({ name: "ArgumentError" });
        await expect(calls[name](model, x, { [option]: value })).rejects.toThrow(`${name}: option "${option}" is `);
      }
      await expect(calls[name](model, x, { adapter: "gpu" })).rejects.toThrow(`${name}: there is no option "adapter"`);
      await expect(calls[name](model, x, { [wrong[name][0]![0]]: undefined })).resolves.toBeDefined();
    });
  }
  test("universalPerturbation takes a radius", async () => {
    using model = await load(oneDirection);
    await expect(universalPerturbation(model, x, {} as never)).rejects.toThrow('universalPerturbation: "radius" is undefined');
  });
  test("project takes a norm and a radius", () => {
    for (const options of [undefined, null, {}, { norm: 2 }, { radius: 1 }, { norm: 1, radius: 1 }, { norm: 2, radius: Infinity }])
      expect(() => project(v, options as never)).toThrow(expect.objectContaining({ name: "ArgumentError" }) as Error);
  });
});

describe("arrays", () => {
  const image = { width: 1, height: 1, data: new Uint8ClampedArray(4) };
  const notArrays: unknown[] = [undefined, null, 3, "x", [], [1, 2], {}, image, { shape: [1, 2] }, { shape: [1, 2], data: [1, 2] }, { shape: [-1, 2], data: x.data }]; // prettier-ignore
  const shapes: NdArray[] = [
    { shape: [1, 3], data: new Float32Array(3) },
    { shape: [2], data: new Float32Array(2) },
    { shape: [0, 2], data: new Float32Array(0) },
    { shape: [1, 1, 2], data: new Float32Array(2) },
    { shape: [2, 2], data: new Float32Array(2) },
    { shape: [1, 2], data: new Float64Array(2) as never },
  ];
  for (const name of every) {
    test(`${name}: what is no array, and what has another shape`, async () => {
      using model = await load(oneDirection);
      for (const value of notArrays) await expect(calls[name](model, value as never, {})).rejects.toMatchObject({ name: "ArgumentError" });
      for (const value of shapes) await expect(calls[name](model, value, {})).rejects.toMatchObject({ name: "ShapeError" });
      const tensor = await model.forward(x);
      await expect(calls[name](model, tensor as never, {})).rejects.toMatchObject({ name: "ArgumentError" });
      tensor.dispose();
    });
    test(`${name}: what is no model`, async () => {
      for (const value of [undefined, null, {}, "lenet.onnx"])
        await expect(calls[name](value as never, x, {})).rejects.toThrow(`${name}: model is `);
    });
    test(`${name}: NaN and infinity, by image and element`, async () => {
      using model = await load(oneDirection);
      for (const value of [NaN, Infinity, -Infinity]) {
        const bad = { shape: [3, 2], data: x.data.slice().fill(value, 5, 6) };
        await expect(calls[name](model, bad, {})).rejects.toThrow(`${value} at image 2, element 1`);
      }
    });
  }
  test("perturbations, validation images, and what is projected", async () => {
    using model = await load(oneDirection);
    const bad = { shape: [2], data: Float32Array.of(0, NaN) };
    await expect(evaluate(model, x, bad)).rejects.toThrow("evaluate: perturbation is NaN at element 1");
    const validation = { shape: [1, 2], data: bad.data };
    await expect(universalPerturbation(model, x, { radius: 1, validation })).rejects.toThrow("validation is NaN at image 0, element 1");
    await expect(universalPerturbation(model, x, { radius: 1, validation: null as never })).rejects.toThrow("validation is null");
    await expect(labelsOf(model, { shape: [1, 2], data: bad.data })).rejects.toThrow("labelsOf: images is NaN");
    expect(() => project(bad, { norm: 2, radius: 1 })).toThrow("project: v is NaN at element 1");
    expect(() => project({ shape: [3], data: v.data }, { norm: 2, radius: 1 })).toThrow("project: v of shape [3]");
  });
});

describe("data belong to the call", () => {
  const expected = async (run: (images: NdArray) => Promise<unknown>, images: NdArray) => {
    const right = await run({ shape: images.shape, data: images.data.slice() });
    const given = { shape: images.shape, data: images.data.slice() };
    const call = run(given);
    given.data.fill(9);
    expect(await call).toEqual(right);
    const shared = new Float32Array(new SharedArrayBuffer(4 * images.data.length));
    shared.set(images.data);
    expect(await run({ shape: images.shape, data: shared })).toEqual(right);
  };
  test("arrays that are filled after the call, and shared memory", async () => {
    using model = await load(oneDirection);
    await expected(async (images) => (await deepfool(model, images)).perturbations.data, x);
    await expected(async (images) => (await universalPerturbation(model, images, { radius: 1 })).perturbation.data, x);
    await expected(async (images) => (await evaluate(model, images, v)).raw, x);
    await expected(async (perturbation) => (await evaluate(model, x, perturbation)).raw, v);
    await expected((images) => labelsOf(model, images), x);
  });
});
