/** What planners say to a tuner: which variants may be taken, under which name, and whose text a table depends on. */
import { readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { convSite, legalVariants } from "../../../src/kernels/conv-planner.ts";
import type { ConvFacts } from "../../../src/kernels/conv-planner.ts";
import { legalMatmuls, matmulSite } from "../../../src/kernels/matmul-planner.ts";
import type { AdapterFacts } from "../../../src/kernels/op.ts";
import { legalReductions, reduceSite } from "../../../src/kernels/reduce-planner.ts";
import { kernelsHash, variantKernels } from "../../../src/kernels/registry.ts";
import { hashOf, legalAmong, signatureOf } from "../../../src/kernels/variants.ts";
import type { WeightStorage } from "../../../src/runtime/plan/launch.ts";
import { planGraph } from "../../../src/runtime/plan/plan.ts";
import type { Plan } from "../../../src/runtime/plan/plan.ts";
import { derivativeGraph, loadedGraph } from "../../gpu/ops/variant.ts";
import { counting, graphOf, node } from "../runtime/graphs.ts";
import { gpu, phone, usualConv as conv } from "./facts.ts";

const old: AdapterFacts = { ...gpu, subgroupSize: 0 };
const limits = { maxStorageBufferBindingSize: Infinity, maxBufferSize: Infinity };

describe("legal variants", () => {
  test.each<[string, Partial<ConvFacts>, AdapterFacts, string[]]>([
    ["a usual convolution", {}, gpu, ["direct", "strip", "quad", "tiled", "tiled128", "split", "winograd"]],
    ["one whose weights are f16", { weights: "f16" }, gpu, ["direct", "strip", "quad", "tiled", "tiled128", "split"]],
    ["a usual convolution without subgroups", {}, old, ["direct", "strip", "tiled", "tiled128", "split", "winograd"]],
    ["one that moves by two pixels", { strides: [2, 2] }, gpu, ["direct", "quad", "tiled", "tiled128", "split"]],
    ["a wide kernel", { kernelW: 10 }, gpu, ["direct", "quad", "tiled", "tiled128", "split"]],
    ["few terms", { channels: 64, kernelH: 1, kernelW: 1 }, gpu, ["direct", "strip", "quad", "tiled", "tiled128"]],
    ["tiles enough for every multiprocessor", { columns: 128 * 64 }, gpu, ["direct", "strip", "quad", "tiled", "tiled128", "winograd"]],
    [
      "a depthwise one",
      { channels: 1, groups: 64, outputs: 1 },
      gpu,
      ["direct", "strip", "quad", "tiled", "tiled128", "depthwise", "winograd"],
    ],
    ["workgroups that are too large for the adapter", {}, phone, ["direct", "strip", "quad", "winograd"]],
  ])("of %s", (_, facts, adapter, expected) => {
    expect(legalVariants({ ...conv, ...facts }, adapter)).toEqual(expected);
  });

  test("of products and reductions", () => {
    const product = { lines: 64, depth: 64, width: 64, sharedB: true, straight: true };
    expect(legalMatmuls(product, gpu)).toEqual(["direct", "line", "quad", "tiled", "tiled128"]);
    expect(legalMatmuls({ ...product, straight: false }, gpu)).toEqual(["direct", "line", "tiled", "tiled128"]);
    expect(legalMatmuls({ ...product, sharedB: false }, gpu)).toEqual(["direct", "line"]);
    expect(legalMatmuls({ ...product, depth: 65 }, gpu)).toEqual(["direct", "line", "quad", "tiled", "tiled128", "split"]);
    expect(legalMatmuls({ ...product, depth: 65, sharedB: false }, phone)).toEqual(["direct", "line", "split"]);
    expect(legalMatmuls(product, phone)).toEqual(["direct", "line", "quad"]);
    expect(legalReductions({ outputs: 1, count: 9 }, phone)).toEqual(["direct", "tiled"]);
  });

  test("what is no refusal of a planner is no answer", () => {
    const broken = () => {
      throw new TypeError("a mistake");
    };
    expect(() => legalAmong(["direct"], gpu, broken)).toThrow(TypeError);
  });
});

describe("signatures", () => {
  test("name the op and every fact, in any order alike", () => {
    expect(signatureOf("conv", { b: [1, 2], a: true })).toBe("conv a=true b=1x2");
    expect(signatureOf("conv", { a: true, b: [1, 2] })).toBe("conv a=true b=1x2");
    expect(convSite(conv, gpu)).toEqual({
      signature:
        "conv channels=64 columns=196 dilations=1x1 direction=forward fitsFrequencies=true groups=1 images=1 kernelH=3 kernelW=3 linear=false outH=14 outW=14 outputs=64 strides=1x1 weights=f32",
      legal: legalVariants(conv, gpu),
      usual: "tiled",
    });
  });

  test("differ wherever a fact does", () => {
    const product = { lines: 4, depth: 5, width: 6, sharedB: true, straight: true };
    const layout = { height: 1, leads: [1, 0], weights: "f32" } as const;
    const signatures = [
      ...[conv, { ...conv, columns: 197 }, { ...conv, kernelH: 1 }, { ...conv, linear: true }].map((facts) => convSite(facts, gpu)),
      convSite({ ...conv, direction: "adjoint" }, gpu),
      convSite({ ...conv, strides: [2, 1] }, gpu),
      convSite({ ...conv, dilations: [2, 1] }, gpu),
      convSite({ ...conv, weights: "f16" }, gpu),
      matmulSite(product, layout, gpu),
      matmulSite({ ...product, lines: 8 }, layout, gpu),
      matmulSite(product, { ...layout, height: 2 }, gpu),
      matmulSite(product, { ...layout, leads: [1, 1] }, gpu),
      matmulSite(product, { ...layout, weights: "f16" }, gpu),
      reduceSite("ReduceSum", { outputs: 4, count: 5 }, { inner: 5, stride: 1 }, gpu),
      reduceSite("ReduceSum", { outputs: 4, count: 5 }, { inner: 5, stride: 4 }, gpu),
      reduceSite("ReduceMax", { outputs: 4, count: 5 }, { inner: 5, stride: 1 }, gpu),
    ].map(({ signature }) => signature);
    expect(new Set(signatures).size).toBe(signatures.length);
  });

  test("are the same whatever the adapter; what is usual, and legal, is not", () => {
    const [here, there] = [convSite(conv, gpu), convSite(conv, { ...phone, software: true })];
    expect(there.signature).toBe(here.signature);
    expect([here.usual, there.usual]).toEqual(["tiled", "quad"]);
  });
});

describe("plans", () => {
  const networks = [
    "models/lenet",
    "test/fixtures/separable",
    "test/fixtures/transformer",
    "test/fixtures/residual",
    "test/fixtures/dense",
  ];
  const plansOf = (name: string, more: { capacity?: number; choices?: Record<string, string>; weights?: WeightStorage } = {}): Plan[] => {
    const graph = loadedGraph(new Uint8Array(readFileSync(new URL(`../../../${name}.onnx`, import.meta.url))));
    const adjoint = derivativeGraph(graph, "vjp", graph.outputs[0]!, graph.inputs[0]!);
    return [graph, adjoint].map((each) => planGraph({ graph: each, capacity: 2, rows: 3, adapter: gpu, limits, ...more }));
  };

  test.each(networks)("of %s: the usual variant is legal, and the text of every legal one is hashed", (name) => {
    const hashed = new Set(variantKernels().keys());
    for (const { sites } of plansOf(name)) {
      expect(sites.length).toBeGreaterThan(0);
      for (const { legal, usual } of sites) expect(legal).toContain(usual);
      for (const variant of new Set(sites.flatMap(({ legal }) => legal))) {
        const choices = Object.fromEntries(sites.map(({ signature }) => [signature, variant]));
        const chosen = new Set(sites.filter(({ legal }) => legal.includes(variant)).map(({ node }) => node.name));
        for (const { launches } of plansOf(name, { choices })) {
          const kernels = launches.filter(
            ({ node, kernel }) => chosen.has(node) && (kernel.name.endsWith(variant) || kernel.name === "sum_slices"),
          );
          // Kernels of rare ops, which may not be loaded, are not: signatures carry the hash of theirs.
          const rare = new Set(sites.filter(({ signature }) => /^\w+#[0-9a-f]{8} /.test(signature)).map(({ node }) => node.name));
          for (const { node, kernel } of kernels) if (!rare.has(node)) expect(hashed).toContain(kernel.name);
        }
      }
    }
  });

  test("a choice is taken where it is legal, and passed over where it is not", () => {
    const { signature, legal, node } = plansOf("models/lenet")[0]!.sites.find(({ legal }) => !legal.includes("depthwise"))!;
    const kernelOf = (choices: Record<string, string>) => {
      const { launches } = plansOf("models/lenet", { choices })[0]!;
      return launches.find((launch) => launch.node === node.name)!.kernel.name;
    };
    expect(legal).toContain("strip");
    expect(kernelOf({ [signature]: "strip" })).toBe("conv_strip_shared");
    const usual = kernelOf({});
    expect(kernelOf({ [signature]: "depthwise" })).toBe(usual);
    expect(kernelOf({ [signature]: "winograd" })).toBe(usual);
  });

  test("what was measured with weights of one storage is not taken for the other", () => {
    const kernels = (more: { choices?: Record<string, string>; weights?: WeightStorage }) =>
      plansOf("models/lenet", more).flatMap(({ launches }) => launches.map(({ kernel }) => kernel.name));
    const sites = plansOf("models/lenet").flatMap(({ sites }) => sites);
    const choices = Object.fromEntries(sites.map(({ signature, legal, usual }) => [signature, legal.find((name) => name !== usual)!]));
    expect(kernels({ choices })).not.toEqual(kernels({}));
    expect(kernels({ choices, weights: "f16" })).toEqual(kernels({ weights: "f16" }));
  });

  test("weights that leave f16's range are measured as the f32 that they stay", () => {
    const signatureOfProduct = (scale: number, weights: WeightStorage) => {
      const nodes = [node("MatMul", ["x", "w"], "y")];
      const graph = graphOf({ inputs: { x: [1, 4] }, nodes, constants: { w: counting([4, 4], scale) } });
      return planGraph({ graph, capacity: 2, rows: 1, adapter: gpu, limits, weights }).sites[0]!.signature;
    };
    expect(signatureOfProduct(1e5, "f16")).toBe(signatureOfProduct(1, "f32"));
    expect(signatureOfProduct(1, "f16")).not.toBe(signatureOfProduct(1, "f32"));
  });

  test("copies are part of a signature: other batch sizes are other shapes", () => {
    const signatures = (capacity: number) => plansOf("models/lenet", { capacity })[0]!.sites.map(({ signature }) => signature);
    expect(signatures(4).filter((signature) => signatures(2).includes(signature))).toEqual([]);
  });

  test("the hash is eight digits and stays, whether or not rare ops are loaded", async () => {
    const hash = kernelsHash();
    expect(hash).toMatch(/^[0-9a-f]{8}$/);
    vi.resetModules();
    const registry = await import("../../../src/kernels/registry.ts");
    expect(registry.rareOpsLoaded()).toBe(false);
    expect(registry.kernelsHash()).toBe(hash);
  });

  test("of rare ops the signature changes with the text of a kernel", () => {
    const [a, b] = [
      { name: "k", source: "fn main() {}" },
      { name: "k", source: "fn main() { }" },
    ];
    expect(hashOf([a])).toMatch(/^[0-9a-f]{8}$/);
    expect(hashOf([a])).not.toBe(hashOf([b]));
  });
});
