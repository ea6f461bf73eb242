/**
 * Winograd's F(4×4, 3×3) as the core knows it: where it may run. Its passes are in the module of rare ops (rare/winograd.ts), as
 * small networks have no use for them; an engine loads it before a model that has.
 */
import type { Kernel } from "../runtime/gpu/kernel.ts";
import type { Value } from "../runtime/graph/graph.ts";
import type { Geometry } from "./conv-lowering.ts";
import type { Lowering } from "./op.ts";

export interface WinogradPasses {
  /** Changes with the WGSL text of the passes. */
  readonly hash: string;
  /** The kernel of the last pass. */
  readonly output: Kernel;
  /** Launches the passes before it; what they write is the last one's input. */
  products(lowering: Lowering, geometry: Geometry): Value;
}

let passes: WinogradPasses | undefined;

export function provideWinograd(loaded: WinogradPasses): void {
  passes = loaded;
}

export function hasWinograd(): boolean {
  return passes !== undefined;
}

export function winograd(): WinogradPasses {
  if (!passes) throw new Error("Winograd's passes are planned before they are loaded");
  return passes;
}

/** What a tuning table's hash has to cover besides kernelsHash; tables are made and read with the passes loaded. */
export function winogradHash(): string {
  return passes?.hash ?? "";
}

/** Pixels along the side of a tile. */
export const WINOGRAD_TILE = 4;

/** Tiles that an image is taken in. */
export function winogradTiles(height: number, width: number): number {
  return Math.ceil(height / WINOGRAD_TILE) * Math.ceil(width / WINOGRAD_TILE);
}

/** Values of a tile: 6 × 6. */
export const FREQUENCIES = 36;

/** What any device lets a kernel bind (WebGPU, limits), in numbers of 4 bytes. */
const BINDING = 2 ** 25;

/** Rows that a Jacobian takes at once; with fewer the choice is the same, so that rows do not depend on how many there are. */
const USUAL_ROWS = 16;

/** Whether transformed weights, and what a sample's rows have between the passes, can be bound: 2.25 times a layer, four times a kernel. */
export function frequenciesFit(
  layer: { channels: number; outputs: number; groups: number; images: number; outH: number; outW: number },
  rows: number,
): boolean {
  const { channels, outputs, groups, images, outH, outW } = layer;
  const values = images * Math.max(channels, outputs) * winogradTiles(outH, outW) * Math.max(rows, USUAL_ROWS);
  const weights = channels * Math.ceil(outputs / 4) * 4;
  return FREQUENCIES * groups * Math.max(values, weights) <= BINDING;
}
