/** Constants of integers fold exactly: against BigInt, for every op that folds them, within and beyond what doubles and types hold. */
import fc from "fast-check";
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import { beforeAll, describe, expect, test } from "vitest";
import { loadRareOps } from "../../../src/kernels/registry.ts";
import { NudgeError, UnsupportedOpError } from "../../../src/runtime/errors.ts";
import { exactOf, toExact } from "../../../src/runtime/graph/integers.ts";
import { decodeModel } from "../../../src/runtime/onnx/decode.ts";
import { importModel } from "../../../src/runtime/onnx/import.ts";

beforeAll(() => loadRareOps());

const INT8 = 3;
const UINT8 = 2;
const INT32 = 6;
const INT64 = 7;
const UINT32 = 12;
const UINT64 = 13;
const FLOAT = 1;

const SIZE: Readonly<Record<number, number>> = { [INT8]: 1, [UINT8]: 1, [INT32]: 4, [UINT32]: 4, [INT64]: 8, [UINT64]: 8 };
const UNSIGNED = new Set([UINT8, UINT32, UINT64]);

const wrapped = (value: bigint, type: number) =>
  UNSIGNED.has(type) ? BigInt.asUintN(8 * SIZE[type]!, value) : BigInt.asIntN(8 * SIZE[type]!, value);

interface Given {
  readonly type: number;
  readonly values: readonly bigint[];
  /** One number where it is missing. */
  readonly shape?: readonly number[];
}

/** As raw bytes, little-endian two's complement. */
function tensor(name: string, { type, values, shape = values.length === 1 ? [] : [values.length] }: Given): onnx.ITensorProto {
  const bytes = new Uint8Array(values.length * SIZE[type]!);
  values.forEach((value, i) => {
    for (let b = 0; b < SIZE[type]!; b++) bytes[i * SIZE[type]! + b] = Number((value >> BigInt(8 * b)) & 255n);
  });
  return { name, dims: [...shape], dataType: type, rawData: bytes };
}

interface Step {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly ints?: Readonly<Record<string, number | readonly number[]>>;
}

/** The bytes of a network x · Cast(y) that ends the constant steps, or one that has y itself as an output. */
function file(given: Readonly<Record<string, Given>>, steps: readonly Step[], raw?: readonly onnx.ITensorProto[]): Uint8Array {
  const value = (name: string) => ({ name, type: { tensorType: { elemType: FLOAT, shape: { dim: [{ dimValue: 1 }, { dimValue: 1 }] } } } });
  const attribute = (name: string, list: number | readonly number[]) =>
    typeof list === "number" ? { name, type: 2, i: list } : { name, type: 7, ints: [...list] };
  return onnxProto.onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 17 }],
    graph: {
      name: "integers",
      input: [value("x")],
      output: [{ name: "out" }],
      initializer: raw ? [...raw] : Object.entries(given).map(([name, each]) => tensor(name, each)),
      node: [
        ...steps.map(({ op, inputs, output, ints = {} }) => ({
          opType: op,
          name: `the ${op}`,
          input: [...inputs],
          output: [output],
          attribute: Object.entries(ints).map(([name, list]) => attribute(name, list)),
        })),
        { opType: "Cast", input: ["y"], output: ["f"], attribute: [attribute("to", FLOAT)] },
        { opType: "Mul", input: ["x", "f"], output: ["out"] },
      ],
    },
  }).finish();
}

/** What y is as float32, by what the last product is given. */
function folded(given: Readonly<Record<string, Given>>, steps: readonly Step[]): number[] {
  const { graph } = importModel(decodeModel(file(given, steps)), {});
  const last = graph.nodes.find(({ op }) => op === "Mul")!;
  return [...last.inputs.find((input) => input!.data)!.data!];
}

function failure(call: () => unknown): NudgeError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(NudgeError);
    return error as NudgeError;
  }
  throw new Error("nothing was thrown");
}

const binary: Readonly<Record<string, (a: bigint, b: bigint) => bigint | undefined>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => (b === 0n ? undefined : a / b),
  Max: (a, b) => (a > b ? a : b),
  Min: (a, b) => (a < b ? a : b),
};

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 2n }),
  fc.bigInt({ min: -100n, max: 100n }),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
  fc.bigInt({ min: -(2n ** 53n) - 3n, max: -(2n ** 53n) + 3n }),
);
const int32 = fc.oneof(fc.bigInt({ min: -(2n ** 31n), max: 2n ** 31n - 1n }), fc.constantFrom(2n ** 31n - 1n, -(2n ** 31n), 0n, 1n, -1n));

