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
