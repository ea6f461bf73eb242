/** Data are taken when a call is made: what happens to the caller's memory afterwards changes nothing. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deepfool, evaluate, labelsOf, project, universalPerturbation } from "../../../src/index.ts";
import type { Engine, Model, NdArray, Tensor } from "../../../src/index.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { randomArray } from "../numbers.ts";
import { copyOf, digits, expectWorks, freshEngine, lenet, numbersOf, thrownBy } from "./support.ts";

let engine: Engine;
let other: Engine;
/** Has compiled what it needs. */
let warm: Model;
let theirs: Model;

beforeAll(async () => {
  engine = await freshEngine();
  other = await freshEngine();
  warm = await engine.load(lenet);
  theirs = await other.load(lenet);
});

afterAll(() => {
  engine.dispose();
  other.dispose();
});

const twoInputs = encodeModel({
  opset: 17,
  inputs: [
    { name: "a", shape: [1, 3] },
    { name: "b", shape: [1, 3] },
  ],
  nodes: [{ op: "Mul", inputs: ["a", "b"], outputs: ["y"], attributes: {} }],
  constants: {},
  outputs: ["y"],
});

type Call = (model: Model, arrays: readonly NdArray[]) => Promise<unknown>;

const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, part: unknown) =>
      /seconds/i.test(key) ? undefined : ArrayBuffer.isView(part) ? [...(part as Uint8Array)] : part,
    ),
  );

/** Calls with the arrays they take. */
const calls: readonly [string, () => NdArray[], Call][] = [
  ["forward", () => [digits(2)], (m, [x]) => numbersOf(m.forward(x!))],
  ["forward in many turns", () => [digits(150)], (m, [x]) => numbersOf(m.forward(x!))],
  ["forward with check", () => [digits(2)], (m, [x]) => numbersOf(m.forward(x!, { check: "finite" }))],
  ["run", () => [digits(2)], async (m, [x]) => plain(await m.run({ [m.inputs[0]!.name]: x! }))],
  ["logitsOf", () => [digits(2)], (m, [x]) => numbersOf(m.logitsOf(x!))],
  ["vjp", () => [digits(2), randomArray([2, 10], 3)], (m, [x, c]) => numbersOf(m.vjp(x!, c!))],
  ["vjp in many turns", () => [digits(150), randomArray([150, 10], 3)], (m, [x, c]) => numbersOf(m.vjp(x!, c!))],
  ["jvp", () => [digits(2), digits(2, 3)], (m, [x, t]) => numbersOf(m.jvp(x!, t!))],
  ["jacobian", () => [digits(40)], (m, [x]) => numbersOf(m.jacobian(x!, { rows: [3, 4] }))],
  ["jacobian of top rows", () => [digits(3)], (m, [x]) => numbersOf(m.jacobian(x!, { rows: "top2" }))],
  ["labelsOf", () => [digits(300)], async (m, [x]) => [...(await labelsOf(m, x!))]],
  ["deepfool", () => [digits(3)], async (m, [x]) => plain(await deepfool(m, x!))],
  [
    "universalPerturbation",
    () => [digits(4), digits(3, 9)],
    async (m, [x, validation]) => plain(await universalPerturbation(m, x!, { radius: 0.5, maxPasses: 2, validation: validation! })),
  ],
  [
    "evaluate",
    () => [digits(4), randomArray([1, 28, 28], 8, -0.3, 0.3)],
    async (m, [x, v]) => plain(await evaluate(m, x!, v!, { clip: [0, 1], draws: 2 })),
  ],
];

