/** The kernels of convolutions and their adjoints (shaders/conv), linked for both directions and both ways to store weights. */
import convDirectSource from "../../shaders/conv/conv_direct.wgsl?raw";
import convStripSource from "../../shaders/conv/conv_strip.wgsl?raw";
import convQuadSource from "../../shaders/conv/conv_quad.wgsl?raw";
import convTiledSource from "../../shaders/conv/conv_tiled.wgsl?raw";
import convDepthwiseSource from "../../shaders/conv/conv_depthwise.wgsl?raw";
import winogradInputSource from "../../shaders/conv/winograd_input.wgsl?raw";
import winogradOutputSource from "../../shaders/conv/winograd_output.wgsl?raw";
import convEpilogueSource from "../../shaders/conv/epilogue.wgsl?raw";
import weightsEachSource from "../../shaders/conv/weights_each.wgsl?raw";
import weightsSharedSource from "../../shaders/conv/weights_shared.wgsl?raw";
import interfaceSource from "../../shaders/conv/interface.wgsl?raw";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Kernel } from "../runtime/gpu/kernel.ts";
import type { WeightStorage } from "../runtime/plan/launch.ts";
import type { ConvPlan } from "./conv-planner.ts";
import type { AdapterFacts } from "./op.ts";
import { asVariants } from "./variants.ts";
import { defineForWeights } from "./weights.ts";
import { epilogueSource, gridSource, slicesSource, slotsSource, tapsAdjointSource, tapsForwardSource } from "./wgsl.ts";

const mains = { direct: convDirectSource, tiled: convTiledSource, depthwise: convDepthwiseSource };
const shared = [interfaceSource, convEpilogueSource, epilogueSource, gridSource, slotsSource];

function family(prefix: string, taps: string) {
  return {
    direct: defineForWeights(`${prefix}_direct`, mains.direct, ...shared, taps),
    tiled: defineForWeights(`${prefix}_tiled`, mains.tiled, ...shared, slicesSource, taps),
    depthwise: defineForWeights(`${prefix}_depthwise`, mains.depthwise, ...shared, taps),
  };
}

const kernels = { forward: family("conv", tapsForwardSource), adjoint: family("conv_adjoint", tapsAdjointSource) };
/** Only rows are found by the tap rule here; along a row the kernel slides. */
const strip = (prefix: string, taps: string) => ({
  each: defineForWeights(`${prefix}_strip`, convStripSource, weightsEachSource, ...shared, taps),
  shared: defineForWeights(`${prefix}_strip_shared`, convStripSource, weightsSharedSource, ...shared, taps),
});
const stripKernels = { forward: strip("conv", tapsForwardSource), adjoint: strip("conv_adjoint", tapsAdjointSource) };
/** Both directions at once: an adjoint is a convolution of an input that was pulled apart. A matrix product is one, too. */
export const quadKernel = defineForWeights("conv_quad", convQuadSource, ...shared);

/** The first and the last pass of Winograd's variant; neither reads weights. */
export const winogradPasses = asVariants({
  input: defineKernel("winograd_input", winogradInputSource, gridSource),
  output: defineKernel("winograd_output", winogradOutputSource, ...shared),
});

/** `rule`: how a tap finds its source; the adjoint of a convolution that moves by one pixel is run by the forward rule. */
export function convKernels(
  kernel: ConvPlan["kernel"],
  rule: "forward" | "adjoint",
  adapter: AdapterFacts,
): Readonly<Record<WeightStorage, Kernel>> {
  if (kernel === "winograd") return { f32: winogradPasses.output, f16: winogradPasses.output };
  if (kernel === "quad") return quadKernel;
  if (kernel === "strip") return stripKernels[rule][adapter.subgroupSize > 0 ? "shared" : "each"];
  return kernels[rule][kernel];
}
