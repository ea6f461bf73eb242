/**
 * Convolutions and their adjoints as launches of the kernels in shaders/conv: only the rule that finds the source pixel of a tap
 * differs between the two.
 *
 *   most variants        x, W ─ kernel ─→ y
 *   split                x, W ─ kernel ─→ sums of slices ─ sum_slices ─→ y                       (split-k.ts)
 *   winograd             x ─ winograd_input ─→ V;  V, G W Gᵀ ─ products ─→ M;  M ─ winograd_output ─→ y    (rare/winograd.ts)
 *
 * Products are a 1×1 convolution of their own in 36 groups, by whichever kernel the planner takes for one.
 */
import { ShapeError } from "../runtime/errors.ts";
import type { Attributes, ConstantData, Node, Value } from "../runtime/graph/graph.ts";
import type { Operand } from "../runtime/plan/launch.ts";
import { packWeights } from "./conv-weights.ts";
import type { Turned } from "./conv-weights.ts";
import { convKernels } from "./conv-kernels.ts";
import { convSite, gainsFromWinograd, planConv, upOf } from "./conv-planner.ts";
import type { ConvFacts, ConvPlan } from "./conv-planner.ts";
import type { NO_EPILOGUE } from "./epilogue.ts";
import type { AdapterFacts, Lowering } from "./op.ts";
import { destinationOf } from "./split-k.ts";
import { frequenciesFit, winograd } from "./winograd.ts";

/** Attributes of both ops: the geometry is always that of the convolution, whichever direction runs. */
export interface ConvAttributes {
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
  readonly groups: number;
  /** ConvTranspose only: height and width of its output, the convolution's input. */
  readonly outputSize: readonly [number, number];
}

export const read = (attributes: Attributes) => attributes as unknown as ConvAttributes;

export function rankFour(value: Value | undefined, what: string): readonly [number, number, number, number] {
  if (!value || value.shape.length !== 4) throw new ShapeError(`${what} must have shape [N, C, H, W], found [${value?.shape}]`);
  return value.shape as [number, number, number, number];
}

/** One launch of a convolution kernel: what differs between the passes of a variant. */
export interface Pass {
  readonly facts: ConvFacts;
  readonly plan: ConvPlan;
  readonly bindings: Readonly<Record<string, Operand>>;
  readonly kernel: ReturnType<typeof convKernels>["f32"];
  readonly output: Value;
  readonly epilogue: typeof NO_EPILOGUE;
  readonly inH: number;
  readonly inW: number;
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number];
  readonly macs: number;
}

