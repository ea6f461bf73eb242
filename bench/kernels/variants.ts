/**
 * The kernels that can compute a shape. Names come from the planners, and whether one fits is asked by planning with it, so
 * that a new variant is benchmarked as soon as its planner knows it.
 */
import { convVariants } from "../../src/kernels/conv-planner.ts";
import { matmulVariants } from "../../src/kernels/matmul-planner.ts";
import type { WeightStorage } from "../../src/index.ts";
import type { AdapterFacts } from "../../src/kernels/op.ts";
import { reduceVariants } from "../../src/kernels/reduce-planner.ts";
import { ArgumentError } from "../../src/runtime/errors.ts";
import { pipelineKey } from "../../src/runtime/gpu/kernel.ts";
import type { Graph } from "../../src/runtime/graph/graph.ts";
import { planGraph } from "../../src/runtime/plan/plan.ts";
import type { Plan, PlanLimits } from "../../src/runtime/plan/plan.ts";
import type { Shape } from "./shapes.ts";

export interface Candidate {
  /** The planner's name for it; "only" where an op has one kernel, "planner" for a plan that no name gives. */
  readonly variant: string;
  /** Whether the planner takes it for this adapter. */
  readonly chosen: boolean;
  readonly plan: Plan;
}

function namesFor(op: Shape["op"]): readonly string[] {
  if (op === "conv") return convVariants;
  if (op === "matmul") return matmulVariants;
  if (op === "reduce_mean" || op === "reduce_sum") return reduceVariants;
  return [];
}

/** Equal for plans that launch the same kernels in the same way. */
function signature({ launches }: Plan): string {
  return JSON.stringify(launches.map(({ kernel, constants, grid, params }) => [pipelineKey(kernel, constants), grid, params]));
}

/** Every way to compute a shape's graph, each once. Throws LimitError where a binding would be too large for the device. */
export function candidatesFor(
  shape: Shape,
  graph: Graph,
  adapter: AdapterFacts,
  limits: PlanLimits,
  weights: WeightStorage = "f32",
): Candidate[] {
  const request = { graph, capacity: shape.samples, rows: 1, adapter, limits, weights };
  const chosen = planGraph(request);
  const found = new Map<string, Candidate>();
  for (const variant of namesFor(shape.op)) {
    try {
      const plan = planGraph({ ...request, forcedVariant: variant });
      const key = signature(plan);
      if (!found.has(key)) found.set(key, { variant, chosen: key === signature(chosen), plan });
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
    }
  }
  const all = [...found.values()];
  if (all.some((candidate) => candidate.chosen)) return all;
  return [...all, { variant: all.length === 0 ? "only" : "planner", chosen: true, plan: chosen }];
}
