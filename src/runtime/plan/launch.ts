/**
 * What lowering produces: launches, which say everything about a dispatch except where its data lie.
 */
import type { ConstantValue, Kernel, ParamValue } from "../gpu/kernel.ts";
import type { Lead, Value } from "../graph/graph.ts";

/** A constant in the layout a kernel wants, made once per model and shared by all its programs. */
export interface Packed {
  readonly packed: true;
  readonly key: string;
  readonly source: Value;
  /** Bytes of the packed form. */
  readonly bytes: number;
  readonly make: () => Float32Array | Uint16Array;
}

/** The type that the weights of convolutions and matrix products have in memory. Sums are f32 either way. */
export type WeightStorage = "f32" | "f16";

export interface PackedWeights extends Packed {
  readonly storage: WeightStorage;
}

/** The engine-wide buffers a launch may name. `nothing` stands for an input the kernel declares but does not read. */
export type Special = "slots" | "nothing";

export type Operand = Value | Packed | PackedWeights | Special;

/**
 * The grid of a launch: ⌈copies · items / perGroup⌉ workgroups along the folded line, times depth along z, where copies is
 * the number of samples (lead "sample"), of rows (lead "row"), or 1 (lead "shared").
 */
export interface Grid {
  readonly lead: Lead;
  readonly items: number;
  readonly perGroup: number;
  readonly depth: number;
}

export interface Launch {
  /** Node name; with the kernel's name it labels the pass in traces and errors. */
  readonly node: string;
  readonly kernel: Kernel;
  readonly constants: Readonly<Record<string, ConstantValue>>;
  readonly bindings: Readonly<Record<string, Operand>>;
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly grid: Grid;
  /** Multiply-adds per copy of the lead; 0 where there are none to speak of. */
  readonly macs: number;
}

/** WebGPU's guaranteed maximum of workgroups in one dimension of a dispatch. */
export const MAX_GROUPS = 65_535;

/** Workgroups along the folded line for a number of copies, and its fold over x and y (shaders/lib/grid.wgsl). */
export function gridSize(grid: Grid, copies: number): [number, number, number] {
  const groups = Math.ceil((copies * grid.items) / grid.perGroup);
  const y = Math.max(1, Math.ceil(groups / MAX_GROUPS));
  return [Math.ceil(groups / y), groups === 0 ? 0 : y, grid.depth];
}
