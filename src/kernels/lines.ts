/**
 * Kernels that walk lines of numbers (shaders/lib/lines_direct.wgsl, lines_tiled.wgsl): written once, linked twice, and chosen
 * as reductions are.
 */
import directSource from "../../shaders/lib/lines_direct.wgsl?raw";
import tiledSource from "../../shaders/lib/lines_tiled.wgsl?raw";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { ConstantValue, Kernel } from "../runtime/gpu/kernel.ts";
import type { Grid } from "../runtime/plan/launch.ts";
import type { Value } from "../runtime/graph/graph.ts";
import type { Lowering } from "./op.ts";
import { planReduce, reduceSite } from "./reduce-planner.ts";
import { hashOf } from "./variants.ts";
import { gridSource, ieeeSource } from "./wgsl.ts";

export interface LineKernels {
  /** What signatures begin with. */
  readonly name: string;
  readonly direct: Kernel;
  readonly tiled: Kernel;
}

/** Both forms of a kernel; `sources` begin with its own and leave out lib/grid, lib/ieee and lib/lines. */
function bothForms(name: string, sources: readonly string[]) {
  return {
    direct: defineKernel(`${name}_direct`, ...sources, gridSource, ieeeSource, directSource),
    tiled: defineKernel(`${name}_tiled`, ...sources, gridSource, ieeeSource, tiledSource),
  };
}

/* @__NO_SIDE_EFFECTS__ */
export function defineLineKernels(name: string, ...sources: readonly string[]): LineKernels {
  return { name, ...bothForms(name, sources) };
}

/** As defineLineKernels, for ops that may not be loaded when kernelsHash is taken: what is measured of them goes by their text. */
/* @__NO_SIDE_EFFECTS__ */
export function defineRareLineKernels(name: string, ...sources: readonly string[]): LineKernels {
  const forms = bothForms(name, sources);
  return { name: `${name}#${hashOf(Object.values(forms))}`, ...forms };
}

/**
 * The form for `lines` lines of `extent` elements, `inner` apart in memory, in one copy of `output`, with its constants, its
 * grid, and all its lines.
 */
export function planLines(
  kernels: LineKernels,
  lowering: Lowering,
  output: Value,
  lines: number,
  extent: number,
  inner: number,
): { kernel: Kernel; constants: Readonly<Record<string, ConstantValue>>; grid: Grid; lines: number } {
  const all = lowering.copies(output) * lines;
  const facts = { outputs: all, count: extent };
  const site = reduceSite(kernels.name, facts, { inner: extent, stride: inner }, lowering.adapter);
  const { variant, constants, perGroup } = planReduce(facts, lowering.adapter, lowering.variantFor(site));
  return { kernel: kernels[variant], constants, grid: { lead: output.lead, items: lines, perGroup, depth: 1 }, lines: all };
}
