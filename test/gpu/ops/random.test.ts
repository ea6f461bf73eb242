/**
 * Random shapes and attributes, seeded: convolutions, transposed ones, pools, products and broadcasts that nobody thought of.
 * A failure prints the shrunk case; NUDGE_RANDOM_RUNS asks for more of them.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { node, weights } from "./cases/build.ts";
import type { OpCase } from "./cases/build.ts";
import { checkCase } from "./check-case.ts";
import { forced, software } from "./variant.ts";

const RUNS = Number(process.env["NUDGE_RANDOM_RUNS"] ?? 12);
const SEED = 20_260_101;

const int = (min: number, max: number) => fc.integer({ min, max });
const pairOf = (arbitrary: fc.Arbitrary<number>) => fc.tuple(arbitrary, arbitrary);

interface Channels {
  readonly groups: fc.Arbitrary<number>;
  readonly channels: fc.Arbitrary<number>;
  readonly outputs: fc.Arbitrary<number>;
}

const convolution = (of: Channels) =>
  fc
    .record({
      ...of,
      input: fc.tuple(int(1, 9), int(1, 19)),
      kernel: fc.tuple(int(1, 4), int(1, 6)),
      strides: pairOf(int(1, 3)),
      dilations: pairOf(int(1, 2)),
      pads: fc.tuple(int(0, 3), int(0, 3), int(0, 3), int(0, 3)),
      bias: fc.boolean(),
      relu: fc.boolean(),
    })
    .filter(({ input, kernel, dilations, pads }) =>
      input.every((extent, axis) => extent + pads[axis]! + pads[axis + 2]! > (kernel[axis]! - 1) * dilations[axis]!),
    );

const some: Channels = { groups: int(1, 3), channels: int(1, 5), outputs: int(1, 9) };
const depthwise: Channels = { groups: int(2, 9), channels: fc.constant(1), outputs: int(1, 2) };

const layer = (op: "Conv" | "ConvTranspose", of: Channels) =>
  convolution(of).map(({ groups, channels, outputs, input, kernel, bias, relu, pads, ...window }): OpCase => {
    const shape = op === "Conv" ? [groups * outputs, channels, ...kernel] : [groups * channels, outputs, ...kernel];
    const attributes = { ...window, group: groups, pads: op === "Conv" ? pads : [0, 0, 0, 0] };
    return {
      name: `${op} [${groups * channels}, ${input}] by [${shape}] ${JSON.stringify(attributes)}`,
      operands: { a: [1, groups * channels, ...input] },
      constants: { w: weights(shape, channels * kernel[0] * kernel[1]), ...(bias && { b: weights([groups * outputs], 4) }) },
      // Without a bias, an output that sees only padding lies on ReLU's kink.
      nodes:
        bias && relu
          ? [node(op, ["a", "w", "b"], attributes, "c"), node("Relu", ["c"])]
          : [node(op, bias ? ["a", "w", "b"] : ["a", "w"], attributes)],
    };
  });

const pool = fc
  .record({
    op: fc.constantFrom("MaxPool", "AveragePool"),
    channels: int(1, 3),
    input: pairOf(int(1, 11)),
    kernel: pairOf(int(1, 4)),
    strides: pairOf(int(1, 4)),
    pads: fc.tuple(int(0, 2), int(0, 2), int(0, 2), int(0, 2)),
    ceil: fc.boolean(),
    count: fc.boolean(),
  })
  .filter(({ input, kernel, pads }) =>
    input.every(
      (extent, axis) =>
        extent + pads[axis]! + pads[axis + 2]! >= kernel[axis]! && pads[axis]! < kernel[axis]! && pads[axis + 2]! < kernel[axis]!,
    ),
  )
  .map(({ op, channels, input, kernel, strides, pads, ceil, count }): OpCase => {
    const attributes = {
      kernel_shape: kernel,
      strides,
      pads,
      ceil_mode: Number(ceil),
      ...(op === "AveragePool" && { count_include_pad: Number(count) }),
    };
    return {
      name: `${op} [${channels}, ${input}] ${JSON.stringify(attributes)}`,
      operands: { a: [1, channels, ...input] },
      nodes: [node(op, ["a"], attributes)],
    };
  });

/** Two shapes that broadcast: from one, axes repeated in either and leading ones left out of the second. */
const broadcast = fc
  .tuple(
    fc.constantFrom("Add", "Sub", "Mul", "Div"),
    fc.array(fc.tuple(int(1, 5), fc.constantFrom("both", "a", "b")), { minLength: 1, maxLength: 5 }),
    int(0, 4),
  )
  .map(([op, axes, dropped]): OpCase => {
    const a = axes.map(([extent, side]) => (side === "b" ? 1 : extent));
    const b = axes.map(([extent, side]) => (side === "a" ? 1 : extent)).slice(Math.min(dropped, axes.length));
    return { name: `${op} [${a}] and [${b}]`, operands: { a, b: { shape: b, positive: true } }, nodes: [node(op, ["a", "b"])] };
  });

const product = fc
  .record({
    batch: fc.array(fc.tuple(int(1, 3), fc.constantFrom("both", "a", "b")), { maxLength: 2 }),
    rows: int(1, 9),
    depth: int(1, 11),
    columns: int(1, 13),
    dynamic: fc.boolean(),
  })
  .map(({ batch, rows, depth, columns, dynamic }): OpCase => {
    const a = [...batch.map(([extent, side]) => (side === "b" ? 1 : extent)), rows, depth];
    const b = [...batch.map(([extent, side]) => (side === "a" ? 1 : extent)), depth, columns];
    return {
      name: `MatMul [${a}] by ${dynamic ? "computed" : "constant"} [${b}]`,
      operands: { a, ...(dynamic && { b }) },
      ...(!dynamic && { constants: { b: weights(b, depth) } }),
      nodes: [node("MatMul", ["a", "b"])],
    };
  });

const families: readonly [string, fc.Arbitrary<OpCase>][] = [
  ["convolutions", layer("Conv", some)],
  ["depthwise convolutions", layer("Conv", depthwise)],
  ["transposed convolutions", layer("ConvTranspose", some)],
  ["pools", pool],
  ["broadcasts", broadcast],
  ["products", product],
];

const variants = [software, ...["direct", "line", "quad", "tiled", "tiled128", "split", "depthwise"].map(forced)];

describe("random shapes", () => {
  test.each(families)("%s", async (_, family) => {
    let cases = 0;
    await fc.assert(
      fc.asyncProperty(family, async (given) => {
        cases++;
        await checkCase(given, variants);
      }),
      { seed: SEED, numRuns: RUNS, interruptAfterTimeLimit: 60_000, endOnFailure: false },
    );
    expect(cases).toBeGreaterThan(0);
  });
});