export function launchPass(lowering: Lowering, pass: Pass): void {
  const { facts, plan } = pass;
  const up = upOf(facts);
  lowering.launch({
    kernel: pass.kernel,
    constants: plan.constants,
    bindings: { ...pass.bindings, ...pass.epilogue.bindings, output: pass.output, slots: "slots" },
    params: {
      columns: facts.columns,
      rows: lowering.rows,
      images_per_copy: facts.images,
      channels: facts.channels,
      outputs: facts.outputs,
      groups: facts.groups,
      quads: Math.ceil(facts.outputs / 4),
      in_h: pass.inH,
      in_w: pass.inW,
      out_h: facts.outH,
      out_w: facts.outW,
      kernel_h: facts.kernelH,
      kernel_w: facts.kernelW,
      stride_h: pass.strides[0],
      stride_w: pass.strides[1],
      pad_h: pass.pads[0],
      pad_w: pass.pads[1],
      dilation_h: facts.dilations[0],
      dilation_w: facts.dilations[1],
      up_h: up[0],
      up_w: up[1],
      step_h: up[0] / gcd(up[0], facts.dilations[0]),
      step_w: up[1] / gcd(up[1], facts.dilations[1]),
      bands: plan.bands ?? 1,
      slice_depth: plan.slices?.depth ?? facts.kernelH * facts.kernelW * facts.channels,
      ...pass.epilogue.params,
    },
    grid: { lead: pass.output.lead, items: plan.items, perGroup: plan.perGroup, depth: plan.depth },
    macs: pass.macs,
  });
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

export function lowerConv(lowering: Lowering, direction: "forward" | "adjoint"): void {
  const { node, adapter } = lowering;
  const [x, w] = node.inputs as [Value, Value];
  const y = node.outputs[0]!;
  const { strides, pads, dilations, groups } = read(node.attributes);
  const [images, inChannels, inH, inW] = rankFour(x, "the input");
  const [, outChannels, outH, outW] = rankFour(y, "the output");
  const kernel = [w.shape[2]!, w.shape[3]!] as const;
  const channels = inChannels / groups;
  const taps = kernel[0] * kernel[1];

  // A 1×1 convolution that moves by one pixel sees no neighbours: the image may as well be a single row.
  const pointwise = taps === 1 && strides.every((s) => s === 1) && pads.every((p) => p === 0) && inH === outH && inW === outW;
  const layer = {
    channels,
    outputs: outChannels / groups,
    groups,
    images,
    outH: pointwise ? 1 : outH,
    outW: pointwise ? outH * outW : outW,
  };
  const facts: ConvFacts = {
    ...layer,
    direction,
    linear: y.lead === "row",
    weights: lowering.weightStorage(w),
    fitsFrequencies: frequenciesFit(layer, lowering.rows),
    columns: lowering.copies(y) * images * outH * outW,
    kernelH: kernel[0],
    kernelW: kernel[1],
    strides,
    dilations,
  };
  const plan = planConv(facts, adapter, lowering.variantFor(convSite(facts, adapter)));
  const { output, epilogue, finish } = destinationOf(lowering, plan.slices, outChannels, outH * outW);
  // Where the convolution moves by one pixel, its adjoint is a convolution with the kernel turned round. Running it as one
  // spares the adjoint's divisions, and a pipeline. The strip kernel asks for it along a row only; kernels that go by phases
  // always, as they take the stride for themselves.
  const adjoint = direction === "adjoint";
  const phased = plan.kernel === "quad" || plan.kernel === "depthwise";
  const mirrored = adjoint && (phased || strides.every((s) => s === 1));
  const turned: Turned = [mirrored, mirrored || (adjoint && plan.variant === "strip")];
  const pad = (axis: 0 | 1) => (turned[axis] ? (kernel[axis] - 1) * dilations[axis] - pads[axis] : pads[axis]);
  const geometry: Geometry = {
    facts,
    x,
    w,
    inH: pointwise ? 1 : inH,
    inW: pointwise ? inH * inW : inW,
    pads: [pad(0), pad(1)],
    turned,
  };
  const { macs, bindings } = operandsOf(lowering, plan, geometry);
  const rule = mirrored ? "forward" : direction;
  launchPass(lowering, {
    ...geometry,
    plan,
    bindings,
    kernel: convKernels(plan.kernel, rule, adapter)[facts.weights],
    output,
    epilogue,
    strides: phased && adjoint ? [1, 1] : strides,
    macs,
  });
  finish();
}

/** A convolution in the frame in which its kernels read the input. */
export interface Geometry extends Pick<Pass, "facts" | "inH" | "inW" | "pads"> {
  readonly x: Value;
  readonly w: Value;
  readonly turned: Turned;
}

/** What the last pass reads, and its multiply-adds. Launches the passes before it, if the variant has any. */
function operandsOf(lowering: Lowering, plan: ConvPlan, geometry: Geometry): Pick<Pass, "bindings" | "macs"> {
  const { facts, x, w, turned } = geometry;
  if (plan.kernel === "winograd") return { bindings: { input: winograd().products(lowering, geometry) }, macs: 0 };
  const { direction, images, channels, outputs, groups, kernelH, kernelW } = facts;
  const adjoint = direction === "adjoint";
  const taps = kernelH * kernelW;
  const weights = lowering.packWeights(
    w,
    `conv-${direction}-${groups}-${turned}`,
    taps * channels * groups * Math.ceil(outputs / 4) * 4,
    (data: ConstantData) => packWeights(data, w.shape, groups, adjoint, turned),
  );
  const pixels = adjoint ? geometry.inH * geometry.inW : facts.outH * facts.outW;
  return { bindings: { input: x, weights }, macs: images * taps * channels * outputs * groups * pixels };
}

/** Whether a derivative of the node would run by Winograd's passes on this adapter, once they are loaded. */
export function wantsWinograd(node: Node, adapter: AdapterFacts): boolean {
  const [x, w] = node.inputs;
  if ((node.op !== "Conv" && node.op !== "ConvTranspose") || w?.shape.length !== 4) return false;
  const { strides, dilations, groups } = read(node.attributes);
  const [first, second, kernelH, kernelW] = w.shape as [number, number, number, number];
  const kernel = { linear: true, weights: "f32", channels: first / groups, outputs: second, kernelH, kernelW, strides, dilations } as const;
  // A tangent has the extents of the output, a cotangent those of the input.
  return [x!, node.outputs[0]!].some(({ shape: [images, , outH, outW] }) => {
    const layer = { ...kernel, groups, images: images!, outH: outH!, outW: outW! };
    return gainsFromWinograd({ ...layer, fitsFrequencies: frequenciesFit(layer, 1) }, adapter);
  });
}