describe("two constants, against BigInt", () => {
  test.each(Object.keys(binary))("%s of int64", (op) => {
    fc.assert(
      fc.property(int64, int64, (a, b) => {
        const right = binary[op]!(a, b);
        const run = () =>
          folded({ a: { type: INT64, values: [a] }, b: { type: INT64, values: [b] } }, [{ op, inputs: ["a", "b"], output: "y" }]);
        if (right === undefined) return;
        expect(run()).toEqual([Math.fround(Number(wrapped(right, INT64)))]);
      }),
      { numRuns: 150 },
    );
  });

  test.each([
    ["int32", INT32, int32],
    ["uint8", UINT8, fc.bigInt({ min: 0n, max: 255n })],
    ["int8", INT8, fc.bigInt({ min: -128n, max: 127n })],
    ["uint32", UINT32, fc.bigInt({ min: 0n, max: 2n ** 32n - 1n })],
    ["uint64", UINT64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
  ] as const)("sums, differences and products of %s wrap around", (_, type, numbers) => {
    fc.assert(
      fc.property(numbers, numbers, fc.constantFrom("Add", "Sub", "Mul"), (a, b, op) => {
        const right = wrapped(binary[op]!(a, b)!, type);
        expect(folded({ a: { type, values: [a] }, b: { type, values: [b] } }, [{ op, inputs: ["a", "b"], output: "y" }])).toEqual([
          Math.fround(Number(right)),
        ]);
      }),
      { numRuns: 150 },
    );
  });

  test("a difference of numbers that no double tells apart", () => {
    const big = 2n ** 53n;
    for (const k of [1n, 3n, 5n]) {
      expect(
        folded({ a: { type: INT64, values: [big + k] }, b: { type: INT64, values: [big] } }, [
          { op: "Sub", inputs: ["a", "b"], output: "y" },
        ]),
      ).toEqual([Number(k)]);
      expect(
        folded({ a: { type: INT64, values: [big] }, b: { type: INT64, values: [k] } }, [
          { op: "Add", inputs: ["a", "b"], output: "s" },
          { op: "Sub", inputs: ["s", "a"], output: "y" },
        ]),
      ).toEqual([Number(k)]);
    }
  });

  test("comparisons", () => {
    const a = 2n ** 60n + 1n;
    for (const [op, right] of [
      ["Equal", 0],
      ["Greater", 1],
      ["LessOrEqual", 0],
    ] as const)
      expect(
        folded({ a: { type: INT64, values: [a] }, b: { type: INT64, values: [a - 1n] } }, [{ op, inputs: ["a", "b"], output: "y" }]),
      ).toEqual([right]);
  });

  test("broadcasting, and a mixture of large and small", () => {
    const big = 2n ** 55n + 1n;
    const given = { a: { type: INT64, values: [big, 5n, -big, 7n], shape: [2, 2] }, b: { type: INT64, values: [big, 1n], shape: [1, 2] } };
    expect(folded(given, [{ op: "Sub", inputs: ["a", "b"], output: "y" }])).toEqual([0, 4, Math.fround(Number(-2n * big)), 6]);
  });
});

describe("what hands elements on", () => {
  const big = 2n ** 56n + 1n;
  const a = { type: INT64, values: [big, 2n, big + 2n, 4n], shape: [2, 2] };
  const minus = { b: { type: INT64, values: [big] } };
  const list = (...values: bigint[]) => ({ type: INT64, values, shape: [values.length] });

  test.each<[string, Readonly<Record<string, Given>>, Step, readonly bigint[]]>([
    ["Transpose", {}, { op: "Transpose", inputs: ["a"], output: "t" }, [0n, 2n, 2n - big, 4n - big]],
    ["Reshape", { s: list(4n) }, { op: "Reshape", inputs: ["a", "s"], output: "t" }, [0n, 2n - big, 2n, 4n - big]],
    ["Slice", { s: list(1n), e: list(2n) }, { op: "Slice", inputs: ["a", "s", "e"], output: "t" }, [2n, 4n - big]],
    [
      "Concat",
      {},
      { op: "Concat", inputs: ["a", "a"], output: "t", ints: { axis: 0 } },
      [0n, 2n - big, 2n, 4n - big, 0n, 2n - big, 2n, 4n - big],
    ],
    ["Identity", {}, { op: "Identity", inputs: ["a"], output: "t" }, [0n, 2n - big, 2n, 4n - big]],
    ["Cast", {}, { op: "Cast", inputs: ["a"], output: "t", ints: { to: INT64 } }, [0n, 2n - big, 2n, 4n - big]],
    ["ReduceSum", {}, { op: "ReduceSum", inputs: ["a"], output: "t" }, [big + 8n]],
  ])("%s, before a difference", (_, more, step, right) => {
    const found = folded({ a, ...minus, ...more }, [step, { op: "Sub", inputs: ["t", "b"], output: "y" }]);
    const expected = step.op === "Transpose" ? [0n, 2n, 2n - big, 4n - big] : right;
    expect(found).toEqual(expected.map((value) => Math.fround(Number(value))));
  });
});

describe("casts", () => {
  test.each<[string, number, bigint, number, bigint]>([
    ["int64 to int32", INT64, 2n ** 31n, INT32, -(2n ** 31n)],
    ["int64 to int32, of a number that no double holds", INT64, 2n ** 60n + 5n, INT32, 5n],
    ["int32 to uint8", INT32, 300n, UINT8, 44n],
    ["int32 to int8", INT32, 200n, INT8, -56n],
    ["int32 to uint64", INT32, -1n, UINT64, 2n ** 64n - 1n],
    ["int64 to int64", INT64, 2n ** 62n + 1n, INT64, 2n ** 62n + 1n],
  ])("%s", (_, from, value, to, right) => {
    expect(folded({ a: { type: from, values: [value] } }, [{ op: "Cast", inputs: ["a"], output: "y", ints: { to } }])).toEqual([
      Math.fround(Number(right)),
    ]);
  });
});

describe("lists of numbers instead of raw bytes, and attributes", () => {
  test("int64_data", () => {
    const listed = (value: unknown): onnx.ITensorProto => ({ name: "a", dims: [1], dataType: INT64, int64Data: [value as number] });
    // 2⁵³ + 1 as protobuf has it, with the bits of an unsigned number in seven-bit groups.
    const long = { low: 1, high: 2 ** 21, unsigned: false };
    const b = tensor("b", { type: INT64, values: [2n ** 53n], shape: [1] });
    const { graph } = importModel(decodeModel(file({}, [{ op: "Sub", inputs: ["a", "b"], output: "y" }], [listed(long), b])), {});
    expect([...graph.nodes.find(({ op }) => op === "Mul")!.inputs[1]!.data!]).toEqual([1]);
  });

  test("INT64_MAX stays what exporters mean by it: to the end", () => {
    const given = {
      a: { type: INT64, values: [1n, 2n, 3n], shape: [3] },
      s: { type: INT64, values: [1n], shape: [1] },
      e: { type: INT64, values: [2n ** 63n - 1n], shape: [1] },
    };
    expect(folded(given, [{ op: "Slice", inputs: ["a", "s", "e"], output: "y" }])).toEqual([2, 3]);
    const less = { ...given, one: { type: INT64, values: [1n], shape: [1] } };
    expect(folded(less, [{ op: "Add", inputs: ["e", "one"], output: "y" }])).toEqual([-(2 ** 63)]);
    expect(
      folded(less, [
        { op: "Sub", inputs: ["e", "one"], output: "t" },
        { op: "Sub", inputs: ["e", "t"], output: "y" },
      ]),
    ).toEqual([1]);
  });
});

describe("what is refused by name", () => {
  test("a division by zero, and an op that folds doubles only", () => {
    const zero = { a: { type: INT64, values: [5n] }, b: { type: INT64, values: [0n] } };
    const error = failure(() => folded(zero, [{ op: "Div", inputs: ["a", "b"], output: "y" }]));
    expect(error).toBeInstanceOf(UnsupportedOpError);
    expect(error.message).toMatch(/node "the Div" \(Div/);
  });

  test("integers that f32 would round, where the network computes with them", () => {
    const { ModelProto } = onnxProto.onnx;
    const build = (value: bigint) =>
      ModelProto.encode({
        irVersion: 8,
        opsetImport: [{ domain: "", version: 17 }],
        graph: {
          name: "compares",
          input: [{ name: "x", type: { tensorType: { elemType: FLOAT, shape: { dim: [{ dimValue: 1 }, { dimValue: 3 }] } } } }],
          output: [{ name: "y" }],
          initializer: [tensor("k", { type: INT64, values: [value], shape: [1] })],
          node: [
            { opType: "ArgMax", input: ["x"], output: ["i"], attribute: [{ name: "axis", type: 2, i: 1 }] },
            { opType: "Equal", name: "the equality", input: ["i", "k"], output: ["e"] },
            { opType: "Cast", input: ["e"], output: ["y"], attribute: [{ name: "to", type: 2, i: FLOAT }] },
          ],
        },
      }).finish();
    importModel(decodeModel(build(2n ** 24n)), {});
    for (const value of [2n ** 24n + 1n, 2n ** 53n + 1n])
      expect(failure(() => importModel(decodeModel(build(value)), {})).message).toContain(
        `node "the equality" (Equal, opset 17): computes with ${value}, element 0 of "k", an integer that f32 cannot hold`,
      );
  });
});

test("the record of exact elements goes with a copy", () => {
  const { graph } = importModel(
    decodeModel(file({ a: { type: INT64, values: [2n ** 53n + 1n], shape: [1] } }, [{ op: "Identity", inputs: ["a"], output: "y" }])),
    {},
  );
  // The cast makes a float of it: the nearest.
  expect([...graph.nodes[0]!.inputs[1]!.data!]).toEqual([2 ** 53]);
  expect(exactOf(new Float64Array([1]))).toBeUndefined();
  expect(toExact(2 ** 63, INT64)).toBe(2n ** 63n - 1n);
  expect(toExact(2 ** 63, UINT64)).toBe(2n ** 63n);
});
