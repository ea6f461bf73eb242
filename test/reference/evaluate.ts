/**
 * Evaluates a TestModel in double precision, and accounts for the rounding that a float32 evaluation may commit.
 *
 * Every element carries a bound on the error of an honest float32 evaluation: each op adds its own rounding (a sum of K
 * products √K ε Σ|a||b|, the functions what WGSL grants them) to the errors of its inputs, times the op's slope. So a
 * comparison is as strict as the numbers allow, and no flat tolerance hides a wrong element among large ones.
 */
import { attentionKernels } from "./attention.ts";
import { elementwiseKernels } from "./elementwise.ts";
import type { EvaluationState, ReferenceKernel } from "./context.ts";
import { functionKernels } from "./functions.ts";
import { gatheringKernels } from "./gathering.ts";
import { linearKernels } from "./linear.ts";
import type { TestModel } from "./model.ts";
import { movementKernels } from "./movement.ts";
import { poolKernels } from "./pool.ts";
import { reduceKernels } from "./reduce.ts";
import { tensor } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";

const kernels: Readonly<Record<string, ReferenceKernel>> = {
  ...attentionKernels,
  ...elementwiseKernels,
  ...functionKernels,
  ...gatheringKernels,
  ...linearKernels,
  ...poolKernels,
  ...reduceKernels,
  ...movementKernels,
};

/** Whether the reference has an op. */
export const hasReference = (op: string): boolean => op in kernels;

export type Feeds = Readonly<Record<string, ArrayLike<number>>>;

export interface Evaluation {
  /** By name: every value of the model. */
  readonly values: ReadonlyMap<string, Tensor>;
  /** The outputs, in order. */
  readonly outputs: readonly Tensor[];
  /** Distance of the nearest Relu, Clip or MaxPool input to a kink; Infinity where there is none. */
  readonly margin: number;
}

/** Evaluates one sample: feeds have the shapes the model declares. */
export function evaluate(model: TestModel, feeds: Feeds, { bounds = true } = {}): Evaluation {
  const state: EvaluationState = { margin: Infinity, bounds };
  const values = new Map<string, Tensor>();
  for (const [name, { shape, data, type }] of Object.entries(model.constants)) {
    values.set(name, tensor(shape, type === "int64" ? data : Float32Array.from(data)));
  }
  for (const { name, shape } of model.inputs) values.set(name, tensor(shape, feeds[name]));
  for (const node of model.nodes) {
    const kernel = kernels[node.op];
    if (!kernel) throw new Error(`the reference has no ${node.op}`);
    const inputs = node.inputs.map((name) => values.get(name));
    values.set(node.outputs[0]!, kernel({ node, opset: model.opset, inputs, state }));
  }
  return { values, outputs: model.outputs.map((name) => values.get(name)!), margin: state.margin };
}
