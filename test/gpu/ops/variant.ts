/** Which kernels a program runs: what the planner picks for an adapter, or named ones. None of this needs a GPU. */
import { loadRareOps } from "../../../src/kernels/registry.ts";
import { SOFTWARE_ADAPTER } from "../../../src/runtime/describe.ts";
import { ArgumentError } from "../../../src/runtime/errors.ts";
import { pipelineKey } from "../../../src/runtime/gpu/kernel.ts";
import { jvpGraph, vjpGraph } from "../../../src/runtime/graph/differentiate.ts";
import type { Graph, Node, Value } from "../../../src/runtime/graph/graph.ts";
import { fuseEpilogues } from "../../../src/runtime/graph/passes/fuse-epilogues.ts";
import { simplify } from "../../../src/runtime/graph/simplify.ts";
import { decodeModel } from "../../../src/runtime/onnx/decode.ts";
import { importModel } from "../../../src/runtime/onnx/import.ts";
import type { WeightStorage } from "../../../src/runtime/plan/launch.ts";
import { planGraph } from "../../../src/runtime/plan/plan.ts";
import type { Plan, PlanLimits, PlanRequest } from "../../../src/runtime/plan/plan.ts";

// Graphs are made at once here, of any op.
await loadRareOps();

/** A model's graph after the passes that every loaded graph goes through. */
export function loadedGraph(bytes: Uint8Array): Graph {
  return simplify(importModel(decodeModel(bytes)).graph);
}

/** The adjoint or tangent graph that Model runs; its outputs are [output, result], its last input is the seed. */
export function derivativeGraph(graph: Graph, kind: "vjp" | "jvp", output: Value, input: Value): Graph {
  return fuseEpilogues((kind === "vjp" ? vjpGraph : jvpGraph)(graph, output, input).graph).graph;
}

/** How kernels are chosen. */
export interface Variant {
  readonly name: string;
  readonly software: boolean;
  readonly force?: (node: Node, program: Pick<PlanRequest, "capacity" | "rows" | "weights">) => string | undefined;
  /** False: as on an adapter without subgroups. */
  readonly subgroups?: false;
  /** Its roundings are relative to the largest pixel of a tile: a derivative that is 0 comes out as a rounding. */
  readonly mixesTiles?: boolean;
  /** How weights are stored; default f32. */
  readonly weights?: WeightStorage;
}

const NO_LIMITS = { maxStorageBufferBindingSize: Infinity, maxBufferSize: Infinity };

/** Whether the node's family has a kernel of this name that can compute it. */
function accepts(node: Node, name: string, program: Pick<PlanRequest, "capacity" | "rows" | "weights">): boolean {
  const graph: Graph = {
    name: "",
    inputs: node.inputs.filter((value): value is Value => value !== undefined && !value.data),
    outputs: node.outputs,
    nodes: [node],
  };
  try {
    planGraph({ graph, ...program, adapter: SOFTWARE_ADAPTER, limits: NO_LIMITS, forcedVariant: name });
    return true;
  } catch (error) {
    if (error instanceof ArgumentError) return false;
    throw error;
  }
}

/** What the planner picks for a software adapter, and for a GPU, by size. */
export const software: Variant = { name: "software", software: true };
export const withoutSubgroups: Variant = { name: "without subgroups", software: true, subgroups: false };
export const gpu: Variant = { name: "gpu", software: false };

/** The named kernel wherever it can compute a node, whatever its size. */
export function forced(name: string): Variant {
  return {
    name,
    software: false,
    mixesTiles: name === "winograd",
    force: (node, program) => (accepts(node, name, program) ? name : undefined),
  };
}

/** The same kernels with weights stored as f16. */
export function halved(variant: Variant): Variant {
  return { ...variant, name: `${variant.name}, weights f16`, weights: "f16" };
}

/** Every way to choose among the kernels of convolutions, and of products. */
export const convVariants: readonly Variant[] = [
  software,
  withoutSubgroups,
  ...["direct", "strip", "quad", "tiled", "tiled128", "split", "depthwise", "winograd"].map(forced),
];
export const productVariants: readonly Variant[] = [software, ...["direct", "line", "quad", "tiled", "tiled128", "split"].map(forced)];

/** The specialised kernels that a variant's adjoint and tangent programs run for a model. */
export function pipelinesOf(bytes: Uint8Array, variant: Variant): Set<string> {
  const keys = derivativePlans(bytes, variant).flatMap(({ launches }) =>
    launches.map(({ kernel, constants }) => pipelineKey(kernel, constants)),
  );
  return new Set(keys);
}

/** The plans of the adjoint and tangent programs of the first output by every input, without a GPU. */
export function derivativePlans(bytes: Uint8Array, variant: Variant, capacity = 1, rows = 1): Plan[] {
  const graph = loadedGraph(bytes);
  return graph.inputs.flatMap((input) =>
    (["vjp", "jvp"] as const).map((kind) => planOf(derivativeGraph(graph, kind, graph.outputs[0]!, input), variant, capacity, rows)),
  );
}

export function planOf(
  graph: Graph,
  { software, force, subgroups, weights = "f32" }: Variant,
  capacity: number,
  rows: number,
  facts = SOFTWARE_ADAPTER,
  limits: PlanLimits = NO_LIMITS,
): Plan {
  const adapter = { ...facts, software, ...(subgroups === false && { subgroupSize: 0 }) };
  const program = { capacity, rows, weights };
  return planGraph({ graph, ...program, adapter, limits, ...(force && { forcedVariant: (node) => force(node, program) }) });
}
