/** Which convolution kernel runs: a pure function of the shape and of a few facts about the adapter. */
import { ArgumentError } from "../runtime/errors.ts";
import type { ConstantValue } from "../runtime/gpu/kernel.ts";
import type { AdapterFacts } from "./op.ts";
import { LANES } from "./wgsl.ts";

export interface ConvFacts {
  /** Input and output channels of one group. */
  readonly channels: number;
  readonly outputs: number;
  readonly groups: number;
  /** Output pixels of all images at the program's capacity. */
  readonly columns: number;
  /** Kernel height · width. */
  readonly taps: number;
}

export type ConvVariant = "direct" | "tiled" | "depthwise";

export interface ConvPlan {
  readonly variant: ConvVariant;
  readonly constants: Readonly<Record<string, ConstantValue>>;
  /** Items of one copy, given its columns, images, output channels and pixels, and how many a workgroup takes. */
  readonly itemsPerColumnSet: (columns: number, images: number, outChannels: number, pixels: number) => number;
  readonly perGroup: number;
  readonly depth: number;
}

/** Invocations of the tiled kernel, and the extent of its square tile. */
const TILED_LANES = 256;
const TILE = 64;

/** A tile that would be less than half full in either direction is left to the direct kernel. */
const LEAST_FILL = TILE / 2;

export function planConv(facts: ConvFacts, adapter: AdapterFacts, forced?: string): ConvPlan {
  switch (forced ?? chooseConv(facts, adapter)) {
    case "depthwise":
      if (facts.channels !== 1) throw new ArgumentError(`the depthwise kernel needs one channel per group, found ${facts.channels}`);
      return {
        variant: "depthwise",
        constants: { LANES },
        itemsPerColumnSet: (_columns, images, outChannels, pixels) => images * outChannels * Math.ceil(pixels / 4),
        perGroup: LANES,
        depth: 1,
      };
    case "tiled":
      return {
        variant: "tiled",
        constants: { LANES: TILED_LANES },
        itemsPerColumnSet: (columns) => columns,
        perGroup: TILE,
        depth: facts.groups * Math.ceil(facts.outputs / TILE),
      };
    case "direct": {
      const quads = Math.ceil(facts.outputs / 4);
      const quadsPerTile = quads > 1 ? 2 : 1;
      return {
        variant: "direct",
        constants: { LANES, QUADS: quadsPerTile },
        itemsPerColumnSet: (columns) => columns,
        perGroup: 4 * LANES,
        depth: facts.groups * Math.ceil(quads / quadsPerTile),
      };
    }
    default:
      throw new ArgumentError(`there is no convolution kernel "${forced}"`);
  }
}

function chooseConv(facts: ConvFacts, adapter: AdapterFacts): ConvVariant {
  if (facts.channels === 1 && facts.groups > 1) return "depthwise";
  // On a CPU workgroup memory is plain memory and every barrier spills the registers of all lanes.
  if (adapter.software || adapter.maxInvocations < TILED_LANES) return "direct";
  return facts.outputs >= LEAST_FILL && facts.columns >= LEAST_FILL ? "tiled" : "direct";
}
