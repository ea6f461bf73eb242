/** The least GPU memory that Nudge's plans allow, for the rows on peak memory. No GPU is touched. */
import type { AdapterFacts } from "../src/kernels/op.ts";
import { loadRareOps } from "../src/index.ts";
import { vjpGraph } from "../src/runtime/graph/differentiate.ts";
import { sizeOf } from "../src/runtime/graph/graph.ts";
import { fuseEpilogues } from "../src/runtime/graph/passes/fuse-epilogues.ts";
import { maskBeforePool } from "../src/runtime/graph/passes/mask-before-pool.ts";
import { simplify } from "../src/runtime/graph/simplify.ts";
import { decodeModel } from "../src/runtime/onnx/decode.ts";
import { importModel } from "../src/runtime/onnx/import.ts";
import { isPacked, planGraph } from "../src/runtime/plan/plan.ts";
import type { Plan } from "../src/runtime/plan/plan.ts";
import type { Work } from "./page/host.ts";

await loadRareOps();

const BYTES = 4;
const NO_LIMITS = { maxStorageBufferBindingSize: Infinity, maxBufferSize: Infinity };

/** Bytes of all weights that a plan reads, each layout once. */
export function weightBytes({ launches }: Plan): number {
  const seen = new Map<object, Map<string, number>>();
  for (const operand of launches.flatMap(({ bindings }) => Object.values(bindings))) {
    if (typeof operand === "string") continue;
    const [source, key, bytes] = isPacked(operand)
      ? [operand.source, operand.key, operand.bytes]
      : [operand, "", (operand.data?.length ?? 0) * BYTES];
    if (!source.data) continue;
    const layouts = seen.get(source) ?? new Map<string, number>();
    seen.set(source, layouts.set(key, bytes));
  }
  return [...seen.values()].flatMap((layouts) => [...layouts.values()]).reduce((a, b) => a + b, 0);
}

/** Inputs and outputs, and of values between them what is alive at once: less than that no arena can be. */
function workingBytes({ ports, bytesOf, arena }: Plan): number {
  return [...ports].reduce((sum, value) => sum + bytesOf(value), 0) + arena.lowerBound;
}

/** Bytes for the weights, the program that a call runs, and its result. Undefined for work that no such row is for. */
export function leastBytes(model: Uint8Array, work: Work, adapter: AdapterFacts): number | undefined {
  const { kind, samples } = work;
  if (kind !== "forward" && kind !== "jacobian") return undefined;
  const rows = kind === "jacobian" ? work.rows : 1;
  const graph = simplify(importModel(decodeModel(model)).graph);
  const [input, output] = [graph.inputs[0]!, graph.outputs[0]!];
  const run = kind === "jacobian" ? fuseEpilogues(maskBeforePool(vjpGraph(graph, output, input).graph)).graph : graph;
  const plan = planGraph({ graph: run, capacity: samples, rows, adapter, limits: NO_LIMITS });
  const result = samples * (kind === "jacobian" ? rows * sizeOf(input.shape) : sizeOf(output.shape)) * BYTES;
  return weightBytes(plan) + workingBytes(plan) + result;
}
