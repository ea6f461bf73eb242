/**
 * Split-K: a product with few output tiles but many terms, summed in slices by more workgroups than it has tiles, into copies
 * of its output that a second launch adds up (shaders/lib/slices.wgsl, shaders/matmul/sum_slices.wgsl). A convolution is such
 * a product, too.
 *
 * It is the one variant that adds in another order than the rest: always the same one for a shape and a capacity, but a
 * program of another capacity may have other slices, and then differs by roundings.
 */
import sumSlicesSource from "../../shaders/matmul/sum_slices.wgsl?raw";
import { refusedVariant } from "./variants.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Value } from "../runtime/graph/graph.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import { epilogueOf, NO_EPILOGUE } from "./epilogue.ts";
import type { Lowering } from "./op.ts";
import { epilogueSource, gridSource, ieeeSource, LANES, slotsSource } from "./wgsl.ts";

export const sumSlices = defineKernel("sum_slices", sumSlicesSource, epilogueSource, gridSource, ieeeSource, slotsSource);

export interface Slices {
  readonly count: number;
  /** Terms of every slice but perhaps the last, which has the rest. */
  readonly depth: number;
}

/** Workgroups that keep a GPU busy: about one for each multiprocessor of a large one. A rule of thumb, unmeasured. */
const ENOUGH_GROUPS = 128;

/** Terms below which a slice is not worth its copy of the output. A rule of thumb, unmeasured. */
const LEAST_TERMS = 64;

/** Slices are whole steps of the tiled kernels along k. */
const STEP = 16;

/** The slices of a sum of `depth` terms, of which unsplit kernels would make `groups` workgroups. Refuses where there is no use. */
export function slicesOf(depth: number, groups: number): Slices {
  const wanted = Math.min(Math.ceil(ENOUGH_GROUPS / groups), Math.ceil(depth / LEAST_TERMS));
  if (wanted < 2) throw refusedVariant("split");
  const each = Math.ceil(depth / wanted / STEP) * STEP;
  return { count: Math.ceil(depth / each), depth: each };
}

/** Where a kernel that may be split writes its sums, with which epilogue, and what follows it. */
export interface Destination {
  readonly output: Value;
  readonly epilogue: ReturnType<typeof epilogueOf>;
  /** Adds slices up, if there are any, and takes the steps of the node's epilogue. */
  finish(): void;
}

/** `run`: neighbouring elements of the output that share a number of the bias, of which there are `channels`. */
export function destinationOf(lowering: Lowering, slices: Slices | undefined, channels: number, run: number): Destination {
  const y = lowering.node.outputs[0]!;
  const epilogue = epilogueOf(lowering.node);
  if (!slices) return { output: y, epilogue, finish: () => {} };
  const sums = lowering.scratch(y, [slices.count, ...y.shape]);
  const perCopy = sizeOf(y.shape);
  const finish = () =>
    lowering.launch({
      kernel: sumSlices,
      constants: { LANES },
      bindings: { sums, ...epilogue.bindings, output: y, slots: "slots" },
      params: {
        elements: lowering.copies(y) * perCopy,
        per_copy: perCopy,
        slices: slices.count,
        channels,
        run,
        rows: lowering.rows,
        ...epilogue.params,
      },
      grid: { lead: y.lead, items: perCopy, perGroup: LANES, depth: 1 },
    });
  return { output: sums, epilogue: NO_EPILOGUE, finish };
}
