/**
 * NaN and infinities in derivatives. A derivative is linear in its direction: a NaN or an infinity in one element of a cotangent or
 * tangent reaches what depends on it, and nothing else. And slopes where the network's own numbers are at the ends of float32.
 */
import { describe, expect, test } from "vitest";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { sizeOf } from "../../reference/model.ts";
import { sharedEngine } from "../engine.ts";
import { randomArray } from "../numbers.ts";
import { allCases } from "./cases/all.ts";
import { DerivativeProgram } from "./derivative-program.ts";
import { bare, LARGEST, numbersFor, planted, reference, sizeOfInput } from "./not-finite.ts";
import type { BareCase } from "./not-finite.ts";
import { software } from "./variant.ts";

const DIRECTIONS = ["ordinary", "NaN", "+inf", "one element"] as const;

/** What is wrong with the adjoint or the tangent by an input. */
async function faults(given: BareCase, kind: "vjp" | "jvp", input: string): Promise<string[]> {
  const bytes = encodeModel(given.model);
  const plain = numbersFor(given);
  const outputs = reference(given.model, plain, false).data.length;
  const size = kind === "vjp" ? outputs : sizeOfInput(given, input);
  const at = Math.floor(size / 2);
  const ordinary = randomArray([size], 7).data;
  const rows = [ordinary, planted(ordinary, at, NaN), planted(ordinary, at, Infinity), planted(new Float32Array(size), at, 1)];
  const directions = new Float32Array(rows.length * size);
  rows.forEach((row, r) => directions.set(row, r * size));
  using program = await DerivativeProgram.make({ bytes, kind, input, samples: 1, rows: rows.length, variant: software });
  const { result } = await program.run(plain, directions);
  const length = result.length / rows.length;
  const [usual, withNan, withInfinity, column] = DIRECTIONS.map((_, r) => result.subarray(r * length, (r + 1) * length));
  const largest = usual!.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const wrong: string[] = [];
  for (let i = 0; i < length; i++) {
    const slope = column![i]!;
    const [nan, infinite, finite] = [withNan![i]!, withInfinity![i]!, usual![i]!];
    const same = (x: number) => Math.abs(x - finite) <= 1e-5 * largest;
    if (slope === 0) {
      // What does not depend on the element, or has no slope there.
      if (!(same(nan) || Number.isNaN(nan))) wrong.push(`element ${i}: NaN made ${nan} of ${finite}, slope 0`);
      continue;
    }
    if (!Number.isNaN(nan)) wrong.push(`element ${i}: NaN made ${nan} of ${finite}, slope ${slope}`);
    if (Number.isFinite(infinite)) wrong.push(`element ${i}: infinity made ${infinite} of ${finite}, slope ${slope}`);
    if (!Number.isNaN(infinite) && Math.sign(infinite) !== Math.sign(slope))
      wrong.push(`element ${i}: infinity made ${infinite}, slope ${slope}`);
  }
  return wrong.length > 0 ? [`${kind} by ${input}: ${wrong.length} of ${length}: ${wrong.slice(0, 3).join("; ")}`] : [];
}

const byOp = new Map<string, BareCase[]>();
for (const given of allCases.map(bare)) byOp.set(given.op, [...(byOp.get(given.op) ?? []), given]);

describe("a NaN or an infinity in a direction", () => {
  test.each([...byOp])("%s", async (_, own) => {
    const found: string[] = [];
    for (const given of own.slice(0, 6))
      for (const { name } of given.model.inputs)
        for (const kind of ["vjp", "jvp"] as const)
          for (const fault of await faults(given, kind, name)) found.push(`${given.name}: ${fault}`);
    expect(found).toEqual([]);
  });
});

const logistic = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : x === -Infinity ? 0 : Math.exp(x) / (1 + Math.exp(x)));
const sech = (x: number) => 1 / Math.cosh(x) ** 2;

/** Slopes in doubles, also in the limit. `at` where they are defined; everywhere unless given. */
const slopes: Readonly<
  Record<string, { readonly slope: (x: number) => number; readonly at?: readonly number[]; readonly attributes?: object }>
> = {
  Neg: { slope: () => -1 },
  Identity: { slope: () => 1 },
  Exp: { slope: Math.exp },
  Log: { slope: (x) => 1 / x, at: [NaN, Infinity, 0, LARGEST] },
  Sqrt: { slope: (x) => 0.5 / Math.sqrt(x), at: [NaN, Infinity, 0, LARGEST] },
  Reciprocal: { slope: (x) => -1 / x ** 2, at: [NaN, Infinity, -Infinity, 0, LARGEST] },
  Sigmoid: { slope: (x) => logistic(x) * logistic(-x) },
  Tanh: { slope: sech },
  Softplus: { slope: logistic },
  Softsign: { slope: (x) => 1 / (1 + Math.abs(x)) ** 2 },
  Erf: { slope: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) },
  Atan: { slope: (x) => 1 / (1 + x * x) },
  Sinh: { slope: Math.cosh },
  Cosh: { slope: Math.sinh },
  Sin: { slope: Math.cos },
  Cos: { slope: (x) => -Math.sin(x) },
  Elu: { slope: (x) => (x > 0 ? 1 : Math.exp(x)), at: [NaN, Infinity, -Infinity, LARGEST, -LARGEST] },
  Relu: { slope: (x) => (Number.isNaN(x) ? NaN : Number(x > 0)) },
  LeakyRelu: { slope: (x) => (Number.isNaN(x) ? NaN : x > 0 ? 1 : 0.01) },
  Abs: { slope: Math.sign },
  HardSigmoid: { slope: (x) => (Number.isNaN(x) ? NaN : Math.abs(x) < 2.5 ? 0.2 : 0) },
};

const POINTS = [NaN, Infinity, -Infinity, 0, LARGEST, -LARGEST];

describe("slopes at the ends of float32, by vjp and jvp", () => {
  test.each(Object.entries(slopes))("%s", async (op, { slope, at = POINTS }) => {
    const engine = await sharedEngine();
    const shape = [1, at.length];
    const nodes = [{ op, inputs: ["x"], outputs: ["y"], attributes: {} }];
    using model = await engine.load(encodeModel({ opset: 22, inputs: [{ name: "x", shape }], nodes, constants: {}, outputs: ["y"] }));
    const [x, ones] = [Float32Array.from(at), new Float32Array(sizeOf(shape)).fill(1)];
    for (const kind of ["vjp", "jvp"] as const) {
      using made = await model[kind]({ shape, data: x }, { shape, data: ones });
      const { data } = await made.read();
      at.forEach((point, i) => {
        const expected = Math.fround(slope(point));
        const right = Number.isFinite(expected)
          ? Math.abs(data[i]! - expected) <= 2e-6 * Math.abs(expected) + 2 ** -125
          : Object.is(data[i]!, expected);
        expect(right, `${kind} at ${point} is ${data[i]!}, expected ${expected}`).toBe(true);
      });
    }
  });
});
