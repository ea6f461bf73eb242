/** What planners are told in their tests: adapters, and a convolution as most networks have it. */
import type { ConvFacts } from "../../../src/kernels/conv-planner.ts";
import type { AdapterFacts } from "../../../src/kernels/op.ts";

export const gpu: AdapterFacts = {
  software: false,
  vendor: "nvidia",
  architecture: "hopper",
  maxInvocations: 256,
  maxWorkgroupBytes: 32_768,
  subgroupSize: 32,
  f16: true,
};
/** A GPU that runs no more than 128 invocations in a workgroup. */
export const phone: AdapterFacts = { ...gpu, vendor: "arm", maxInvocations: 128 };

export const usualConv: ConvFacts = {
  channels: 64,
  outputs: 64,
  groups: 1,
  images: 1,
  outH: 14,
  outW: 14,
  columns: 196,
  kernelH: 3,
  kernelW: 3,

  direction: "forward",
  linear: false,
  weights: "f32",
  fitsFrequencies: true,
  strides: [1, 1],
  dilations: [1, 1],
};
