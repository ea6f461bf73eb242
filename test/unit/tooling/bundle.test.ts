/** What a page downloads: how much, and that it carries nothing that it does not use. */
import { build } from "vite";
import type { Rolldown } from "vite";
import { beforeAll, describe, expect, test } from "vitest";
import { EXPORT_BUDGETS, SIZE_TARGET } from "../../../bench/sizes.ts";
import { exporting, measureBundle } from "../../../scripts/bundle-size.mjs";

test("a page with DeepFool stays below the target, the reading of ONNX files included", async () => {
  const { gzip, later } = await measureBundle(exporting("createEngine, deepfool"));
  expect(gzip).toBeLessThanOrEqual(SIZE_TARGET);
  expect(later.gzip).toBeGreaterThan(10_000);
}, 60_000);

describe("each public export alone stays within its budget", () => {
  test("every export has one", async () => {
    expect(Object.keys(EXPORT_BUDGETS).sort()).toEqual(Object.keys(await import("../../../src/index.ts")).sort());
  });

  const small = Object.keys(EXPORT_BUDGETS).filter((name) => EXPORT_BUDGETS[name]! < 500);
  const large = Object.entries(EXPORT_BUDGETS).filter(([name]) => !small.includes(name));

  test.each(large)(
    "%s",
    async (name, budget) => {
      const { gzip } = await measureBundle(exporting(name));
      expect(gzip).toBeLessThanOrEqual(budget);
      // A budget far above the size would let it grow unseen.
      expect(gzip).toBeGreaterThan(0.85 * budget);
    },
    60_000,
  );

  test("errors and defaults, even all of them together", async () => {
    const { gzip } = await measureBundle(exporting(small.join(", ")));
    expect(small).toContain("ShapeError");
    expect(gzip).toBeLessThanOrEqual(1000);
  }, 60_000);
});

const ENTRY = "an-app.js";

describe("the published library", () => {
  let chunks: ReadonlyMap<string, Rolldown.OutputChunk>;
  beforeAll(async () => {
    const [{ output }] = (await build({ configFile: "vite.config.ts", logLevel: "error", build: { write: false } })) as [
      Rolldown.RolldownOutput,
    ];
    chunks = new Map(output.flatMap((chunk) => (chunk.type === "chunk" ? [[chunk.fileName, chunk]] : [])));
  }, 60_000);

  test("is three modules, of which the third is loaded on demand and shares the registry of the second", () => {
    expect([...chunks.keys()].sort()).toEqual(["core.js", "index.js", "rare-ops.js"]);
    expect([chunks.get("index.js")!.imports, chunks.get("index.js")!.dynamicImports]).toEqual([["core.js"], []]);
    expect([chunks.get("core.js")!.imports, chunks.get("core.js")!.dynamicImports]).toEqual([[], ["rare-ops.js"]]);
    expect([chunks.get("rare-ops.js")!.imports, chunks.get("rare-ops.js")!.dynamicImports]).toEqual([["core.js"], []]);
    const registered = [...chunks.values()].filter(({ code }) => code.includes("is not registered")).map(({ fileName }) => fileName);
    expect(registered).toEqual(["core.js"]);
  });

  test("passes on its public surface and nothing else", async () => {
    expect(chunks.get("index.js")!.exports.sort()).toEqual(Object.keys(await import("../../../src/index.ts")).sort());
  });

  test.each([
    ["createEngine", []],
    ["createEngine, deepfool", ["deepfool_schedule"]],
    ["createEngine, universalPerturbation", ["deepfool_gather", "universal_visit"]],
  ])("leaves an app that takes %s without the kernels of other attacks", async (names, kernels) => {
    const made = (await build({
      configFile: false,
      logLevel: "error",
      plugins: [
        {
          name: "published",
          resolveId: (id) => {
            const file = id.split("/").at(-1)!;
            return file === ENTRY || chunks.has(file) ? { id: file, moduleSideEffects: file === ENTRY } : undefined;
          },
          load: (id) => (id === ENTRY ? `export { ${names} } from "./index.js";` : chunks.get(id)?.code),
        },
      ],
      build: { write: false, lib: { entry: ENTRY, formats: ["es"], fileName: "app" } },
    })) as [Rolldown.RolldownOutput];
    const text = made[0].output.map((chunk) => ("code" in chunk ? chunk.code : "")).join("");
    const present = ["deepfool_schedule", "deepfool_gather", "universal_visit"].filter((kernel) => text.includes(`"${kernel}"`));
    expect(text).toContain('"conv_quad"');
    for (const kernel of kernels) expect(present).toContain(kernel);
    if (!names.includes("universal")) expect(present).not.toContain("universal_visit");
    if (names === "createEngine") expect(present).toEqual([]);
  });
});
