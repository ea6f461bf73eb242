/** Which matrix product runs: a pure function of the shape and of a few facts about the adapter. */
import type { ConstantValue } from "../runtime/gpu/kernel.ts";
import type { WeightStorage } from "../runtime/plan/launch.ts";
import { planQuad } from "./conv-planner.ts";
import type { AdapterFacts } from "./op.ts";
import { slicesOf } from "./split-k.ts";
import type { Slices } from "./split-k.ts";
import { legalAmong, refusedVariant, siteOf } from "./variants.ts";
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
export const matmulVariants = ["direct", "line", "quad", "tiled", "tiled128", "split"] as const;
export type MatmulVariant = (typeof matmulVariants)[number];

export interface MatmulPlan {
  readonly variant: MatmulVariant;
  readonly kernel: "direct" | "line" | "quad" | "tiled";
  readonly constants: Readonly<Record<string, ConstantValue>>;
  /** For the direct kernel: invocations side by side along the columns. */
  readonly columnLanes: number;
  readonly linesPerGroup: number;
  readonly depth: number;
  /** Slices that the sum of an output is split into; undefined where it is made in one. */
  readonly slices?: Slices;
}

const TILED_LANES = 256;
const TILE = 64;
const LEAST_FILL = TILE / 2;

/** Rows and column quads of one invocation's tile in the direct kernel. */
const DIRECT_ROWS = 4;
const DIRECT_QUADS = 2;
const MAX_COLUMN_LANES = 16;

export function planMatmul(facts: MatmulFacts, adapter: AdapterFacts, forced?: string): MatmulPlan {
  switch (forced ?? chooseMatmul(facts, adapter)) {
    case "tiled":
      return { variant: "tiled", ...planTiled(facts, 1) };
    // Legal wherever "tiled" is, and left to tuners: that a larger tile is faster has been measured nowhere yet.
    case "tiled128":
      return { variant: "tiled128", ...planTiled(facts, 2) };
    case "split": {
      const whole = fillsTile(facts, adapter) ? planTiled(facts, 1) : planDirect(facts, columnLanesFor(facts));
      const slices = slicesOf(facts.depth, Math.ceil(facts.lines / whole.linesPerGroup) * whole.depth);
      return { variant: "split", ...whole, depth: whole.depth * slices.count, slices };
    }
    case "quad": {
      if (!facts.sharedB || !facts.straight) throw refusedVariant("quad");
      const { constants, perGroup, depth } = planQuad({ outputs: facts.width }, adapter);
      return { variant: "quad", kernel: "quad", constants, columnLanes: 1, linesPerGroup: perGroup, depth };
    }
    case "line": {
      const lanes = adapter.subgroupSize || LANES;
      const depth = Math.ceil(facts.width / (4 * lanes));
      return { variant: "line", kernel: "line", constants: { LANES: lanes }, columnLanes: lanes, linesPerGroup: 1, depth };
    }
    case "direct":
      return { variant: "direct", ...planDirect(facts, MAX_COLUMN_LANES) };
    default:
      throw refusedVariant(forced);
  }
}

/** The tiled kernel with `blocks` × `blocks` blocks of 4 × 4 sums to an invocation. */
function planTiled({ sharedB, width }: MatmulFacts, blocks: 1 | 2): Omit<MatmulPlan, "variant"> {
  if (!sharedB) throw refusedVariant("tiled");
  return {
    kernel: "tiled",
    constants: { LANES: TILED_LANES, BLOCKS: blocks },
    columnLanes: 1,
    linesPerGroup: TILE * blocks,
    depth: Math.ceil(width / (TILE * blocks)),
  };
}

/** The direct kernel with up to `most` invocations side by side along the columns. */
function planDirect({ width }: MatmulFacts, most: number): Omit<MatmulPlan, "variant"> {
  const quads = Math.ceil(width / 4);
  let columnLanes = 1;
  while (columnLanes < most && columnLanes * DIRECT_QUADS < quads) columnLanes *= 2;
  return {
    kernel: "direct",
    constants: { LANES },
    columnLanes,
    linesPerGroup: (LANES / columnLanes) * DIRECT_ROWS,
    depth: Math.ceil(quads / (DIRECT_QUADS * columnLanes)),
  };
}

/** As many invocations along the columns as a workgroup can spare that still takes all lines at once, or the usual number. */
function columnLanesFor({ lines }: MatmulFacts): number {
  return Math.max(MAX_COLUMN_LANES, LANES / 2 ** Math.ceil(Math.log2(Math.ceil(lines / DIRECT_ROWS))));
}

/** The variants that can compute a product on an adapter. */
export function legalMatmuls(facts: MatmulFacts, adapter: AdapterFacts): MatmulVariant[] {
  return legalAmong(matmulVariants, adapter, (variant) => planMatmul(facts, adapter, variant));
}

/** What no planner asks, but time depends on: how the rows are spread over matrices, where each of A has its own B, and how B is stored. */
export interface MatmulLayout {
  /** Rows of one matrix of A. */
  readonly height: number;
  /** How the copies of A and B are found (Lowering.leadOf). */
  readonly leads: readonly [number, number];
  /** How B is stored. */
  readonly weights: WeightStorage;
}

export function matmulSite(facts: MatmulFacts, layout: MatmulLayout, adapter: AdapterFacts): VariantSite {
  return siteOf("matmul", { ...facts, ...layout }, chooseMatmul(facts, adapter), () => legalMatmuls(facts, adapter));
}

/** Whether the tiled kernel has one B, and a tile at least half full both ways. */
function fillsTile({ sharedB, lines, width }: MatmulFacts, { maxInvocations }: AdapterFacts): boolean {
  return sharedB && maxInvocations >= TILED_LANES && width >= LEAST_FILL && lines >= LEAST_FILL;
}

function chooseMatmul(facts: MatmulFacts, adapter: AdapterFacts): MatmulVariant {
  if (adapter.software && facts.lines === 1) return "line";
  if (adapter.software && adapter.subgroupSize > 0 && facts.sharedB && facts.straight && facts.lines > DIRECT_ROWS) return "quad";
  return !adapter.software && fillsTile(facts, adapter) ? "tiled" : "direct";
}
