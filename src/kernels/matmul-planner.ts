/** Which matrix product runs: a pure function of the shape and of a few facts about the adapter. */
import { ArgumentError } from "../runtime/errors.ts";
import type { ConstantValue } from "../runtime/gpu/kernel.ts";
import { planQuad } from "./conv-planner.ts";
import type { AdapterFacts } from "./op.ts";
import { legalAmong, signatureOf } from "./variants.ts";
import type { VariantSite } from "./variants.ts";
import { LANES } from "./wgsl.ts";

export interface MatmulFacts {
  /** Rows of A in all matrices, at the program's capacity. */
  readonly lines: number;
  readonly depth: number;
  readonly width: number;
  /** One B for all rows. */
  readonly sharedB: boolean;
  /** A's rows lie in the order of the product's: nothing is broadcast, and none is found through slots. */
  readonly straight: boolean;
}

/** Names that may be forced. */
export const matmulVariants = ["direct", "quad", "tiled"] as const;
export type MatmulVariant = (typeof matmulVariants)[number];

export interface MatmulPlan {
  readonly variant: MatmulVariant;
  readonly constants: Readonly<Record<string, ConstantValue>>;
  /** For the direct kernel: invocations side by side along the columns. */
  readonly columnLanes: number;
  readonly linesPerGroup: number;
  readonly depth: number;
}

const TILED_LANES = 256;
const TILE = 64;
const LEAST_FILL = TILE / 2;

/** Rows and column quads of one invocation's tile in the direct kernel. */
const DIRECT_ROWS = 4;
const DIRECT_QUADS = 2;
const MAX_COLUMN_LANES = 16;

export function planMatmul(facts: MatmulFacts, adapter: AdapterFacts, forced?: string): MatmulPlan {
  const quads = Math.ceil(facts.width / 4);
  switch (forced ?? chooseMatmul(facts, adapter)) {
    case "tiled":
      if (!facts.sharedB) throw new ArgumentError("the tiled matrix product needs one B for all rows");
      return {
        variant: "tiled",
        constants: { LANES: TILED_LANES },
        columnLanes: 1,
        linesPerGroup: TILE,
        depth: Math.ceil(facts.width / TILE),
      };
    case "quad": {
      if (!facts.sharedB || !facts.straight)
        throw new ArgumentError("the quad matrix product needs one B for all rows, and A's rows in order");
      const { constants, perGroup, depth } = planQuad({ outputs: facts.width }, adapter);
      return { variant: "quad", constants, columnLanes: 1, linesPerGroup: perGroup, depth };
    }
    case "direct": {
      let columnLanes = 1;
      while (columnLanes < MAX_COLUMN_LANES && columnLanes * DIRECT_QUADS < quads) columnLanes *= 2;
      return {
        variant: "direct",
        constants: { LANES },
        columnLanes,
        linesPerGroup: (LANES / columnLanes) * DIRECT_ROWS,
        depth: Math.ceil(quads / (DIRECT_QUADS * columnLanes)),
      };
    }
    default:
      throw new ArgumentError(`there is no matrix product kernel "${forced}"`);
  }
}

/** The variants that can compute a product on an adapter. */
export function legalMatmuls(facts: MatmulFacts, adapter: AdapterFacts): MatmulVariant[] {
  return legalAmong(matmulVariants, adapter, (variant) => planMatmul(facts, adapter, variant));
}

/** How the rows are spread over matrices: no planner asks, but where each matrix of A has its own B, time depends on it. */
export interface MatmulSpread {
  /** Rows of one matrix of A. */
  readonly height: number;
  /** How the copies of A and B are found (Lowering.leadOf). */
  readonly leads: readonly [number, number];
}

export function matmulSite(facts: MatmulFacts, spread: MatmulSpread, adapter: AdapterFacts): VariantSite {
  const signature = signatureOf("matmul", { ...facts, ...spread });
  return { signature, legal: legalMatmuls(facts, adapter), usual: chooseMatmul(facts, adapter) };
}

function chooseMatmul(facts: MatmulFacts, adapter: AdapterFacts): MatmulVariant {
  if (adapter.software && adapter.subgroupSize > 0 && facts.sharedB && facts.straight && facts.lines > DIRECT_ROWS) return "quad";
  if (adapter.software || !facts.sharedB || adapter.maxInvocations < TILED_LANES) return "direct";
  return facts.width >= LEAST_FILL && facts.lines >= LEAST_FILL ? "tiled" : "direct";
}
