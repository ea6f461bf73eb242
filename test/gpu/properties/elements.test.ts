/** Broadcasts of two and three operands, and every kind of reduction over any axes. */
import fc from "fast-check";
import { describe } from "vitest";
import { ints, node } from "../ops/cases/build.ts";
import type { OpCase } from "../ops/cases/build.ts";
import { int, property, someOf } from "./property.ts";

type Operand = OpCase["operands"][string];

/** Shapes that broadcast to one: each operand has an axis in full or as 1, and may leave leading axes out. */
const shapes = (operands: number) =>
  fc
    .record({
      extents: fc.array(int(1, 5), { minLength: 1, maxLength: 5 }),
      full: fc.array(fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), { minLength: operands, maxLength: operands }),
      dropped: fc.array(int(0, 4), { minLength: operands, maxLength: operands }),
    })
    .map(({ extents, full, dropped }) =>
      full.map((keeps, operand) => {
        const shape = extents.map((extent, axis) => (keeps[axis] ? extent : 1));
        // The first keeps all its axes, so that the rank is the same in all cases.
        return operand === 0 ? shape : shape.slice(Math.min(dropped[operand]!, shape.length));
      }),
    );

const NAMES = ["a", "b", "c"];

function elementwise(op: string, list: readonly number[][], operand: (shape: readonly number[]) => Operand): OpCase {
  const names = NAMES.slice(0, list.length);
  return {
    name: `${op} ${list.map((shape) => `[${shape}]`).join(", ")}`,
    operands: Object.fromEntries(names.map((name, i) => [name, operand(list[i]!)])),
    nodes: [node(op, names)],
    // The slope in the exponent has the logarithm of a number near 1, of which WGSL grants 2⁻²¹ absolutely.
    ...(op === "Pow" && { amplification: 8 }),
  };
}

const plain = (shape: readonly number[]): Operand => shape;
const positive = (shape: readonly number[]): Operand => ({ shape, positive: true });

const pairs = fc
  .tuple(fc.constantFrom("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max"), shapes(2))
  .map(([op, list]) => elementwise(op, list, op === "Div" || op === "Pow" ? positive : plain));

const triples = fc.tuple(fc.constantFrom("Sum", "Mean", "Min", "Max"), shapes(3)).map(([op, list]) => elementwise(op, list, plain));

const REDUCTIONS = [
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceSumSquare",
  "ReduceLogSum",
  "ReduceLogSumExp",
] as const;

/** Products and powers of many small numbers say little: extents stay small. */
const reduction = (op: (typeof REDUCTIONS)[number]) =>
  fc
    .array(int(1, 4), { minLength: 1, maxLength: 4 })
    .chain((tail) =>
      fc.record({
        shape: fc.constant([1, ...tail]),
        axes: someOf(0, tail.length + 1, 1),
        negative: fc.boolean(),
        keepdims: int(0, 1),
        // Axes moved from an attribute to an input in opset 18, those of ReduceSum in 13.
        opset: fc.constantFrom(13, 18),
      }),
    )
    .map(({ shape, axes, negative, keepdims, opset }): OpCase => {
      const listed = negative ? axes.map((axis) => axis - shape.length) : axes;
      const asInput = opset === 18 || op === "ReduceSum";
      return {
        name: `${op} [${shape}] over [${listed}], keepdims ${keepdims}, opset ${opset}`,
        opset,
        operands: { a: positive(shape) },
        ...(asInput && { constants: { axes: ints(...listed) } }),
        nodes: [node(op, asInput ? ["a", "axes"] : ["a"], { keepdims, ...(!asInput && { axes: listed }) })],
      };
    });

describe("elements of random shapes", () => {
  property("broadcasts of two", pairs);
  property("broadcasts of three", triples);
  for (const op of REDUCTIONS) property(op, reduction(op));
});
