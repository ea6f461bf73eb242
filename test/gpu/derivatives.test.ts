/** Derivatives of whole networks through the public calls: forward, vjp, jvp, jacobian. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Model, NdArray, Tensor } from "../../src/index.ts";
import { ArgumentError, ShapeError } from "../../src/index.ts";
import { numericTangent } from "../reference/derivative.ts";
import { evaluate } from "../reference/evaluate.ts";
import type { TestModel } from "../reference/model.ts";
import { encodeModel } from "../reference/onnx-builder.ts";
import { readModel } from "../reference/onnx-reader.ts";
import { sharedEngine } from "./engine.ts";
import { dot, norm, randomArray, relativeError } from "./numbers.ts";
import { weights, uniform } from "./ops/cases/build.ts";
import type { RandomConstant } from "./ops/cases/build.ts";
import "./ops/matchers.ts";

const filled = ({ shape, low, high }: RandomConstant, seed: number) => ({ shape, data: randomArray(shape, seed, low, high).data });

async function values(tensor: Tensor): Promise<Float32Array> {
  const { data } = await tensor.read();
  tensor.dispose();
  return data;
}

/** Sample i of an array [N, ...]. */
function sample({ shape, data }: NdArray, i: number): NdArray {
  const size = data.length / shape[0]!;
  return { shape: [1, ...shape.slice(1)], data: data.slice(i * size, (i + 1) * size) };
}

const CLASSES = 37;

