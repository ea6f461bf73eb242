/** Which kernel runs for which shape on which adapter: pure functions, so the table is the test. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planConv } from "../../../src/kernels/conv-planner.ts";
import type { ConvFacts } from "../../../src/kernels/conv-planner.ts";
import { planMatmul } from "../../../src/kernels/matmul-planner.ts";
import type { AdapterFacts } from "../../../src/kernels/op.ts";
import { planReduce } from "../../../src/kernels/reduce-planner.ts";
import { slicesOf } from "../../../src/kernels/split-k.ts";
import { ArgumentError } from "../../../src/runtime/errors.ts";
import { wantsWinograd } from "../../../src/kernels/conv-lowering.ts";
import { frequenciesFit } from "../../../src/kernels/winograd.ts";
import { loadRareOps } from "../../../src/kernels/registry.ts";
import { constant } from "../../../src/runtime/graph/graph.ts";
import type { Node } from "../../../src/runtime/graph/graph.ts";
import { gpu, phone, usualConv } from "./facts.ts";

await loadRareOps(); // Winograd's passes are among them.

const software: AdapterFacts = { ...gpu, software: true, vendor: "mesa", architecture: "" };
const old: AdapterFacts = { ...software, subgroupSize: 0 };

const conv = (facts: Partial<ConvFacts> = {}): ConvFacts => ({ ...usualConv, ...facts });

describe("convolution", () => {
  const table: readonly [name: string, facts: Partial<ConvFacts>, adapter: AdapterFacts, variant: string][] = [
    ["a usual layer on a GPU", {}, gpu, "tiled"],
    ["a usual layer on a CPU", {}, software, "quad"],
    ["stride 2 on a CPU", { strides: [2, 2] }, software, "quad"],
    ["a wide kernel on a CPU slides", { kernelW: 5 }, software, "strip"],
    ["few output channels on a CPU slide", { outputs: 3 }, software, "strip"],
    ["few output channels on a CPU, stride 2", { outputs: 3, strides: [2, 2] }, software, "quad"],
    ["a kernel too wide for the strip's registers on a CPU", { kernelW: 10 }, software, "quad"],
    ["the adjoint of a usual layer on a CPU", { linear: true, direction: "adjoint" }, software, "winograd"],
    ["the same with 63 channels", { linear: true, channels: 63 }, software, "quad"],
    ["the same of few tiles", { linear: true, outH: 12, outW: 12 }, software, "quad"],
    ["the same whose frequencies fit no binding", { linear: true, fitsFrequencies: false }, software, "quad"],
    ["the same on a GPU, where nothing was measured", { linear: true, direction: "adjoint" }, gpu, "tiled"],
    ["a usual layer on a CPU without subgroups", {}, old, "strip"],
    ["stride 2 on a CPU without subgroups", { strides: [2, 2] }, old, "direct"],
    ["too few channels for a tile", { outputs: 31 }, gpu, "direct"],
    ["half a tile of channels", { outputs: 32 }, gpu, "tiled"],
    ["too few pixels for a tile", { columns: 31 }, gpu, "direct"],
    ["depthwise on a GPU", { channels: 1, outputs: 1, groups: 64 }, gpu, "depthwise"],
    ["depthwise on a CPU", { channels: 1, outputs: 2, groups: 64 }, software, "depthwise"],
    ["one channel in, one group: no depthwise", { channels: 1 }, gpu, "tiled"],
    ["a GPU that cannot run 256 invocations", { strides: [2, 2] }, phone, "direct"],
  ];
  test.each(table)("%s", (_, facts, adapter, variant) => {
    expect(planConv(conv(facts), adapter).variant).toBe(variant);
  });

  test("a forced variant runs whatever the size", () => {
    for (const variant of ["direct", "strip", "quad", "tiled", "tiled128", "split"])
      expect(planConv(conv({ outputs: 1, columns: 1 }), software, variant).variant).toBe(variant);
  });

  test("a forced variant whose assumptions do not hold, or that does not exist, is refused", () => {
    expect(() => planConv(conv(), gpu, "depthwise")).toThrow(ArgumentError);
    expect(() => planConv(conv({ strides: [2, 2] }), gpu, "strip")).toThrow(ArgumentError);
    expect(() => planConv(conv({ channels: 7 }), gpu, "split")).toThrow('no kernel "split"');
    expect(() => planConv(conv({ columns: 64 * 128 }), gpu, "split")).toThrow(ArgumentError);
    expect(() => planConv(conv(), old, "quad")).toThrow('no kernel "quad"');
    expect(() => planConv(conv({ kernelW: 5 }), gpu, "winograd")).toThrow('no kernel "winograd"');
    expect(() => planConv(conv({ strides: [2, 2] }), gpu, "winograd")).toThrow(ArgumentError);
    expect(() => planConv(conv({ weights: "f16" }), gpu, "winograd")).toThrow(ArgumentError);
    expect(() => planConv(conv({ fitsFrequencies: false }), gpu, "winograd")).toThrow(ArgumentError);
    expect(() => planConv(conv(), gpu, "fourier")).toThrow('no kernel "fourier"');
  });

  test("a layer whose derivative runs by Winograd's passes asks for them to be loaded", () => {
    const layer = (op: string, channels: number, extent: number, kernel = 3, strides = [1, 1]): Node => {
      const value = { name: "", shape: [1, channels, extent, extent], type: "float" as const, lead: "sample" as const };
      const w = constant("w", [channels, channels, kernel, kernel], new Float32Array(channels * channels * kernel * kernel));
      return { op, name: "", inputs: [value, w], outputs: [value], attributes: { strides, dilations: [1, 1], groups: 1 } };
    };
    const wants = (...given: Parameters<typeof layer>) => wantsWinograd(layer(...given), software);
    expect([wants("Conv", 64, 14), wants("ConvTranspose", 64, 14)]).toEqual([true, true]);
    expect([wants("Conv", 63, 14), wants("Conv", 64, 12), wants("Conv", 64, 14, 5), wants("Conv", 64, 14, 3, [2, 2])]).toEqual(
      Array(4).fill(false),
    );
    expect(wantsWinograd(layer("Conv", 64, 14), gpu)).toBe(false);
    expect(wantsWinograd(layer("Relu", 64, 14), software)).toBe(false);
    expect(wantsWinograd(layer("Conv", 64, 224), software)).toBe(false);
  });

  test("frequencies fit where a sample's rows and the weights do, in the 128 MiB that every binding may have", () => {
    const layer = { channels: 64, outputs: 64, groups: 1, images: 1, outH: 112, outW: 112 };
    expect([1, 16, 18, 19].map((rows) => frequenciesFit(layer, rows))).toEqual([true, true, true, false]);
    expect(frequenciesFit({ ...layer, outH: 224, outW: 224 }, 1)).toBe(false);
    const late = { ...layer, outH: 14, outW: 14, outputs: 1024 };
    expect([910, 911].map((channels) => frequenciesFit({ ...late, channels }, 1))).toEqual([true, false]);
  });

  test("workgroups along z cover all output channels of all groups, no tile to spare", () => {
    const perTile = {
      direct: (c: Record<string, unknown>) => 4 * (c["QUADS"] as number),
      strip: (c: Record<string, unknown>) => c["CHANNELS"] as number,
      quad: (c: Record<string, unknown>) => 4 * (c["SHARE"] as number),
      tiled: () => 64,
      tiled128: () => 128,
    };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom("direct", "strip", "quad", "tiled", "tiled128"),
        (outputs, groups, variant) => {
          const { depth, constants } = planConv(conv({ outputs, groups }), gpu, variant);
          const tile = perTile[variant](constants);
          return depth % groups === 0 && (depth / groups) * tile >= outputs && (depth / groups - 1) * tile < outputs;
        },
      ),
      { seed: 1 },
    );
  });

  test("items along the line cover every pixel of every image", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (images, outH, outW) => {
          const facts = conv({ images, outH, outW, columns: images * outH * outW });
          const pixels = images * outH * outW;
          const strip = planConv(facts, gpu, "strip");
          const stripPixels = 4 * (strip.constants["PARTS"] as number);
          return (
            planConv(facts, gpu, "direct").items === pixels &&
            planConv(facts, gpu, "tiled").items === pixels &&
            planConv(facts, gpu, "tiled128").items === pixels &&
            planConv(facts, gpu, "quad").items === pixels &&
            strip.items * stripPixels >= pixels &&
            strip.items * stripPixels < pixels + images * outH * stripPixels &&
            planConv({ ...facts, channels: 1, groups: 7, outputs: 2 }, gpu, "depthwise").items * 4 >= pixels * 14
          );
        },
      ),
      { seed: 1 },
    );
  });
});

test("an adjoint's phases on the quad kernel cover every pixel, and have a workgroup each along z", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      (outH, outW, upH, upW) => {
        const { items, depth } = planConv(conv({ outH, outW, direction: "adjoint", strides: [upH, upW] }), software, "quad");
        const one = planConv(conv({ outH, outW }), software, "quad");
        return items * upH * upW >= one.items && depth === one.depth * upH * upW;
      },
    ),
    { seed: 1 },
  );
});

describe("matrix product", () => {
  const table: readonly [name: string, facts: Parameters<typeof planMatmul>[0], adapter: AdapterFacts, variant: string][] = [
    ["a wide dense layer of a batch on a GPU", { lines: 64, depth: 512, width: 512, sharedB: true, straight: true }, gpu, "tiled"],
    ["the same on a CPU", { lines: 64, depth: 512, width: 512, sharedB: true, straight: true }, software, "quad"],
    ["one sample on a CPU", { lines: 1, depth: 512, width: 512, sharedB: true, straight: true }, software, "line"],
    ["two samples on a CPU", { lines: 2, depth: 512, width: 512, sharedB: true, straight: true }, software, "direct"],
    ["rows found through slots on a CPU", { lines: 64, depth: 512, width: 512, sharedB: true, straight: false }, software, "direct"],
    ["a CPU without subgroups", { lines: 64, depth: 512, width: 512, sharedB: true, straight: true }, old, "direct"],
    ["one sample", { lines: 1, depth: 512, width: 512, sharedB: true, straight: true }, gpu, "direct"],
    ["ten logits", { lines: 512, depth: 512, width: 10, sharedB: true, straight: true }, gpu, "direct"],
    ["both operands computed", { lines: 512, depth: 512, width: 512, sharedB: false, straight: true }, gpu, "direct"],
    ["a GPU that cannot run 256 invocations", { lines: 64, depth: 512, width: 512, sharedB: true, straight: true }, phone, "direct"],
  ];
  test.each(table)("%s", (_, facts, adapter, variant) => {
    expect(planMatmul(facts, adapter).variant).toBe(variant);
  });

  test("on a CPU the layers of a wide kernel slide by one small tile forward, for one pipeline, and by what fits in derivatives", () => {
    const tile = (facts: Partial<ConvFacts>) => {
      const { CHANNELS, PARTS } = planConv(conv({ kernelW: 5, ...facts }), software, "strip").constants;
      return { CHANNELS, PARTS };
    };
    for (const outputs of [5, 20, 50, 64])
      for (const outW of [8, 12, 24]) expect(tile({ outputs, outW })).toEqual({ CHANNELS: 4, PARTS: 2 });
    expect(tile({ outputs: 64, outW: 24, direction: "adjoint", linear: true })).toEqual({ CHANNELS: 8, PARTS: 3 });
    expect(tile({ outputs: 64, outW: 24, linear: true })).toEqual({ CHANNELS: 8, PARTS: 3 });
    expect(tile({ outputs: 64, outW: 24, kernelW: 3 })).toEqual({ CHANNELS: 8, PARTS: 3 });
  });

  test("a forced variant that does not fit, or does not exist, is refused", () => {
    const facts = { lines: 64, depth: 64, width: 64, sharedB: false, straight: true };
    expect(() => planMatmul(facts, gpu, "tiled")).toThrow(ArgumentError);
    expect(() => planMatmul(facts, gpu, "tiled128")).toThrow(ArgumentError);
    expect(() => planMatmul(facts, gpu, "split")).toThrow('no kernel "split"');
    expect(() => planMatmul(facts, gpu, "quad")).toThrow(ArgumentError);
    expect(() => planMatmul(facts, gpu, "strassen")).toThrow('no kernel "strassen"');
  });

  test("workgroups along z cover all columns, none to spare, and lanes divide the workgroup", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.constantFrom("direct", "line", "tiled", "tiled128"), (width, variant) => {
        const { depth, constants, columnLanes, linesPerGroup } = planMatmul(
          { lines: 64, depth: 8, width, sharedB: true, straight: true },
          gpu,
          variant,
        );
        const tile = variant === "tiled128" ? 128 : 64;
        const [across, down] = { direct: [8, 4], line: [4, 1], tiled: [], tiled128: [] }[variant] as [number?, number?];
        const columns = across ? across * columnLanes : tile;
        const rows = down ? (down * (constants["LANES"] as number)) / columnLanes : tile;
        return depth * columns >= width && (depth - 1) * columns < width && Number.isInteger(rows) && rows === linesPerGroup;
      }),
      { seed: 1 },
    );
  });
});

describe("split sums", () => {
  test("slices are as even as whole steps along k allow, leave none out, and none is empty", () => {
    fc.assert(
      fc.property(fc.integer({ min: 65, max: 30_000 }), fc.integer({ min: 1, max: 127 }), (terms, groups) => {
        const { count, depth } = slicesOf(terms, groups);
        return count >= 2 && depth % 16 === 0 && count * depth >= terms && (count - 1) * depth < terms && (count - 1) * groups < 128;
      }),
      { seed: 1 },
    );
  });

  test("a late layer at batch 1 gets workgroups enough, each with its slice of k", () => {
    const late = conv({ channels: 512, outputs: 512, outH: 7, outW: 7, columns: 49 });
    expect(planConv(late, gpu, "split")).toMatchObject({ kernel: "tiled", depth: 8 * 16, slices: { count: 16, depth: 288 } });
    expect(planConv(late, gpu).variant).toBe("tiled");
  });

  test("a product takes the tiled kernel where it fills the tile, else the direct one, all of it along the columns for one line", () => {
    const dense = { lines: 1, depth: 25_088, width: 4096, sharedB: true, straight: true };
    expect(planMatmul(dense, gpu, "split")).toMatchObject({ kernel: "direct", columnLanes: 64, linesPerGroup: 4, slices: { count: 16 } });
    expect(planMatmul({ ...dense, lines: 7 }, gpu, "split")).toMatchObject({ kernel: "direct", columnLanes: 32, linesPerGroup: 8 });
    expect(planMatmul({ ...dense, lines: 31 }, gpu, "split")).toMatchObject({ kernel: "direct", columnLanes: 16, linesPerGroup: 16 });
    expect(planMatmul({ ...dense, lines: 32 }, gpu, "split")).toMatchObject({ kernel: "tiled", linesPerGroup: 64, depth: 64 * 2 });
    expect(planMatmul({ ...dense, lines: 32 }, phone, "split")).toMatchObject({ kernel: "direct" });
  });
});

test("larger tiles and split sums are left to tuners: no planner takes them by itself", () => {
  const extents = [1, 9, 31, 32, 64, 500, 4096];
  for (const adapter of [gpu, software, old, phone]) {
    for (const columns of extents) {
      for (const outputs of extents) {
        for (const channels of extents) {
          expect(["tiled128", "split"]).not.toContain(planConv(conv({ columns, outputs, channels }), adapter).variant);
          const product = { lines: columns, width: outputs, depth: channels, sharedB: true, straight: true };
          expect(["tiled128", "split"]).not.toContain(planMatmul(product, adapter).variant);
        }
      }
    }
  }
});

describe("reduction", () => {
  const table: readonly [name: string, facts: { outputs: number; count: number }, adapter: AdapterFacts, variant: string][] = [
    ["few long sums on a GPU", { outputs: 100, count: 256 }, gpu, "tiled"],
    ["few long sums on a CPU", { outputs: 100, count: 256 }, software, "direct"],
    ["short sums", { outputs: 100, count: 255 }, gpu, "direct"],
    ["enough sums to fill a GPU with one each", { outputs: 16_385, count: 1000 }, gpu, "direct"],
  ];
  test.each(table)("%s", (_, facts, adapter, variant) => {
    expect(planReduce(facts, adapter).variant).toBe(variant);
  });

  test("a variant that does not exist is refused", () => {
    expect(() => planReduce({ outputs: 1, count: 1 }, gpu, "tree")).toThrow(ArgumentError);
  });
});
