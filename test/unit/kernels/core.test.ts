/**
 * The core stands alone: whatever its importers, its derivative rules and the passes over its graphs emit is in it too. Nothing in
 * this file loads the rest but where it says so, each time with modules of its own.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { AdapterFacts, OpDefinition } from "../../../src/kernels/op.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import type { TestModel } from "../../reference/model.ts";
import { allCases } from "../../gpu/ops/cases/all.ts";
import { build } from "../../gpu/ops/cases/build.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** The engine as a page has it at first. */
async function fresh() {
  vi.resetModules();
  const [
    registry,
    decode,
    nodes,
    { importModel },
    { simplify },
    { vjpGraph, jvpGraph },
    { fuseEpilogues },
    mask,
    { planGraph },
    describe,
    errors,
  ] = await Promise.all([
    import("../../../src/kernels/registry.ts"),
    import("../../../src/runtime/onnx/decode.ts"),
    import("../../../src/runtime/onnx/import-nodes.ts"),
    import("../../../src/runtime/onnx/import.ts"),
    import("../../../src/runtime/graph/simplify.ts"),
    import("../../../src/runtime/graph/differentiate.ts"),
    import("../../../src/runtime/graph/passes/fuse-epilogues.ts"),
    import("../../../src/runtime/graph/passes/mask-before-pool.ts"),
    import("../../../src/runtime/plan/plan.ts"),
    import("../../../src/runtime/describe.ts"),
    import("../../../src/runtime/errors.ts"),
  ]);
  const limits = { maxStorageBufferBindingSize: Infinity, maxBufferSize: Infinity };
  const software = describe.SOFTWARE_ADAPTER;
  const adapters: AdapterFacts[] = [software, { ...software, subgroupSize: 0 }, { ...software, software: false }];
  /** Everything that loading a model and asking for its derivatives does without a GPU. */
  const workThrough = (bytes: Uint8Array) => {
    const graph = simplify(importModel(decode.decodeModel(bytes)).graph);
    const graphs =
      graph.outputs[0]!.type !== "float"
        ? []
        : graph.inputs.flatMap((input) =>
            [vjpGraph, jvpGraph].map(
              (derivative) => fuseEpilogues(mask.maskBeforePool(derivative(graph, graph.outputs[0]!, input).graph)).graph,
            ),
          );
    for (const each of [graph, ...graphs]) {
      for (const adapter of adapters) planGraph({ graph: each, capacity: 2, rows: 3, adapter, limits });
    }
  };
  return { ...registry, ...decode, ...nodes, ...describe, ...errors, importModel, workThrough };
}

type Engine = Awaited<ReturnType<typeof fresh>>;
let engine: Engine;
beforeEach(async () => {
  engine = await fresh();
  expect(engine.rareOpsLoaded()).toBe(false);
});

const onnxNames = (definitions: readonly OpDefinition[]) => new Set(definitions.flatMap(({ onnx }) => Object.keys(onnx ?? {})));

/** The ops of a test case by the names that the registry has for them. */
const opsOf = ({ nodes }: TestModel) => nodes.map(({ op }) => op);

const node = (op: string, inputs: readonly string[], output: string, attributes = {}) => ({ op, inputs, outputs: [output], attributes });
const whole = (...data: number[]) => ({ shape: [data.length], data, type: "int64" as const });

/** Ops that the cases have only beside rare ones: comparisons, and shapes that are computed as exporters compute them. */
const others: readonly TestModel[] = [
  ...["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"].map((op) => ({
    opset: 17,
    inputs: [{ name: "x", shape: [1, 3] }],
    constants: { threshold: { shape: [], data: [0.25] } },
    nodes: [node(op, ["x", "threshold"], "hit"), node("Cast", ["hit"], "chosen", { to: 1 }), node("Mul", ["x", "chosen"], "y")],
    outputs: ["y"],
  })),
  {
    opset: 13,
    inputs: [{ name: "x", shape: [1, 4, 2, 3] }],
    constants: { axis: whole(0), most: whole(0, 2, 3), halves: whole(2, 2), channels: whole(4) },
    nodes: [
      node("Shape", ["x"], "shape"),
      node("Gather", ["shape", "most"], "space"),
      node("Concat", ["space", "channels"], "wanted", { axis: 0 }),
      node("ConstantOfShape", ["wanted"], "zeros"),
      node("Size", ["x"], "size"),
      node("Cast", ["size"], "count", { to: 1 }),
      node("Cast", ["count"], "again", { to: 7 }),
      node("Unsqueeze", ["again", "axis"], "flat"),
      node("Reshape", ["x", "flat"], "line"),
      node("Reshape", ["line", "wanted"], "back"),
      node("Add", ["back", "zeros"], "sum"),
      { op: "Split", inputs: ["sum", "halves"], outputs: ["left", "right"], attributes: { axis: 3 } },
      node("Mul", ["left", "right"], "y"),
    ],
    outputs: ["y"],
  },
];

