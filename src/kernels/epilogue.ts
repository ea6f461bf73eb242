/**
 * What kernels do to a result before writing it: add a bias, clamp it (ReLU, Clip), or mask it by a clamp further down
 * (the derivative of that clamp). A clamped node carries its range in the attributes `low` and `high`.
 */
import type { ConstantValue, ParamValue } from "../runtime/gpu/kernel.ts";
import type { Attributes, Node, Value } from "../runtime/graph/graph.ts";
import type { Emitter } from "./op.ts";
import { F32_MAX } from "./wgsl.ts";

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

export function epilogueOf(
  node: Node,
  bias: Value | undefined,
  mask: Value | undefined,
): { constants: Record<string, ConstantValue>; params: Record<string, ParamValue> } {
  const { low, high } = node.attributes;
  return {
    constants: { HAS_BIAS: bias !== undefined, CLAMPED: clampOf(node) !== undefined, MASKED: mask !== undefined },
    params: { low: typeof low === "number" ? low : -F32_MAX, high: typeof high === "number" ? high : F32_MAX },
  };
}

/** A cotangent or tangent carried through the clamp, if any, that `node` applies to its output. */
export function maskedCotangent(node: Node, direction: Value, emit: Emitter): Value {
  const range = clampOf(node);
  return range ? emit.add("Mask", [node.outputs[0]!, direction], { low: range.low, high: range.high }) : direction;
}
