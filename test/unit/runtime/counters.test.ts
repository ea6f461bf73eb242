/**
 * What each network costs in exact numbers: launches, pipelines, bytes. A change shows up here before any clock notices it.
 * `npx vitest run test/unit/runtime/counters.test.ts -u` writes the table anew where the change is meant.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { weightBytes } from "../../../bench/least-memory.ts";
import { pipelineKey } from "../../../src/runtime/gpu/kernel.ts";
import type { Plan } from "../../../src/runtime/plan/plan.ts";
import { derivativeGraph, gpu, loadedGraph, planOf, software } from "../../gpu/ops/variant.ts";
import type { Variant } from "../../gpu/ops/variant.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const networks = ["models", "test/fixtures"].flatMap((folder) =>
  readdirSync(`${ROOT}/${folder}`)
    .filter((file) => file.endsWith(".onnx"))
    .map((file) => `${folder}/${file}`),
);

/** A plan's arena is a packing; the least that any could need is what is alive at once. */
const MOST_WASTE = 1.3;

function describePlan(plan: Plan): (string | number)[] {
  const pipelines = new Set(plan.launches.map(({ kernel, constants }) => pipelineKey(kernel, constants)));
  const arena = plan.arena.buffers.reduce((a, b) => a + b, 0);
  expect(arena).toBeLessThanOrEqual(MOST_WASTE * plan.arena.lowerBound);
  return [plan.launches.length, pipelines.size, weightBytes(plan), arena, plan.arena.lowerBound];
}

const rowsOf = (file: string, variant: Variant) => {
  const graph = loadedGraph(new Uint8Array(readFileSync(`${ROOT}/${file}`)));
  const adjoint = derivativeGraph(graph, "vjp", graph.outputs[0]!, graph.inputs[0]!);
  return [
    [file, variant.name, "forward, 1 sample", ...describePlan(planOf(graph, variant, 1, 1))],
    [file, variant.name, "forward, 32 samples", ...describePlan(planOf(graph, variant, 32, 1))],
    [file, variant.name, "vjp, 32 samples of 9 rows", ...describePlan(planOf(adjoint, variant, 32, 9))],
  ];
};

test("launches, pipelines and bytes are what they were", async () => {
  const head = ["network", "kernels", "program", "launches", "pipelines", "weights", "arena", "least arena"];
  const rows = [head, ...networks.flatMap((file) => [software, gpu].flatMap((variant) => rowsOf(file, variant)))];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  const text = rows.map((row) =>
    row.map((cell, i) => (i < 3 ? String(cell).padEnd(widths[i]!) : String(cell).padStart(widths[i]!))).join("  "),
  );
  await expect(`${text.join("\n")}\n`).toMatchFileSnapshot("counters.txt");
});
