/** The shared WGSL files, imported once. */
import gridSource from "../../shaders/lib/grid.wgsl?raw";
import ieeeSource from "../../shaders/lib/ieee.wgsl?raw";
import slotsSource from "../../shaders/lib/slots.wgsl?raw";
import slicesSource from "../../shaders/lib/slices.wgsl?raw";
import indexingSource from "../../shaders/lib/indexing.wgsl?raw";
import epilogueSource from "../../shaders/lib/epilogue.wgsl?raw";
import tapsForwardSource from "../../shaders/lib/taps_forward.wgsl?raw";
import tapsAdjointSource from "../../shaders/lib/taps_adjoint.wgsl?raw";
import weightsF16Source from "../../shaders/lib/weights_f16.wgsl?raw";
import weightsF32Source from "../../shaders/lib/weights_f32.wgsl?raw";

export {
  epilogueSource,
  gridSource,
  ieeeSource,
  slicesSource,
  slotsSource,
  indexingSource,
  tapsForwardSource,
  tapsAdjointSource,
  weightsF16Source,
  weightsF32Source,
};

/** Invocations per workgroup of the kernels that share nothing within one. */
export const LANES = 64;