/** Convolutions, a pool, a residual, a dense layer and a softmax: 37 classes, more than a Jacobian takes at once. */
const classifier: TestModel = {
  opset: 17,
  inputs: [{ name: "x", shape: [1, 2, 9, 7] }],
  nodes: [
    { op: "Conv", inputs: ["x", "w", "b"], outputs: ["c1"], attributes: { pads: [1, 1, 1, 1] } },
    { op: "Relu", inputs: ["c1"], outputs: ["r1"] },
    { op: "MaxPool", inputs: ["r1"], outputs: ["p1"], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    { op: "Conv", inputs: ["p1", "v"], outputs: ["c2"], attributes: { pads: [1, 1, 1, 1] } },
    { op: "Add", inputs: ["c2", "p1"], outputs: ["s"] },
    { op: "Relu", inputs: ["s"], outputs: ["r2"] },
    { op: "Flatten", inputs: ["r2"], outputs: ["f"] },
    { op: "Gemm", inputs: ["f", "d", "e"], outputs: ["scores"], attributes: { transB: 1 } },
    { op: "Softmax", inputs: ["scores"], outputs: ["probabilities"] },
  ],
  constants: {
    w: filled(weights([6, 2, 3, 3]), 1),
    b: filled(uniform([6]), 2),
    v: filled(weights([6, 6, 3, 3]), 3),
    d: filled(weights([CLASSES, 72]), 4),
    e: filled(uniform([CLASSES]), 5),
  },
  outputs: ["probabilities"],
};

describe("a classifier", () => {
  const N = 5;
  const x = randomArray([N, 2, 9, 7], 11);
  const cotangents = randomArray([N, CLASSES], 12);
  let model: Model;

  beforeAll(async () => {
    model = await (await sharedEngine()).load(encodeModel(classifier), { maxBatch: 2 });
  });
  afterAll(() => model.dispose());

  test("the rows of a Jacobian, taken at once and in several rounds, are the single vjps", async () => {
    const whole = await values(await model.jacobian(x, { rows: "all" }));
    for (const row of [0, 15, 16, 31, 32, CLASSES - 1]) {
      const unit = new Float32Array(N * CLASSES);
      for (let s = 0; s < N; s++) unit[s * CLASSES + row] = 1;
      const single = await values(await model.vjp(x, { shape: [N, CLASSES], data: unit }));
      const rows = Array.from({ length: N }, (_, s) => [
        ...whole.subarray((s * CLASSES + row) * 126, (s * CLASSES + row + 1) * 126),
      ]).flat();
      expect(relativeError(rows, single), `row ${row}`).toBeLessThanOrEqual(1e-6);
    }
  });

  test("a list of rows is that part of the Jacobian, in its order", async () => {
    const whole = await values(await model.jacobian(x, { rows: "all", output: "logits" }));
    const list = [36, 0, 17, 17];
    const some = await model.jacobian(x, { rows: list, output: "logits" });
    expect(some.shape).toEqual([N, 4, 2, 9, 7]);
    const found = await values(some);
    for (let s = 0; s < N; s++) {
      list.forEach((row, r) => {
        const expected = whole.subarray((s * CLASSES + row) * 126, (s * CLASSES + row + 1) * 126);
        expect(
          relativeError(found.subarray((s * 4 + r) * 126, (s * 4 + r + 1) * 126), expected),
          `sample ${s}, row ${row}`,
        ).toBeLessThanOrEqual(1e-6);
      });
    }
  });

  test("the top rows follow each sample's own scores", async () => {
    const whole = await values(await model.jacobian(x, { rows: "all", output: "logits" }));
    const scores = await values(await model.logitsOf(x));
    const top = await values(await model.jacobian(x, { rows: "top3", output: "logits" }));
    for (let s = 0; s < N; s++) {
      const own = Array.from(scores.subarray(s * CLASSES, (s + 1) * CLASSES), (score, row) => ({ score, row })).sort(
        (a, b) => b.score - a.score,
      );
      own.slice(0, 3).forEach(({ row }, r) => {
        const expected = whole.subarray((s * CLASSES + row) * 126, (s * CLASSES + row + 1) * 126);
        expect(
          relativeError(top.subarray((s * 3 + r) * 126, (s * 3 + r + 1) * 126), expected),
          `sample ${s}, rank ${r}`,
        ).toBeLessThanOrEqual(1e-6);
      });
    }
  });

  test("a batch equals its singles", async () => {
    const forward = await values(await model.forward(x));
    const gradient = await values(await model.vjp(x, cotangents));
    for (let s = 0; s < N; s++) {
      const [one, direction] = [sample(x, s), sample(cotangents, s)];
      expect(await values(await model.forward(one)), `forward ${s}`).toEqual(forward.subarray(s * CLASSES, (s + 1) * CLASSES));
      expect(await values(await model.vjp(one, direction)), `vjp ${s}`).toEqual(gradient.subarray(s * 126, (s + 1) * 126));
    }
  });

  test("a batch cut into turns equals a batch at once", async () => {
    using roomy = await (await sharedEngine()).load(encodeModel(classifier), { maxBatch: 8 });
    expect(await values(await roomy.forward(x))).toEqual(await values(await model.forward(x)));
    expect(await values(await roomy.vjp(x, cotangents))).toEqual(await values(await model.vjp(x, cotangents)));
    expect(await values(await roomy.jacobian(x, { rows: [3, 4] }))).toEqual(await values(await model.jacobian(x, { rows: [3, 4] })));
  });

  test("the same call gives the same bits, whatever ran before", async () => {
    const first = await values(await model.vjp(x, cotangents));
    await values(await model.jacobian(randomArray([N, 2, 9, 7], 99), { rows: "all" }));
    await values(
      await model.vjp(randomArray([2, 2, 9, 7], 98), sample(cotangents, 0).shape[0] === 1 ? randomArray([2, CLASSES], 97) : cotangents),
    );
    expect(await values(await model.vjp(x, cotangents))).toEqual(first);
  });

  test("<Jv, u> = <v, Jᵀu> for probabilities and for logits", async () => {
    const directions = randomArray([N, 2, 9, 7], 13);
    for (const output of [undefined, "logits"]) {
      const options = output === undefined ? {} : { output };
      const moved = await values(await model.jvp(x, directions, options));
      const gradient = await values(await model.vjp(x, cotangents, options));
      const [left, right] = [dot(moved, cotangents.data), dot(directions.data, gradient)];
      expect(Math.abs(left - right) / Math.abs(left), output ?? "probabilities").toBeLessThan(1e-5);
    }
  });

  test("probabilities differentiate through the softmax of the logits", async () => {
    const scores = await values(await model.logitsOf(x));
    const outer = await values(await model.vjp(x, cotangents));
    const through = new Float32Array(N * CLASSES);
    for (let s = 0; s < N; s++) {
      const line = scores.subarray(s * CLASSES, (s + 1) * CLASSES);
      const e = Array.from(line, (v) => Math.exp(v - Math.max(...line)));
      const total = e.reduce((a, b) => a + b, 0);
      const y = e.map((v) => v / total);
      const v = cotangents.data.subarray(s * CLASSES, (s + 1) * CLASSES);
      through.set(
        y.map((p, i) => p * (v[i]! - dot(y, v))),
        s * CLASSES,
      );
    }
    const inner = await values(await model.vjp(x, { shape: [N, CLASSES], data: through }, { output: "logits" }));
    expect(relativeError(outer, inner)).toBeLessThan(5e-6);
  });

  test("wrong shapes, rows and names are refused in one line", async () => {
    const refusals: readonly [() => Promise<unknown>, new (...args: never[]) => Error, RegExp][] = [
      [() => model.vjp(x, randomArray([N, 5], 1)), ShapeError, /takes \[N, 37\], N ≥ 1, given \[5, 5\]/],
      [() => model.vjp(x, randomArray([2, CLASSES], 1)), ShapeError, /have 5 and 2 samples/],
      [() => model.forward(randomArray([2, 9, 7], 1)), ShapeError, /takes \[N, 2, 9, 7\]/],
      [() => model.forward(x.data as never), ArgumentError, /"x" of \S+ is a Float32Array, expected \{ shape, data \}/],
      [
        () => model.forward({ ...x, data: new Uint8ClampedArray(x.data.length) as never }),
        ShapeError,
        /Float32Array of 630, given Uint8ClampedArray/,
      ],
      [
        () => model.forward({ ...x, data: Array.from(x.data) as never }),
        ArgumentError,
        /is an Object, expected \{ shape, data \} with data in/,
      ],
      [() => model.forward({ ...x, data: x.data.subarray(1) }), ShapeError, /Float32Array of 630, given Float32Array of 629/],
      [() => model.jacobian(x, { rows: [37] }), ArgumentError, /row 37 is not among the 37 outputs/],
      [() => model.jacobian(x, { rows: [] }), ArgumentError, /option "rows" is an empty list/],
      [() => model.vjp(x, cotangents, { output: "scores" }), ArgumentError, /has no output "scores"; it has "probabilities"/],
      [() => model.vjp(x, cotangents, { input: "z" }), ArgumentError, /has no input "z"; it has "x"/],
    ];
    for (const [call, kind, message] of refusals) {
      const error = await call().then(
        () => undefined,
        (reason: Error) => reason,
      );
      expect(error).toBeInstanceOf(kind);
      expect(error!.message).toMatch(message);
      expect(error!.message).not.toContain("\n");
    }
  });

  test("a disposed model gives back all its memory", async () => {
    const engine = await sharedEngine();
    await values(await model.forward(x)); // the readback buffer of this size stays with the engine
    const before = engine.memory();
    const other = await engine.load(encodeModel(classifier));
    for (const tensor of [await other.forward(x), await other.vjp(x, cotangents), await other.jacobian(x, { rows: "top2" })])
      tensor.dispose();
    expect(engine.memory().buffers).toBeGreaterThan(before.buffers);
    other.dispose();
    await new Promise((resolve) => setTimeout(resolve));
    expect(engine.memory()).toMatchObject({ buffers: before.buffers, bytes: before.bytes });
  });
});

describe("unusual graphs", () => {
  const load = async (parts: Omit<TestModel, "opset">) => (await sharedEngine()).load(encodeModel({ opset: 17, ...parts }));
  const x = randomArray([3, 2, 4], 21);
  const input = { name: "x", shape: [1, 2, 4] };

  test("several inputs are run by name; calls that take one array refuse them", async () => {
    using model = await load({
      inputs: [input, { name: "z", shape: [1, 4] }, { name: "idle", shape: [1, 3] }],
      nodes: [
        { op: "Mul", inputs: ["x", "z"], outputs: ["y"] },
        { op: "Neg", inputs: ["idle"], outputs: ["other"] },
      ],
      constants: {},
      outputs: ["y", "other"],
    });
    const result = await model.run({ x, z: randomArray([3, 4], 22), idle: randomArray([3, 3], 23) });
    expect(result["y"]!.shape).toEqual([3, 2, 4]);
    expect([...result["other"]!.data]).toEqual([...randomArray([3, 3], 23).data].map((v) => -v));
    await expect(model.forward(x)).rejects.toThrow(ArgumentError);
    await expect(model.vjp(x, x)).rejects.toThrow('input "z" of test is not given');
    await expect(model.jacobian(x, { rows: [0] })).rejects.toThrow('input "z" of test is not given');
  });

  test("an output that does not depend on the input has derivative 0", async () => {
    using model = await load({
      inputs: [input],
      nodes: [{ op: "Neg", inputs: ["x"], outputs: ["y"] }],
      constants: { k: { shape: [1, 3], data: [1, 2, 3] } },
      outputs: ["y", "k"],
    });
    const gradient = await values(await model.vjp(x, randomArray([3, 3], 24), { output: "k" }));
    expect([...gradient].every((v) => v === 0)).toBe(true);
    expect(gradient.length).toBe(24);
    expect([...(await values(await model.jvp(x, x, { output: "k" })))]).toEqual(Array(9).fill(0));
  });

  test("an output that is the input, or its reshape, hands directions on", async () => {
    using model = await load({
      inputs: [input],
      nodes: [{ op: "Flatten", inputs: ["x"], outputs: ["y"] }],
      constants: {},
      outputs: ["y", "x"],
    });
    const v = randomArray([3, 8], 25);
    expect(await values(await model.forward(x))).toEqual(x.data);
    expect(await values(await model.vjp(x, v))).toEqual(v.data);
    expect(await values(await model.jvp(x, x))).toEqual(x.data);
    expect(await values(await model.vjp(x, x, { output: "x" }))).toEqual(x.data);
    const jacobian = await values(await model.jacobian(x, { rows: "all" }));
    expect([...jacobian]).toEqual(Array.from({ length: 3 * 64 }, (_, i) => Number(Math.floor(i / 8) % 8 === i % 8)));
  });

  test("one output feeds another: each has its own derivative", async () => {
    using model = await load({
      inputs: [input],
      nodes: [
        { op: "Exp", inputs: ["x"], outputs: ["a"] },
        { op: "Mul", inputs: ["a", "x"], outputs: ["b"] },
      ],
      constants: {},
      outputs: ["a", "b"],
    });
    const v = randomArray([3, 2, 4], 26);
    const byA = await values(await model.vjp(x, v, { output: "a" }));
    const byB = await values(await model.vjp(x, v, { output: "b" }));
    expect(
      relativeError(
        byA,
        x.data.map((t, i) => Math.exp(t) * v.data[i]!),
      ),
    ).toBeLessThan(1e-6);
    expect(
      relativeError(
        byB,
        x.data.map((t, i) => Math.exp(t) * (1 + t) * v.data[i]!),
      ),
    ).toBeLessThan(1e-6);
  });

  test("ties in a maximum go to the first pixel; a clamp at its bound passes nothing", async () => {
    using pool = await load({
      inputs: [{ name: "x", shape: [1, 1, 4, 4] }],
      nodes: [{ op: "MaxPool", inputs: ["x"], outputs: ["y"], attributes: { kernel_shape: [3, 3], strides: [1, 1] } }],
      constants: {},
      outputs: ["y"],
    });
    const flat = { shape: [1, 1, 4, 4], data: new Float32Array(16).fill(0.5) };
    const v = { shape: [1, 1, 2, 2], data: Float32Array.of(1, 2, 4, 8) };
    expect([...(await values(await pool.vjp(flat, v)))]).toEqual([1, 2, 0, 0, 4, 8, ...Array<number>(10).fill(0)]);
    const rising = { shape: [1, 1, 4, 4], data: Float32Array.from({ length: 16 }, (_, i) => i) };
    expect([...(await values(await pool.jvp(flat, rising)))]).toEqual([0, 1, 4, 5]);

    using clip = await load({
      inputs: [{ name: "x", shape: [1, 5] }],
      nodes: [
        { op: "Clip", inputs: ["x", "low", "high"], outputs: ["a"] },
        { op: "Relu", inputs: ["a"], outputs: ["y"] },
      ],
      constants: { low: { shape: [], data: [-1] }, high: { shape: [], data: [1] } },
      outputs: ["y"],
    });
    const at = { shape: [1, 5], data: Float32Array.of(-1, 0, 0.5, 1, 2) };
    expect([...(await values(await clip.vjp(at, { shape: [1, 5], data: new Float32Array(5).fill(3) })))]).toEqual([0, 0, 3, 0, 0]);
  });

  test("negative maxima win over padding", async () => {
    using pool = await load({
      inputs: [{ name: "x", shape: [1, 1, 3, 3] }],
      nodes: [{ op: "MaxPool", inputs: ["x"], outputs: ["y"], attributes: { kernel_shape: [2, 2], strides: [2, 2], pads: [1, 1, 0, 0] } }],
      constants: {},
      outputs: ["y"],
    });
    const below = { shape: [1, 1, 3, 3], data: Float32Array.of(-9, -8, -7, -6, -5, -4, -3, -2, -1) };
    expect([...(await values(await pool.forward(below)))]).toEqual([-9, -7, -3, -1]);
  });

  test("preprocessing makes gradients per pixel", async () => {
    const engine = await sharedEngine();
    const file = encodeModel({
      opset: 17,
      inputs: [{ name: "x", shape: [1, 2, 2, 2] }],
      nodes: [{ op: "Exp", inputs: ["x"], outputs: ["y"] }],
      constants: {},
      outputs: ["y"],
    });
    using model = await engine.load(file, { preprocessing: { mean: [0.5, 0.25], std: [0.5, 2], layout: "NCHW" } });
    const pixels = randomArray([2, 2, 2, 2], 27, 0, 1);
    const v = randomArray([2, 2, 2, 2], 28);
    const channel = (i: number) => Math.floor(i / 4) % 2;
    const mean = [0.5, 0.25];
    const std = [0.5, 2];
    const y = Array.from(pixels.data, (p, i) => Math.exp((p - mean[channel(i)]!) / std[channel(i)]!));
    expect(relativeError(await values(await model.forward(pixels)), y)).toBeLessThan(1e-6);
    expect(
      relativeError(
        await values(await model.vjp(pixels, v)),
        y.map((t, i) => (t * v.data[i]!) / std[channel(i)]!),
      ),
    ).toBeLessThan(1e-6);
  });

  test("more elements than one row of workgroups covers", async () => {
    const size = 4_200_000; // 65,625 workgroups of 64
    using model = await load({
      inputs: [{ name: "x", shape: [1, size] }],
      nodes: [{ op: "Mul", inputs: ["x", "x"], outputs: ["y"] }],
      constants: {},
      outputs: ["y"],
    });
    const data = Float32Array.from({ length: size }, (_, i) => (i % 4093) - 2000);
    const y = await values(await model.forward({ shape: [1, size], data }));
    expect(y.findIndex((value, i) => value !== data[i]! ** 2)).toBe(-1);
  });
});

describe.each(["lenet", "fc500-150"])("the embedded %s against double precision", (name) => {
  const bytes = new Uint8Array(readFileSync(fileURLToPath(new URL(`../../models/${name}.onnx`, import.meta.url))));
  const reference = readModel(bytes);
  const { name: input, shape } = reference.inputs[0]!;
  const SAMPLES = 2;
  const CLASS_COUNT = 10;
  let model: Model;
  let samples: NdArray[];

  beforeAll(async () => {
    model = await (await sharedEngine()).load(bytes);
    // Noise instead of digits: a digit's flat background ties every pool, where there is no derivative to compare.
    samples = [];
    for (let seed = 1; samples.length < SAMPLES && seed < 100; seed++) {
      const candidate = randomArray(shape, seed, 0, 1);
      if (evaluate(reference, { [input]: candidate.data }, { bounds: false }).margin > 1e-5) samples.push(candidate);
    }
    expect(samples.length).toBe(SAMPLES);
  });
  afterAll(() => model.dispose());

  const batch = () => ({ shape: [SAMPLES, ...shape.slice(1)], data: Float32Array.from(samples.flatMap(({ data }) => [...data])) });

  test("forward", async () => {
    const found = await values(await model.forward(batch()));
    samples.forEach(({ data }, s) => {
      expect(found.subarray(s * CLASS_COUNT, (s + 1) * CLASS_COUNT)).toMatchReference(evaluate(reference, { [input]: data }).outputs[0]!);
    });
  });

  test("Jacobian, vjp and jvp along random directions", async () => {
    const x = batch();
    const size = x.data.length / SAMPLES;
    const jacobian = await values(await model.jacobian(x, { rows: "all" }));
    for (let seed = 50; seed < 53; seed++) {
      const directions = randomArray(x.shape, seed);
      const moved = await values(await model.jvp(x, directions));
      samples.forEach(({ data }, s) => {
        const direction = directions.data.subarray(s * size, (s + 1) * size);
        const expected = numericTangent(
          reference,
          { [input]: data },
          input,
          direction.map((d) => d / norm(direction)),
        );
        const length = norm(direction);
        const rows = Array.from(
          { length: CLASS_COUNT },
          (_, r) => dot(jacobian.subarray((s * CLASS_COUNT + r) * size, (s * CLASS_COUNT + r + 1) * size), direction) / length,
        );
        expect(relativeError(rows, expected), `Jacobian, sample ${s}`).toBeLessThan(1e-5);
        expect(
          relativeError(
            moved.subarray(s * CLASS_COUNT, (s + 1) * CLASS_COUNT).map((m) => m / length),
            expected,
          ),
          `jvp, sample ${s}`,
        ).toBeLessThan(1e-5);
      });
    }
    const cotangents = randomArray([SAMPLES, CLASS_COUNT], 60);
    const gradient = await values(await model.vjp(x, cotangents));
    for (let s = 0; s < SAMPLES; s++) {
      const combined = new Float64Array(size);
      for (let r = 0; r < CLASS_COUNT; r++) {
        for (let i = 0; i < size; i++) combined[i]! += cotangents.data[s * CLASS_COUNT + r]! * jacobian[(s * CLASS_COUNT + r) * size + i]!;
      }
      expect(relativeError(gradient.subarray(s * size, (s + 1) * size), combined), `vjp, sample ${s}`).toBeLessThan(2e-6);
    }
  });
});
