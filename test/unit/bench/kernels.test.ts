/** The pure parts of the kernel benchmarks: counts, references, statistics, reports. */
import { describe, expect, test } from "vitest";
import { costOf, extentOf, hasWeights } from "../../../bench/kernels/counts.ts";
import { caseOf, scattered } from "../../../bench/kernels/graphs.ts";
import { elementOf } from "../../../bench/kernels/reference.ts";
import { columns, fileName, halvings, misjudgements, shareOf, summaries } from "../../../bench/kernels/report.ts";
import type { ShapeResult, VariantResult } from "../../../bench/kernels/report.ts";
import { kindOf, shapes } from "../../../bench/kernels/shapes.ts";
import type { ConvShape, PoolShape, Shape } from "../../../bench/kernels/shapes.ts";
import { percentile, quantumOf, spreadOf } from "../../../bench/kernels/statistics.ts";
import { candidatesFor } from "../../../bench/kernels/variants.ts";
import { SOFTWARE_ADAPTER } from "../../../src/runtime/describe.ts";
import { sizeOf } from "../../../src/runtime/graph/graph.ts";

const FACTS = { ...SOFTWARE_ADAPTER, software: false };
const NO_LIMITS = { maxStorageBufferBindingSize: Infinity, maxBufferSize: Infinity };

const conv: ConvShape = {
  op: "conv",
  name: "",
  source: "",
  samples: 2,
  channels: 4,
  outputs: 6,
  size: [5, 7],
  kernel: 3,
  stride: 2,
  pad: 1,
  groups: 2,
};
const pool: PoolShape = { op: "max_pool", name: "", source: "", samples: 2, channels: 3, size: [6, 5], kernel: 3, stride: 2, pad: 1 };

