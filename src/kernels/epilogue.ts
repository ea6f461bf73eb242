/**
 * What kernels do to a result before writing it: add a bias and another value, clamp it (ReLU, Clip), or mask it by a clamp
 * further down (the derivative of that clamp). A clamped node carries its range in the attributes `low` and `high`.
 */
import type { ParamValue } from "../runtime/gpu/kernel.ts";
import type { Attributes, Node, Value } from "../runtime/graph/graph.ts";
import type { Operand } from "../runtime/plan/launch.ts";
import type { Emitter } from "./op.ts";

export interface ClampRange {
  readonly low: number;
  readonly high: number;
}

/** The clamp a node applies to its output, if any. A masking node's range belongs to its mask instead. */
export function clampOf(node: { readonly attributes: Attributes }): ClampRange | undefined {
  const { low, high, masked } = node.attributes;
  if (masked === true || typeof low !== "number" || typeof high !== "number") return undefined;
  return { low, high };
}

/** Where a convolution's or a product's node has what its epilogue takes; x and the weights come first. */
export const BIAS_INPUT = 2;
export const MASK_INPUT = 3;
export const ADDEND_INPUT = 4;

/** The bits of shaders/lib/epilogue.wgsl. */
const BIASED = 1;
const ADDED = 2;
const CLAMPED = 4;
const MASKED = 8;

/** The range that a node clamps its output to or masks it by, as kernels take it. */
export function rangeOf(node: Node): { low: number; high: number } {
  const { low, high } = node.attributes;
  return { low: typeof low === "number" ? low : -Infinity, high: typeof high === "number" ? high : Infinity };
}

/** What a kernel linked with lib/epilogue.wgsl binds and is told. */
export function epilogueOf(node: Node): { bindings: Record<string, Operand>; params: Record<string, ParamValue> } {
  const [bias, mask, addend] = [BIAS_INPUT, MASK_INPUT, ADDEND_INPUT].map((i) => node.inputs[i]);
  const steps = (bias ? BIASED : 0) | (addend ? ADDED : 0) | (clampOf(node) ? CLAMPED : 0) | (mask ? MASKED : 0);
  return {
    bindings: { bias: bias ?? "nothing", mask: mask ?? "nothing", addend: addend ?? "nothing" },
    params: { epilogue: steps, ...rangeOf(node) },
  };
}

/** A kernel that writes its sums as they are. */
export const NO_EPILOGUE: ReturnType<typeof epilogueOf> = {
  bindings: { bias: "nothing", mask: "nothing", addend: "nothing" },
  params: { epilogue: 0, low: -Infinity, high: Infinity },
};

/** The tangent of a node whose epilogue added a value, given that of its sum and of the value. */
export function addedTangent(sum: Value | undefined, addend: Value | undefined, emit: Emitter): Value {
  return sum && addend ? emit.add("Add", [sum, addend]) : (sum ?? addend)!;
}

/** A cotangent or tangent carried through the clamp, if any, that `node` applies to its output. */
export function maskedCotangent(node: Node, direction: Value, emit: Emitter): Value {
  const range = clampOf(node);
  return range ? emit.add("Mask", [node.outputs[0]!, direction], { low: range.low, high: range.high }) : direction;
}
