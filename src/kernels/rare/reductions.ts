/** Reductions that few networks need: norms, products and log-sum-exp (see ../reduce.ts). */
import l2Function from "../../../shaders/reduce/functions/l2.wgsl?raw";
import logSumExpFunction from "../../../shaders/reduce/functions/log_sum_exp.wgsl?raw";
import prodFunction from "../../../shaders/reduce/functions/prod.wgsl?raw";
import exponentialSource from "../../../shaders/lib/exponential.wgsl?raw";
import type { Value } from "../../runtime/graph/graph.ts";
import type { DerivativeContext, Emitter, OnnxBinding, OpDefinition } from "../op.ts";
import { compensated, defineRareReduce, importReduce, reduceOver, reducedAxes, simple, summed } from "../reduce.ts";
import type { ReduceFunction } from "../reduce.ts";

/** √Σ x² with the derivative x / ‖x‖, and 0 where the norm is 0. */
export function norm2(x: Value, axes: readonly number[], emit: Emitter): Value {
  return axes.length === 0 ? emit.add("Abs", [x]) : emit.add("ReduceL2", [x], { axes: [...axes] });
}

export function norm1(x: Value, axes: readonly number[], emit: Emitter): Value {
  return reduceOver("ReduceSum", emit.add("Abs", [x]), axes, emit);
}

/**
 * ∂ Π x / ∂ x_i: the product of the others, which is the product of all non-zero elements over x_i (1 for a zero), unless
 * there is another zero.
 */
function productOfOthers({ node, emit }: DerivativeContext): Value {
  const x = node.inputs[0]!;
  const axes = { axes: [...reducedAxes(node.attributes)] };
  const isZero = emit.add("Equal", [x, emit.constant([], [0])]);
  const zero = emit.add("Retype", [isZero], { type: "float" });
  const nonZero = emit.add("Add", [x, zero]);
  const others = emit.add("Div", [emit.add("ReduceProd", [nonZero], axes), nonZero]);
  const alone = emit.add("Equal", [emit.add("ReduceSum", [zero], axes), zero]);
  return emit.add("Mul", [others, emit.add("Retype", [alone], { type: "float" })]);
}

/** ∂ √Σx² / ∂ x = x / ‖x‖, 0 at the origin. */
function direction({ node, emit }: DerivativeContext): Value {
  return emit.add("Mul", [node.inputs[0], emit.add("ReciprocalOrZero", [node.outputs[0]])]);
}

/** ∂ ln Σ e^x / ∂ x = e^(x − y) */
function softmaxOf({ node, emit }: DerivativeContext): Value {
  return emit.add("Exp", [emit.add("Sub", [node.inputs[0], node.outputs[0]])]);
}

/** What is made of other ops. */
const composed: Readonly<Record<string, OnnxBinding>> = {
  ReduceL1: importReduce(18, norm1),
  ReduceSumSquare: importReduce(18, (x, axes, emit) => reduceOver("ReduceSum", emit.add("Mul", [x, x]), axes, emit)),
  ReduceLogSum: importReduce(18, (x, axes, emit) => emit.add("Log", [reduceOver("ReduceSum", x, axes, emit)])),
};

const functions: readonly ReduceFunction[] = [
  {
    name: "ReduceProd",
    source: prodFunction,
    libraries: [exponentialSource],
    evaluate: (elements) => elements.reduce((a, b) => a * b, 1),
    onnx: { ReduceProd: importReduce(18, simple("ReduceProd")) },
    vjp: (context, dy) => context.emit.add("Mul", [dy, productOfOthers(context)]),
    jvp: (context, dx) => summed(context, context.emit.add("Mul", [dx, productOfOthers(context)])),
  },
  {
    name: "ReduceL2",
    source: l2Function,
    libraries: compensated,
    evaluate: (elements) => Math.sqrt(elements.reduce((sum, x) => sum + x * x, 0)),
    onnx: { ...composed, ReduceL2: importReduce(18, norm2) },
    vjp: (context, dy) => context.emit.add("Mul", [dy, direction(context)]),
    jvp: (context, dx) => summed(context, context.emit.add("Mul", [dx, direction(context)])),
  },
  {
    name: "ReduceLogSumExp",
    source: logSumExpFunction,
    libraries: [exponentialSource],
    evaluate: (elements) => {
      const largest = elements.reduce((a, b) => Math.max(a, b), -Infinity);
      return largest + Math.log(elements.reduce((sum, x) => sum + (x === largest ? 1 : Math.exp(x - largest)), 0));
    },
    onnx: { ReduceLogSumExp: importReduce(18, simple("ReduceLogSumExp")) },
    vjp: (context, dy) => context.emit.add("Mul", [dy, softmaxOf(context)]),
    jvp: (context, dx) => summed(context, context.emit.add("Mul", [dx, softmaxOf(context)])),
  },
];

export const rareReductions: readonly OpDefinition[] = functions.map(defineRareReduce);