/** The whole result, element by element. */
function resultOf(shape: Shape): Float64Array {
  const { operands, output } = caseOf(shape);
  return Float64Array.from({ length: shape.samples * sizeOf(output.shape) }, (_, i) => elementOf(shape, operands, i));
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

describe("costs", () => {
  test("of a convolution, by hand", () => {
    expect(extentOf(7, conv)).toBe(4);
    // 2 images, 6 channels of 3 × 4 pixels, 9 taps of 2 channels; inputs 2·4·35, outputs 2·6·12, weights 6·2·9, 6 biases.
    expect(costOf(conv)).toMatchObject({ flops: 2 * (2 * 6 * 12 * 18), bytes: 4 * (280 + 144 + 108 + 6) });
  });

  test("of a matrix product whose B all samples share, and of one whose matrices have their own", () => {
    const dense = { op: "matmul", name: "", source: "", samples: 8, batch: 1, height: 1, depth: 5, width: 3, sharedB: true } as const;
    expect(costOf(dense)).toMatchObject({ flops: 2 * 8 * 15, bytes: 4 * (40 + 15 + 24) });
    expect(costOf({ ...dense, sharedB: false, batch: 2 })).toMatchObject({ flops: 2 * 16 * 15, bytes: 4 * (80 + 16 * 15 + 48) });
  });

  test("of weights as f16: two bytes each, and the same operations", () => {
    expect(costOf(conv, "f16")).toMatchObject({ flops: costOf(conv).flops, bytes: costOf(conv).bytes - 2 * 108 });
    expect(hasWeights(conv)).toBe(true);
    const attention = shapes.find((shape) => shape.op === "matmul" && !shape.sharedB)!;
    expect([hasWeights(attention), hasWeights(pool)]).toEqual([false, false]);
    expect(costOf(attention, "f16")).toEqual(costOf(attention));
  });

  test("of movement: no operation, two bytes for each byte", () => {
    const shape = shapes.find(({ op }) => op === "transpose")!;
    expect(costOf(shape)).toMatchObject({ flops: 0, intensity: 0 });
  });

  test("fit the multiply-adds of the planned launches, forward and adjoint", () => {
    const planned = shapes.filter(({ op, samples }) => (op === "conv" || op === "matmul") && samples === 1);
    expect(planned.length).toBeGreaterThan(40);
    for (const shape of planned) {
      // Weights as large as VGG's need not be made to count.
      if (costOf(shape).bytes > 2e7) continue;
      const { plan } = candidatesFor(shape, caseOf(shape).graph, FACTS, NO_LIMITS).find(({ chosen }) => chosen)!;
      const macs = plan.launches.reduce((sum, launch) => sum + launch.macs * plan.copiesOf(launch.grid.lead), 0);
      expect(2 * macs, shape.name).toBe(costOf(shape).flops);
    }
  });
});

describe("the list", () => {
  test("names each shape once, and every kind has an adjoint or needs none", () => {
    const names = shapes.map(({ op, name }) => `${op} ${name}`);
    expect(new Set(names).size).toBe(names.length);
    const kinds = new Set(shapes.map(kindOf));
    for (const kind of kinds) if (kind.startsWith("conv") && !kind.endsWith("adjoint")) expect(kinds).toContain(`${kind}, adjoint`);
  });

  test("the planner's choice is among the candidates, and each plan is listed once", () => {
    for (const shape of shapes.filter((each) => each.quick)) {
      for (const software of [true, false]) {
        const found = candidatesFor(shape, caseOf(shape).graph, { ...FACTS, software }, NO_LIMITS);
        expect(
          found.filter(({ chosen }) => chosen),
          shape.name,
        ).toHaveLength(1);
        expect(new Set(found.map(({ variant }) => variant)).size).toBe(found.length);
      }
    }
  });

  test("a depthwise convolution has its own kernel, others do not", () => {
    const names = (shape: Shape) => candidatesFor(shape, caseOf(shape).graph, FACTS, NO_LIMITS).map(({ variant }) => variant);
    expect(names({ ...conv, groups: 4, outputs: 4 })).toContain("depthwise");
    expect(names(conv)).not.toContain("depthwise");
  });
});

describe("references", () => {
  test.each([
    ["convolution", { ...conv }],
    ["convolution in one group, stride 1", { ...conv, groups: 1, stride: 1 }],
    ["average pool", { ...pool, op: "average_pool" as const }],
  ])("the adjoint of a %s: ⟨A x, ẏ⟩ = ⟨x, Aᵀ ẏ⟩", (_, shape) => {
    const adjoint: Shape = { ...shape, adjoint: true };
    const { x, cotangent, bias } = caseOf(adjoint).operands;
    // Only the linear part has an adjoint.
    const linear = resultOf(shape);
    if (bias && shape.op === "conv") {
      const plane = extentOf(shape.size[0], shape) * extentOf(shape.size[1], shape);
      linear.forEach((value, i) => (linear[i] = value - bias[Math.floor(i / plane) % shape.outputs]!));
    }
    expect(dot(linear, cotangent!)).toBeCloseTo(dot(x, resultOf(adjoint)), 10);
  });

  test("the adjoint of a max pool hands all of the cotangent on", () => {
    const adjoint: Shape = { ...pool, adjoint: true };
    const { cotangent } = caseOf(adjoint).operands;
    const sum = (list: ArrayLike<number>) => Array.from(list).reduce((a, b) => a + b, 0);
    expect(sum(resultOf(adjoint))).toBeCloseTo(sum(cotangent!), 10);
  });

  test("softmax sums to one, gelu(0) is 0 and gelu(1) is Φ(1)", () => {
    const softmax: Shape = { op: "softmax", name: "", source: "", samples: 2, lines: 1, extent: 5 };
    expect(resultOf(softmax).reduce((a, b) => a + b, 0)).toBeCloseTo(2, 12);
    const gelu: Shape = { op: "gelu", name: "", source: "", samples: 1, elements: 2 };
    const at = (x: number) => elementOf(gelu, { x: Float32Array.of(x) }, 0);
    expect(at(0)).toBe(0);
    expect(at(1)).toBeCloseTo(0.841344746, 8);
    expect(at(-0.5)).toBeCloseTo(-0.5 * 0.308537539, 8);
  });

  test("a transposition moves every element", () => {
    const shape: Shape = { op: "transpose", name: "", source: "", samples: 1, shape: [2, 3], permutation: [1, 0] };
    const x = Float32Array.of(0, 1, 2, 3, 4, 5);
    expect(x.map((_, i) => elementOf(shape, { x }, i))).toEqual(Float32Array.of(0, 3, 1, 4, 2, 5));
  });

  test("scattered numbers lie in [−1, 1), and do not repeat from row to row", () => {
    const numbers = scattered(200_000, 1);
    expect(numbers.every((value) => value >= -1 && value < 1)).toBe(true);
    expect(numbers.slice(0, 100)).not.toEqual(numbers.slice(65_536, 65_636));
    expect(Math.abs(numbers.reduce((a, b) => a + b, 0) / numbers.length)).toBeLessThan(0.01);
  });
});

describe("statistics", () => {
  test("percentiles interpolate between ranks", () => {
    expect(percentile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(percentile([1, 2, 3, 4, 5], 0.1)).toBeCloseTo(1.4);
    expect(percentile([7], 0.9)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, low: 1.2, high: 2.8, samples: 3 });
  });

  test("rounded timestamps are recognised, and others are not", () => {
    const rounded = [1, 3, 4, 8].map((i) => ({ begin: BigInt(i) * 100_000n, end: BigInt(i + 9) * 100_000n }));
    expect(quantumOf(rounded)).toBe(100_000);
    expect(quantumOf([...rounded, { begin: 123_457n, end: 200_001n }])).toBeUndefined();
    expect(quantumOf([{ begin: 0n, end: 0n }])).toBeUndefined();
  });
});

describe("reports", () => {
  const variant = (name: string, micros: number, chosen = false): VariantResult => ({
    variant: name,
    weights: "f32",
    kernels: [name],
    chosen,
    micros,
    gflops: 1000 / micros,
    gbs: 100 / micros,
  });
  const shape = (name: string, variants: readonly VariantResult[]): ShapeResult => ({
    op: "conv",
    kind: "conv 3x3",
    name,
    source: "",
    adjoint: false,
    flops: 1e6,
    bytes: 1e5,
    intensity: 10,
    variants,
  });
  const peaks = { fma: { rate: 100, form: "" }, copy: { rate: 20, form: "" } };

  test("the planner's wrong choices, worst first, without noise", () => {
    const results = [
      shape("right", [variant("a", 10, true), variant("b", 20)]),
      shape("noise", [variant("a", 10.2, true), variant("b", 10)]),
      shape("wrong", [variant("a", 30, true), variant("b", 20)]),
      shape("worse", [variant("a", 50, true), { ...variant("c", 1), micros: undefined }, variant("b", 20)]),
    ];
    expect(misjudgements(results).map(({ shape: { name }, best, factor }) => [name, best.variant, factor])).toEqual([
      ["worse", "b", 2.5],
      ["wrong", "b", 1.5],
    ]);
  });

  test("shares are of the nearer roof", () => {
    expect(shareOf(variant("a", 20), peaks)).toBe(0.5);
    expect(shareOf({ ...variant("a", 20), gbs: 16 }, peaks)).toBe(0.8);
    const results = [shape("one", [variant("a", 20)]), shape("two", [variant("a", 40), variant("b", 50)])];
    expect(summaries({ results, peaks })).toEqual([{ kind: "conv 3x3", shapes: 2, median: 0.375, most: 0.5 }]);
  });

  test("weights as f16: their gain and their error, and no say in what the planner should take", () => {
    const results = [
      shape("slower", [variant("a", 10, true), { ...variant("a", 20, true), weights: "f16", error: 2e-4 }]),
      shape("faster", [variant("a", 20, true), variant("b", 10), { ...variant("b", 5), weights: "f16", error: 1e-4 }]),
      shape("without", [variant("a", 10, true)]),
    ];
    expect(halvings(results).map(({ shape: { name }, f32, f16, factor }) => [name, f32.variant, f16.error, factor])).toEqual([
      ["faster", "b", 1e-4, 2],
      ["slower", "a", 2e-4, 0.5],
    ]);
    expect(misjudgements(results).map(({ best }) => [best.variant, best.weights])).toEqual([["b", "f32"]]);
  });

  test("files are named after the day and the adapter", () => {
    const adapter = { vendor: "", architecture: "", device: "", description: "NVIDIA H100 (80GB)", software: false, features: [] };
    expect(fileName("kernels", { date: "2026-01-31T10:00:00Z", adapter })).toBe("kernels-2026-01-31-nvidia-h100");
  });

  test("columns line up", () => {
    expect(columns([["a", "1"], ["bcd", "22"]], ["left", "right"])).toBe("a     1\nbcd  22"); // prettier-ignore
  });
});