describe("all that the core's ops lead to is in the core", () => {
  test("in every op case that the core imports: its graph, its derivatives, its plans", () => {
    const core = onnxNames(engine.registeredOps());
    const reached = new Set<string>();
    for (const given of allCases) {
      const { model } = build(given);
      try {
        engine.workThrough(encodeModel(model));
        for (const op of opsOf(model)) reached.add(op);
      } catch (error) {
        // A rare op, or a rare form of a common one, is refused as it is imported; anything else that is missing is a hole.
        expect(error, given.name).toBeInstanceOf(engine.UnsupportedOpError);
        expect((error as Error).message, given.name).not.toMatch(/has no (vjp|jvp) rule/);
      }
    }
    for (const model of others) {
      engine.workThrough(encodeModel(model));
      for (const op of opsOf(model)) reached.add(op);
    }
    // What is in the branches of an If and in a Constant, importers see as any other node and any other constant.
    expect([...core].filter((op) => !reached.has(op))).toEqual(["If", "Constant"]);
    expect(engine.rareOpsLoaded()).toBe(false);
  }, 120_000);

  test("in the text of its sources, which names no op of the rest", async () => {
    const core = new Set(engine.registeredOps());
    await engine.loadRareOps();
    const rare = new Set(
      engine
        .registeredOps()
        .filter((op) => !core.has(op))
        .map(({ name }) => name),
    );
    for (const { name } of core) rare.delete(name);
    expect(rare.has("Sqrt") && rare.has("Standardise") && rare.has("AxisMap")).toBe(true);

    const namedIn = (file: string) =>
      [...readFileSync(join(ROOT, file), "utf8").matchAll(/"([A-Z]\w+)"/g)].flatMap(([, name]) => (rare.has(name!) ? [name!] : []));
    const downloaded = staticImports("src/index.ts");
    expect(downloaded.size).toBeGreaterThan(60);
    expect([...downloaded].filter((file) => file.startsWith("src/kernels/rare/"))).toEqual([]);
    // batch.ts looks for ops in graphs, and finds none that are not there.
    expect([...downloaded].filter((file) => file !== "src/runtime/onnx/batch.ts" && namedIn(file).length > 0)).toEqual([]);
    // The scan finds what it looks for.
    expect(namedIn("src/kernels/rare/sample-normalisation.ts")).toContain("Standardise");
    expect(namedIn("src/runtime/onnx/batch.ts")).toContain("TopK");
  });
});

/** The files that a module takes along at once, itself among them; types and dynamic imports are no part of a download. */
function staticImports(entry: string): Set<string> {
  const files = new Set([entry]);
  for (const file of files) {
    const text = readFileSync(join(ROOT, file), "utf8");
    for (const [, from] of text.matchAll(/^(?:import|export) (?!type )[^;]*? from "(\.[^"]+\.ts)";$/gm)) {
      files.add(relative(ROOT, join(ROOT, dirname(file), from!)));
    }
  }
  return files;
}

describe("what is loaded when", () => {
  const networks = ["models", "test/fixtures"].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((file) => file.endsWith(".onnx"))
      .map((file) => `${folder}/${file}`),
  );
  const bytesOf = (file: string) => new Uint8Array(readFileSync(join(ROOT, file)));
  const ensure = (bytes: Uint8Array) => engine.ensureOps(engine.opNamesOf(engine.decodeModel(bytes)));
  // Layer normalisation and GELU written out in ops, and local response normalisation.
  const rareNetworks = ["test/fixtures/transformer.onnx", "test/fixtures/inception.onnx"];

  test.each(networks.filter((file) => !rareNetworks.includes(file)))("%s takes the core alone", async (file) => {
    expect(existsSync(join(ROOT, file))).toBe(true);
    await ensure(bytesOf(file));
    engine.workThrough(bytesOf(file));
    expect(engine.rareOpsLoaded()).toBe(false);
  });

  test.each(rareNetworks)("%s takes the rest", async (file) => {
    expect(() => engine.workThrough(bytesOf(file))).toThrow(engine.UnsupportedOpError);
    await ensure(bytesOf(file));
    engine.workThrough(bytesOf(file));
    expect(engine.rareOpsLoaded()).toBe(true);
  });

  const small = (op: string, attributes = {}): Uint8Array =>
    encodeModel({
      opset: 17,
      inputs: [{ name: "x", shape: [1, 3] }],
      nodes: [{ op, inputs: ["x"], outputs: ["y"], attributes }],
      constants: {},
      outputs: ["y"],
    });

  test("an op that nothing serves is refused as ever once the rest is there", async () => {
    await ensure(small("NoSuchOp"));
    expect(engine.rareOpsLoaded()).toBe(true);
    expect(() => engine.importModel(engine.decodeModel(small("NoSuchOp")))).toThrow(
      'node "NoSuchOp_0" (NoSuchOp, opset 17): has no kernel. 1 of 1 nodes is unsupported',
    );
  });

  test("describeModel says what it needs before it can tell, and what it can tell it tells", async () => {
    expect(engine.describeModel(small("Relu")).ops).toEqual({ Relu: 1 });
    expect(() => engine.describeModel(small("Erf"))).toThrow("to describe a model with Erf, await loadRareOps() before describeModel()");
    await engine.loadRareOps();
    expect(engine.describeModel(small("Erf")).unsupported).toEqual([]);
    expect(engine.describeModel(small("NoSuchOp")).unsupported.map(({ op }) => op)).toEqual(["NoSuchOp"]);
  });

  test("ops are looked for in branches and in functions, and calls of functions are no ops", () => {
    const node = (opType: string, more = {}) => ({ opType, ...more });
    const names = engine.opNamesOf({
      graph: { node: [node("If", { attribute: [{ name: "then_branch", g: { node: [node("Erf")] } }] }), node("swish", { domain: "own" })] },
      functions: [{ name: "swish", domain: "own", node: [node("Sigmoid"), node("FusedConv", { domain: "com.microsoft" })] }],
    });
    expect([...names].sort()).toEqual(["Erf", "If", "Sigmoid", "com.microsoft.FusedConv"]);
  });
});
