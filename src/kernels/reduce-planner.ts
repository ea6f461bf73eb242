/** Which reduction kernel runs: a pure function of the shape and of a few facts about the adapter. */
import type { ConstantValue } from "../runtime/gpu/kernel.ts";
import type { AdapterFacts } from "./op.ts";
import { legalAmong, refusedVariant, siteOf } from "./variants.ts";
import type { VariantSite } from "./variants.ts";
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

export interface ReduceFacts {
  /** Sums at the program's capacity, and terms of each. */
  readonly outputs: number;
  readonly count: number;
}

export function planReduce(facts: ReduceFacts, adapter: AdapterFacts, forced?: string): ReducePlan {
  const variant = forced ?? chooseReduce(facts, adapter);
  if (variant === "tiled") return { variant, constants: { LANES }, perGroup: 1 };
  if (variant === "direct") return { variant, constants: { LANES }, perGroup: LANES };
  throw refusedVariant(variant);
}

/** The variants that can compute a reduction on an adapter. */
export function legalReductions(facts: ReduceFacts, adapter: AdapterFacts): ReduceVariant[] {
  return legalAmong(reduceVariants, adapter, (variant) => planReduce(facts, adapter, variant));
}

/** `layout`: elements that follow each other in a sum, and the distance in memory from one to the next. */
export function reduceSite(
  op: string,
  facts: ReduceFacts,
  layout: { readonly inner: number; readonly stride: number },
  adapter: AdapterFacts,
): VariantSite {
  return siteOf(op, { ...facts, ...layout }, chooseReduce(facts, adapter), () => legalReductions(facts, adapter));
}

function chooseReduce({ outputs, count }: ReduceFacts, adapter: AdapterFacts): ReduceVariant {
  return !adapter.software && count >= LONG_SUM && outputs <= FEW_OUTPUTS ? "tiled" : "direct";
}
