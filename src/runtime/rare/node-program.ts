/** One node of a plan as a program by itself: what a tuner times. */
import type { GpuContext } from "../gpu/context.ts";
import type { Graph, Node } from "../graph/graph.ts";
import type { TuningTable } from "../tuning.ts";
import { planGraph } from "../plan/plan.ts";
import type { Plan } from "../plan/plan.ts";
import { Program } from "../plan/program.ts";
import { WeightStore } from "../plan/weights.ts";

export interface NodeProgram {
  /** Its graph's inputs and outputs are the node's; it takes as many samples as the plan that the node is from. */
  readonly program: Program;
  /** Frees the program and its weights. Idempotent. */
  readonly dispose: () => void;
}

/**
 * Compiles a node with buffers and weights of its own, by the variants that `choices` names. Throws ShaderCompileError, and
 * LimitError where a layout of its weights is larger than a binding may be.
 */
export async function nodeProgram(plan: Plan, node: Node, choices: TuningTable["choices"], gpu: GpuContext): Promise<NodeProgram> {
  const read = new Set([...plan.graph.outputs, ...plan.graph.nodes.flatMap(({ inputs }) => inputs)]);
  const graph: Graph = {
    name: node.name,
    inputs: [...new Set(node.inputs.filter((input) => input !== undefined))].filter(({ data }) => !data),
    outputs: node.outputs.filter((output) => read.has(output)),
    nodes: [node],
  };
  const { capacity, rows, adapter, limits, weights: storage = "f32" } = plan;
  const weights = new WeightStore(gpu, node.name);
  try {
    const program = await Program.compile(
      planGraph({ graph, capacity, rows, adapter, limits, weights: storage, choices }),
      gpu,
      weights,
      node.name,
    );
    return { program, dispose: () => [program, weights].forEach((part) => part.dispose()) };
  } catch (error) {
    weights.dispose();
    throw error;
  }
}
