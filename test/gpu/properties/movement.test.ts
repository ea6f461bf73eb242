/** Slices, pads, concatenations and transpositions of any rank. */
import fc from "fast-check";
import { describe } from "vitest";
import { ints, node, scalar } from "../ops/cases/build.ts";
import type { OpCase } from "../ops/cases/build.ts";
import { int, perAxis, property, someOf } from "./property.ts";

const shapes = fc.array(int(1, 6), { minLength: 1, maxLength: 4 }).map((tail) => [1, ...tail]);

/** How one axis is cut: from, to and by, as ONNX writes them. */
interface Cut {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Bounds inside, counted from the end, and far outside, where ONNX clamps them. */
const cut = (extent: number): fc.Arbitrary<Cut> => {
  const bound = fc.oneof(int(-extent, extent), fc.constantFrom(-1000, 1000));
  return fc.record({ start: bound, end: bound, step: fc.constantFrom(-3, -2, -1, 1, 2, 3) }).filter((given) => countOf(given, extent) > 0);
};

function countOf({ start, end, step }: Cut, extent: number): number {
  const wrap = (at: number) => (at < 0 ? at + extent : at);
  const clamp = (at: number, low: number, high: number) => Math.min(Math.max(at, low), high);
  if (step > 0) return Math.ceil((clamp(wrap(end), 0, extent) - clamp(wrap(start), 0, extent)) / step);
  return Math.ceil((clamp(wrap(start), 0, extent - 1) - clamp(wrap(end), -1, extent - 1)) / -step);
}

const slice = shapes
  .chain((shape) => someOf(1, shape.length, 1).chain((axes) => fc.tuple(fc.constant({ shape, axes }), cuts(shape, axes), fc.boolean())))
  .map(([{ shape, axes }, list, negative]): OpCase => {
    const listed = negative ? axes.map((axis) => axis - shape.length) : axes;
    return {
      name: `Slice [${shape}] on [${listed}] ${list.map(({ start, end, step }) => `${start}:${end}:${step}`).join(" ")}`,
      operands: { a: { shape, positive: true } },
      constants: {
        starts: ints(...list.map(({ start }) => start)),
        ends: ints(...list.map(({ end }) => end)),
        axes: ints(...listed),
        steps: ints(...list.map(({ step }) => step)),
      },
      nodes: [node("Slice", ["a", "starts", "ends", "axes", "steps"])],
    };
  });

const cuts = (shape: readonly number[], axes: readonly number[]) => fc.tuple(...axes.map((axis) => cut(shape[axis]!)));

/** A reflection needs more pixels than it adds. */
const pad = shapes
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      mode: fc.constantFrom("constant", "edge", "reflect"),
      begin: perAxis(shape.length, int(0, 3)),
      end: perAxis(shape.length, int(0, 3)),
      fill: int(-2, 2),
    }),
  )
  .map(({ shape, mode, begin, end, fill }): OpCase => {
    const most = (axis: number) => (axis === 0 ? 0 : mode === "reflect" ? shape[axis]! - 1 : 3);
    const pads = [...begin, ...end].map((size, i) => Math.min(size, most(i % shape.length)));
    return {
      name: `Pad [${shape}] by [${pads}] with ${mode} ${fill}`,
      operands: { a: { shape, positive: true } },
      constants: { pads: ints(...pads), fill: scalar(fill) },
      nodes: [node("Pad", mode === "constant" ? ["a", "pads", "fill"] : ["a", "pads"], { mode })],
    };
  });

const concat = shapes
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axis: int(1, shape.length - 1),
      extents: fc.array(int(1, 4), { minLength: 2, maxLength: 3 }),
      negative: fc.boolean(),
    }),
  )
  .map(({ shape, axis, extents, negative }): OpCase => {
    const names = ["a", "b", "c"].slice(0, extents.length);
    const shaped = extents.map((extent) => shape.map((own, a) => (a === axis ? extent : own)));
    const listed = negative ? axis - shape.length : axis;
    return {
      name: `Concat ${shaped.map((one) => `[${one}]`).join(", ")} on ${listed}`,
      operands: Object.fromEntries(names.map((name, i) => [name, { shape: shaped[i]!, positive: true as const }])),
      nodes: [node("Concat", names, { axis: listed })],
    };
  });

const transpose = shapes
  .chain((shape) => fc.tuple(fc.constant(shape), fc.shuffledSubarray(axesOf(shape), { minLength: shape.length - 1 })))
  .map(([shape, order]): OpCase => {
    const perm = [0, ...order];
    return {
      name: `Transpose [${shape}] to [${perm}]`,
      operands: { a: { shape, positive: true } },
      nodes: [node("Transpose", ["a"], { perm })],
    };
  });

/** Every axis but that of the batch. */
const axesOf = (shape: readonly number[]) => shape.map((_, axis) => axis).slice(1);

describe("movements of random shapes", () => {
  property("Slice", slice);
  property("Pad", pad);
  property("Concat", concat);
  property("Transpose", transpose);
});