describe.each(calls)("%s", (_, make, call) => {
  let expected: unknown;
  beforeAll(async () => {
    expected = await call(warm, make());
  });

  test("arrays are written over after the call, programs being compiled", async () => {
    expect(await call(warm, make())).toEqual(expected);
    const arrays = make();
    const pending = call(warm, arrays);
    for (const { data } of arrays) data.fill(7);
    expect(await pending).toEqual(expected);
  });

  test("on a model that compiles first", async () => {
    using cold = await engine.load(lenet);
    const arrays = make();
    const pending = call(cold, arrays);
    for (const { data } of arrays) data.fill(NaN);
    expect(await pending).toEqual(expected);
  });

  test("shapes are changed, and memory is handed to a worker", async () => {
    const arrays = make();
    const pending = call(warm, arrays);
    for (const { shape, data } of arrays) {
      (shape as number[])[0] = 0;
      structuredClone(data, { transfer: [data.buffer] });
    }
    expect(await pending).toEqual(expected);
  });

  test("three calls with one array, refilled in between", async () => {
    const arrays = make();
    const first = call(warm, arrays);
    const others = make().map(({ data }) => data.map((v) => v / 2));
    arrays.forEach(({ data }, i) => data.set(others[i]!));
    const second = call(warm, arrays);
    arrays.forEach(({ data }) => data.fill(0));
    expect(await first).toEqual(expected);
    const halved = make().map(({ shape }, i) => ({ shape, data: others[i]! }));
    expect(await second).toEqual(await call(warm, halved));
  });

  test("memory that is shared, or can be resized", async () => {
    for (const buffer of [
      (bytes: number) => new SharedArrayBuffer(bytes),
      (bytes: number) => new (ArrayBuffer as new (...given: unknown[]) => ArrayBuffer)(bytes, { maxByteLength: 2 * bytes }),
    ]) {
      const arrays = make().map(({ shape, data }) => {
        const there = new Float32Array(buffer(data.byteLength) as ArrayBuffer);
        there.set(data);
        return { shape, data: there };
      });
      const pending = call(warm, arrays);
      for (const { data } of arrays) data.fill(3);
      expect(await pending).toEqual(expected);
    }
  });

  test("memory that is gone is refused by name", async () => {
    const arrays = make();
    for (const { data } of arrays) structuredClone(data, { transfer: [data.buffer] });
    expect((await thrownBy(() => call(warm, arrays))).name).toMatch(/^(ShapeError|ArgumentError)$/);
    await expectWorks(warm);
  });
});

describe("other inputs", () => {
  test("options.inputs", async () => {
    using model = await engine.load(twoInputs);
    const [a, b, c] = [randomArray([2, 3], 1), randomArray([2, 3], 2), randomArray([2, 3], 3)];
    const expected = await numbersOf(model.vjp(a, c, { inputs: { b } }));
    const given = copyOf(b);
    const pending = model.vjp(a, c, { inputs: { b: given } });
    given.data.fill(0);
    expect(await numbersOf(pending)).toEqual(expected);
    expect((await thrownBy(() => model.vjp(a, c, { inputs: { b: null as never } }))).name).toBe("ArgumentError");
    expect((await thrownBy(() => model.vjp(a, c))).message).toMatch(/input "b" of .* is not given/);
  });

  test("the bytes of a model", async () => {
    const expected = await numbersOf(warm.forward(digits(1)));
    for (const bytes of [lenet.slice(), lenet.slice().buffer]) {
      const loading = engine.load(bytes);
      new Uint8Array(bytes as ArrayBuffer).fill(0);
      using model = await loading;
      if (ArrayBuffer.isView(bytes)) bytes.fill(0);
      expect(await numbersOf(model.forward(digits(1)))).toEqual(expected);
    }
    const shared = new Uint8Array(new SharedArrayBuffer(lenet.length));
    shared.set(lenet);
    using model = await engine.load(shared);
    shared.fill(0);
    expect(await numbersOf(model.forward(digits(1)))).toEqual(expected);
  });

  test("numbers of a constant, and of a file beside the model", async () => {
    const b = randomArray([1, 3], 2);
    const loading = engine.load(twoInputs, { constants: { b } });
    b.data.fill(0);
    using model = await loading;
    b.data.fill(1);
    const a = randomArray([1, 3], 1);
    const right = randomArray([1, 3], 2).data;
    expect(await numbersOf(model.forward(a))).toEqual([...a.data].map((v, i) => Math.fround(v * right[i]!)));
  });
});

describe("tensors as inputs", () => {
  const takers: readonly [string, (model: Model, tensor: Tensor) => Promise<unknown>][] = [
    ["forward", (m, t) => m.forward(t)],
    ["logitsOf", (m, t) => m.logitsOf(t)],
    ["vjp, as input", (m, t) => m.vjp(t, randomArray([1, 10], 1))],
    ["vjp, as cotangent", (m, t) => m.vjp(digits(1), t)],
    ["jvp, as tangent", (m, t) => m.jvp(digits(1), t)],
    ["jacobian", (m, t) => m.jacobian(t, { rows: [0] })],
  ];

  test.each(takers)("of another engine: %s", async (_, call) => {
    const tensor = await theirs.vjp(digits(1), randomArray([1, 10], 1));
    const error = await thrownBy(() => call(warm, tensor));
    expect(error.name).toBe("ArgumentError");
    expect(error.message).toMatch(/belongs to another engine/);
    await expectWorks(warm);
    await expectWorks(theirs);
  });

  test.each(takers)("disposed of before: %s", async (_, call) => {
    const tensor = await warm.vjp(digits(1), randomArray([1, 10], 1));
    tensor.dispose();
    expect((await thrownBy(() => call(warm, tensor))).name).toBe("DisposedError");
    expect((await thrownBy(() => tensor.read())).name).toBe("DisposedError");
    await expectWorks(warm);
  });

  test("disposed of after the call, while another tensor takes memory of that size", async () => {
    const make = () => warm.vjp(digits(1), randomArray([1, 10], 1));
    const expected = await numbersOf(warm.forward(await make()));
    for (const model of [warm, await engine.load(lenet)]) {
      const tensor = await make();
      const pending = model.forward(tensor);
      tensor.dispose();
      const later = await Promise.all([1, 2, 3].map((seed) => warm.vjp(digits(1, seed), randomArray([1, 10], seed))));
      expect(await numbersOf(pending)).toEqual(expected);
      later.forEach((each) => each.dispose());
    }
  });
});

