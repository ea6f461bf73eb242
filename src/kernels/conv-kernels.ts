/** The kernels of convolutions and their adjoints (shaders/conv), linked for both directions and both ways to store weights. */
import convDirectSource from "../../shaders/conv/conv_direct.wgsl?raw";
import convStripSource from "../../shaders/conv/conv_strip.wgsl?raw";
import convQuadSource from "../../shaders/conv/conv_quad.wgsl?raw";
import convTiledSource from "../../shaders/conv/conv_tiled.wgsl?raw";
import convDepthwiseSource from "../../shaders/conv/conv_depthwise.wgsl?raw";
import phasesSource from "../../shaders/conv/phases.wgsl?raw";
import convEpilogueSource from "../../shaders/conv/epilogue.wgsl?raw";
import weightsEachSource from "../../shaders/conv/weights_each.wgsl?raw";
import weightsSharedSource from "../../shaders/conv/weights_shared.wgsl?raw";
import interfaceSource from "../../shaders/conv/interface.wgsl?raw";
import type { Kernel } from "../runtime/gpu/kernel.ts";
import type { WeightStorage } from "../runtime/plan/launch.ts";
import type { ConvPlan } from "./conv-planner.ts";
import type { AdapterFacts } from "./op.ts";
import { defineForWeights } from "./weights.ts";
import { winograd } from "./winograd.ts";
import { epilogueSource, gridSource, ieeeSource, slicesSource, slotsSource, tapsAdjointSource, tapsForwardSource } from "./wgsl.ts";

/** What every kernel that writes a convolution's output is linked with. */
export const linkedWithAll = [interfaceSource, convEpilogueSource, epilogueSource, gridSource, ieeeSource, slotsSource];

/* @__NO_SIDE_EFFECTS__ */
function family(prefix: string, taps: string) {
  return {
    direct: defineForWeights(`${prefix}_direct`, convDirectSource, linkedWithAll, taps),
    tiled: defineForWeights(`${prefix}_tiled`, convTiledSource, linkedWithAll, slicesSource, taps),
  };
}

const kernels = { forward: family("conv", tapsForwardSource), adjoint: family("conv_adjoint", tapsAdjointSource) };
/** Only rows are found by the tap rule here; along a row the kernel slides. */
/* @__NO_SIDE_EFFECTS__ */
function strip(prefix: string, taps: string) {
  return {
    each: defineForWeights(`${prefix}_strip`, convStripSource, weightsEachSource, linkedWithAll, taps),
    shared: defineForWeights(`${prefix}_strip_shared`, convStripSource, weightsSharedSource, linkedWithAll, taps),
  };
}
const stripKernels = { forward: strip("conv", tapsForwardSource), adjoint: strip("conv_adjoint", tapsAdjointSource) };
/** Both directions at once: an adjoint is a convolution of an input that was pulled apart. A matrix product is one, too. */
export const quadKernel = defineForWeights("conv_quad", convQuadSource, linkedWithAll, phasesSource);
const depthwiseKernel = defineForWeights("conv_depthwise", convDepthwiseSource, linkedWithAll, phasesSource);

/** All of these, for both ways to store weights. */
export function convVariantKernels(): readonly Kernel[] {
  const families = [kernels, stripKernels].flatMap(({ forward, adjoint }) => [...Object.values(forward), ...Object.values(adjoint)]);
  return [...families, quadKernel, depthwiseKernel].flatMap(({ f32, f16 }) => [f32, f16]);
}

/** `rule`: how a tap finds its source; the adjoint of a convolution that moves by one pixel is run by the forward rule. */
export function convKernels(
  kernel: ConvPlan["kernel"],
  rule: "forward" | "adjoint",
  adapter: AdapterFacts,
): Readonly<Record<WeightStorage, Kernel>> {
  if (kernel === "winograd") return { f32: winograd().output, f16: winograd().output };
  if (kernel === "quad") return quadKernel;
  if (kernel === "depthwise") return depthwiseKernel;
  if (kernel === "strip") return stripKernels[rule][adapter.subgroupSize > 0 ? "shared" : "each"];
  return kernels[rule][kernel];
}
