/** Quantised networks whose numbers are of few bits: rounding on the GPU, packed weights in blocks, straight-through derivatives. */
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import { expect, test } from "vitest";
import { SMALL_FLOATS } from "../../../src/kernels/element-types.ts";
import { roundToSmallFloat } from "../../../src/kernels/rare/rounding.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import type { TestNode } from "../../reference/model.ts";
import { sharedEngine } from "../engine.ts";
import { randomArray } from "../numbers.ts";

function modelOf(shape: readonly number[], nodes: readonly TestNode[], initializers: onnx.ITensorProto[]): Uint8Array {
  const proto = onnxProto.onnx.ModelProto.decode(
    encodeModel({ opset: 25, inputs: [{ name: "x", shape: [1, ...shape] }], nodes, constants: {}, outputs: ["y"] }),
  );
  proto.graph!.initializer = initializers;
  return onnxProto.onnx.ModelProto.encode(proto).finish();
}

/** Without a sign at 0. */
const unsigned = (data: ArrayLike<number>) => Array.from(data, (value) => value + 0);

const SCALE = 0.25;
const scale: onnx.ITensorProto = { name: "s", dims: [], dataType: 1, floatData: [SCALE] };

test.each([17, 18, 19, 20, 23])("what the network computes is rounded to type %i, and back", async (code) => {
  const format = SMALL_FLOATS[code]!;
  const count = 257;
  const nodes = [
    { op: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"] },
    { op: "DequantizeLinear", inputs: ["q", "s", "z"], outputs: ["y"] },
  ];
  const zero: onnx.ITensorProto = { name: "z", dims: [], dataType: code, int32Data: [0] };
  using model = await (await sharedEngine()).load(modelOf([count], nodes, [scale, zero]));
  // From far below the smallest number to beyond the largest.
  const smallest = 2 ** (1 - format.bias - format.mantissaBits);
  const spread = Math.log2((2 * format.max) / smallest) + 2;
  const x = Float32Array.from({ length: count }, (_, i) => {
    const power = smallest * 2 ** (((i >> 1) * 2 * spread) / count - 2);
    return i === 0 ? 0 : SCALE * power * (i % 2 ? 1 : -1);
  });
  const array = { shape: [1, count], data: x };
  using y = await model.forward(array);
  const expected = Array.from(x, (value) => SCALE * roundToSmallFloat(value / SCALE, format, true));
  expect(unsigned((await y.read()).data)).toEqual(unsigned(expected));
  const cotangent = randomArray([1, count], 3);
  using gradient = await model.vjp(array, cotangent);
  const inside = Array.from(cotangent.data, (u, i) => (Math.abs(x[i]! / SCALE) <= format.max ? u : 0));
  expect(unsigned((await gradient.read()).data)).toEqual(inside);
});

test("4-bit weights, packed, scaled in blocks of three along the depth", async () => {
  // [5, 2]: the last block is cut short.
  const values = [1, -8, 7, 0, -3, 2, 5, -1, 4, 6];
  const packed = Array.from({ length: 5 }, (_, i) => (values[2 * i]! & 15) | ((values[2 * i + 1]! & 15) << 4));
  const scales = [0.5, 2, 1, 0.25];
  const nodes: TestNode[] = [
    { op: "DequantizeLinear", inputs: ["w", "s"], outputs: ["v"], attributes: { axis: 0, block_size: 3 } },
    { op: "MatMul", inputs: ["x", "v"], outputs: ["y"] },
  ];
  const initializers = [
    { name: "w", dims: [5, 2], dataType: 22, rawData: Uint8Array.from(packed) },
    { name: "s", dims: [2, 2], dataType: 1, floatData: scales },
  ];
  using model = await (await sharedEngine()).load(modelOf([5], nodes, initializers));
  expect(model.describe().launches.after).toBe(1);
  const data = Float32Array.of(1, 2, 4, 8, 16);
  using y = await model.forward({ shape: [1, 5], data });
  const weight = (k: number, n: number) => values[2 * k + n]! * scales[2 * Math.floor(k / 3) + n]!;
  const expected = [0, 1].map((n) => data.reduce((sum, x, k) => sum + x * weight(k, n), 0));
  expect([...(await y.read()).data]).toEqual(expected);
});

test("a zero point from a Constant node says how the numbers are meant", async () => {
  const nodes = [
    { op: "Constant", inputs: [], outputs: ["z"] },
    { op: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"] },
    { op: "DequantizeLinear", inputs: ["q", "s", "z"], outputs: ["y"] },
  ];
  const proto = onnxProto.onnx.ModelProto.decode(modelOf([4], nodes, [scale]));
  proto.graph!.node![0]!.attribute = [{ name: "value", type: 4, t: { dims: [], dataType: 3, int32Data: [-3] } }] as never;
  using model = await (await sharedEngine()).load(onnxProto.onnx.ModelProto.encode(proto).finish());
  using y = await model.forward({ shape: [1, 4], data: Float32Array.of(-40, -10, 10, 40) });
  // int8: from (−128 + 3) / 4 to (127 + 3) / 4.
  expect([...(await y.read()).data]).toEqual([-31.25, -10, 10, 32.5]);
});

test("a dense layer of integers whose scale is found from the sample, with its straight-through derivative", async () => {
  const nodes = [
    { op: "DynamicQuantizeLinear", inputs: ["x"], outputs: ["q", "t", "p"] },
    { op: "MatMulInteger", inputs: ["q", "w", "p", "z"], outputs: ["i"] },
    { op: "Cast", inputs: ["i"], outputs: ["f"], attributes: { to: 1 } },
    { op: "Mul", inputs: ["f", "t"], outputs: ["g"] },
    { op: "Mul", inputs: ["g", "s"], outputs: ["y"] },
  ];
  const [depth, width] = [24, 5];
  const weights = Array.from({ length: depth * width }, (_, i) => ((i * 37) % 251) - 125);
  const initializers = [
    { name: "w", dims: [depth, width], dataType: 3, int32Data: weights },
    { name: "z", dims: [], dataType: 3, int32Data: [3] },
    scale,
  ];
  using model = await (await sharedEngine()).load(modelOf([depth], nodes, initializers));
  const x = randomArray([2, depth], 11);
  using y = await model.forward(x);
  const found = (await y.read()).data;
  const weight = (k: number, n: number) => (weights[k * width + n]! - 3) * SCALE;
  for (const sample of [0, 1]) {
    const own = Array.from(x.data.slice(sample * depth, (sample + 1) * depth));
    const step = Math.fround((Math.max(0, ...own) - Math.min(0, ...own)) / 255);
    const zero = Math.round(-Math.min(0, ...own) / step);
    const held = own.map((value) => (Math.min(Math.max(Math.round(value / step) + zero, 0), 255) - zero) * step);
    for (let n = 0; n < width; n++) {
      const exact = held.reduce((sum, value, k) => sum + value * weight(k, n), 0);
      expect(found[sample * width + n]).toBeCloseTo(exact, 3);
    }
  }
  const cotangent = randomArray([2, width], 13);
  using gradient = await model.vjp(x, cotangent);
  const got = (await gradient.read()).data;
  // Off only by how the scale follows the two extreme elements, times the rounding of the others.
  const plain = Float64Array.from(got, (_, i) => {
    const [sample, k] = [Math.floor(i / depth), i % depth];
    return Array.from({ length: width }, (_, n) => weight(k, n) * cotangent.data[sample * width + n]!).reduce((a, b) => a + b);
  });
  const norm = (list: Float64Array) => Math.hypot(...list);
  const difference = norm(plain.map((value, i) => value - got[i]!));
  expect(difference / norm(plain)).toBeLessThan(0.02);
});