describe("what is no input", () => {
  class ImageData {
    readonly width = 28;
    readonly height = 28;
    readonly data = new Uint8ClampedArray(28 * 28 * 4);
  }
  const values: readonly [string, unknown][] = [
    ["undefined", undefined],
    ["null", null],
    ["a number", 3],
    ["a text", "digits"],
    ["an array", [[0, 1]]],
    ["a Float32Array", new Float32Array(784)],
    ["an ImageData", new ImageData()],
    ["a promise of a tensor", Promise.resolve({})],
    ["a shape that is no list", { shape: 784, data: new Float32Array(784) }],
    ["a shape with fractions", { shape: [1.5, 1, 28, 28], data: new Float32Array(1176) }],
    ["a shape with NaN", { shape: [NaN, 1, 28, 28], data: new Float32Array(784) }],
    ["a negative shape", { shape: [-1, -1, 28, 28], data: new Float32Array(784) }],
    ["data without a shape", { data: new Float32Array(784) }],
    ["a shape without data", { shape: [1, 1, 28, 28] }],
    ["doubles", { shape: [1, 1, 28, 28], data: new Float64Array(784) }],
    ["bytes", { shape: [1, 1, 28, 28], data: new Uint8Array(784) }],
    ["a DataView", { shape: [1, 1, 28, 28], data: new DataView(new ArrayBuffer(3136)) }],
    ["too few numbers", { shape: [1, 1, 28, 28], data: new Float32Array(783) }],
    ["no images", { shape: [0, 1, 28, 28], data: new Float32Array(0) }],
    ["another layout", { shape: [1, 28, 28, 1], data: new Float32Array(784) }],
    ["no batch axis", { shape: [1, 28, 28], data: new Float32Array(784) }],
  ];
  const c = randomArray([1, 10], 1);
  const takers: readonly [string, (value: never) => unknown][] = [
    ["forward", (v) => warm.forward(v)],
    ["run", (v) => warm.run({ [warm.inputs[0]!.name]: v })],
    ["logitsOf", (v) => warm.logitsOf(v)],
    ["vjp", (v) => warm.vjp(v, c)],
    ["jvp, tangent", (v) => warm.jvp(digits(1), v)],
    ["jacobian", (v) => warm.jacobian(v, { rows: "all" })],
    ["labelsOf", (v) => labelsOf(warm, v)],
    ["deepfool", (v) => deepfool(warm, v)],
    ["universalPerturbation", (v) => universalPerturbation(warm, v, { radius: 1 })],
    ["evaluate", (v) => evaluate(warm, v, randomArray([1, 28, 28], 1))],
  ];

  test.each(takers)("%s names it", async (_, call) => {
    for (const [what, value] of values) {
      const error = await thrownBy(() => call(value as never));
      expect(error.name, `${what}: ${error.message}`).toMatch(/^(ArgumentError|ShapeError)$/);
      expect(error.message).not.toMatch(/undefined is not|Cannot read|not a function|not iterable/);
    }
    await expectWorks(warm);
  });

  test("a perturbation of another shape with as many numbers", async () => {
    for (const shape of [[28, 28, 1], [784], [1, 1, 28, 28]]) {
      const v = { shape, data: new Float32Array(784) };
      expect((await thrownBy(() => evaluate(warm, digits(2), v))).name).toBe("ShapeError");
    }
    expect((await thrownBy(() => evaluate(warm, digits(2), undefined as never))).name).toBe("ArgumentError");
    expect((await thrownBy(() => project(undefined as never, { radius: 1, norm: 2 }))).name).toBe("ArgumentError");
  });

  test("a model that is none", async () => {
    for (const model of [undefined, null, {}, engine, lenet]) {
      for (const call of [
        () => deepfool(model as never, digits(1)),
        () => universalPerturbation(model as never, digits(1), { radius: 1 }),
        () => evaluate(model as never, digits(1), digits(1)),
        () => labelsOf(model as never, digits(1)),
      ])
        expect((await thrownBy(call)).name).toBe("ArgumentError");
    }
    for (const bytes of [undefined, null, "lenet.onnx", [1, 2], new Float32Array(4), new Blob([])])
      expect((await thrownBy(() => engine.load(bytes as never))).name).toBe("ArgumentError");
  });
});
