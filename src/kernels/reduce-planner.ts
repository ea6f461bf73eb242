/** Which reduction kernel runs: a pure function of the shape and of a few facts about the adapter. */
import { ArgumentError } from "../runtime/errors.ts";
import type { ConstantValue } from "../runtime/gpu/kernel.ts";
import type { AdapterFacts } from "./op.ts";
import { LANES } from "./wgsl.ts";

/** Names that may be forced. */
export const reduceVariants = ["direct", "tiled"] as const;
export type ReduceVariant = (typeof reduceVariants)[number];

export interface ReducePlan {
  readonly variant: ReduceVariant;
  readonly constants: Readonly<Record<string, ConstantValue>>;
  readonly perGroup: number;
}

/** From this many terms on, and while outputs are fewer than a GPU has lanes, a workgroup per output pays. */
const LONG_SUM = 256;
const FEW_OUTPUTS = 16_384;

export function planReduce(facts: { outputs: number; count: number }, adapter: AdapterFacts, forced?: string): ReducePlan {
  const variant = forced ?? (!adapter.software && facts.count >= LONG_SUM && facts.outputs <= FEW_OUTPUTS ? "tiled" : "direct");
  if (variant === "tiled") return { variant, constants: { LANES }, perGroup: 1 };
  if (variant === "direct") return { variant, constants: { LANES }, perGroup: LANES };
  throw new ArgumentError(`there is no reduction kernel "${variant}"`);
}
