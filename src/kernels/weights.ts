/** Kernels that read constant weights, linked for each way these may be stored. */
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Kernel, Sources } from "../runtime/gpu/kernel.ts";
import type { Operand, WeightStorage } from "../runtime/plan/launch.ts";
import { weightsF16Source, weightsF32Source } from "./wgsl.ts";

/** As defineKernel, for a variant of convolutions or products whose text reads weights as Weight and Weight4 (shaders/lib/weights_f32.wgsl). */
/* @__NO_SIDE_EFFECTS__ */
export function defineForWeights(name: string, ...sources: Sources): Readonly<Record<WeightStorage, Kernel>> {
  return {
    f32: defineKernel(name, ...sources, weightsF32Source),
    f16: defineKernel(`${name}_f16`, ...sources, weightsF16Source),
  };
}

/** How an operand is stored: weights as they were packed, everything else as f32. */
export function storageOf(operand: Operand): WeightStorage {
  return typeof operand === "object" && "storage" in operand ? operand.storage : "f32";
}
