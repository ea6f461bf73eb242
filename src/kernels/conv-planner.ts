/** Which convolution kernel runs: a function of the shape, of a few facts about the adapter, and of whether Winograd's passes are loaded. */
import type { ConstantValue } from "../runtime/gpu/kernel.ts";
import type { WeightStorage } from "../runtime/plan/launch.ts";
import type { AdapterFacts } from "./op.ts";
import { slicesOf } from "./split-k.ts";
import type { Slices } from "./split-k.ts";
import { legalAmong, refusedVariant, siteOf } from "./variants.ts";
import type { VariantSite } from "./variants.ts";
import { hasWinograd, winogradTiles } from "./winograd.ts";
import { LANES } from "./wgsl.ts";

export interface ConvFacts {
  readonly direction: "forward" | "adjoint";
  /** Whether it carries cotangents or tangents: a derivative, in which no clamp decides anything. */
  readonly linear: boolean;
  /** How its weights are stored. */
  readonly weights: WeightStorage;
  /** Whether what Winograd's passes have between them can be bound (winograd.ts). */
  readonly fitsFrequencies: boolean;
  /** Input and output channels of one group. */
  readonly channels: number;
  readonly outputs: number;
  readonly groups: number;
  /** Images in one copy of the value, and their output extents. */
  readonly images: number;
  readonly outH: number;
  readonly outW: number;
  /** Output pixels of all images at the program's capacity. */
  readonly columns: number;
  readonly kernelH: number;
  readonly kernelW: number;
  /** Of the convolution, whichever direction runs. */
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
}

/** Names that may be forced; which of them can compute a convolution depends on its shape. */
export const convVariants = ["direct", "strip", "quad", "tiled", "tiled128", "split", "depthwise", "winograd"] as const;
export type ConvVariant = (typeof convVariants)[number];

export interface ConvPlan {
  readonly variant: ConvVariant;
  /** The kernel that writes the output; before that of "winograd" other passes run. */
  readonly kernel: "direct" | "strip" | "quad" | "tiled" | "depthwise" | "winograd";
  readonly constants: Readonly<Record<string, ConstantValue>>;
  /** Items of one copy of the output along the grid's line, how many a workgroup takes, and the grid's depth. */
  readonly items: number;
  readonly perGroup: number;
  readonly depth: number;
  /** Slices that the sum of an output is split into; undefined where it is made in one. */
  readonly slices?: Slices;
  /** For the depthwise kernel: bands of neighbouring rows that a plane is cut into, one to an invocation. */
  readonly bands?: number;
}

/** Invocations of the tiled kernel, and the extent of its square tile with one block to an invocation. */
const TILED_LANES = 256;
const TILE = 64;

/** Output pixels that an invocation of the quad kernel sums. */
const QUAD_COLUMNS = 16;

/** Rows of four pixels that an invocation of the depthwise kernel makes at most, where invocations run one after another. */
const DEPTHWISE_ROWS = 8;

/** A tile that would be less than half full in either direction is left to a direct kernel. */
const LEAST_FILL = TILE / 2;

/** The widest kernel whose run of input fits the strip kernel's registers. */
const WIDEST_STRIP_KERNEL = 9;

/** Taps written out in one round of a loop; more only makes the shader longer to compile (docs/rejected.md). */
const MOST_TAPS = 5;

/** The widest kernel that the quad kernel is taken for where the strip kernel could be. */
const QUAD_KERNEL = 3;

/** Up to so many quads of output channels, an odd one is not paired with an idle one but all are taken singly. */
const MOST_QUADS_APART = 5;

export function planConv(facts: ConvFacts, adapter: AdapterFacts, forced?: string): ConvPlan {
  const { channels, outputs, groups, images, outH, outW } = facts;
  const pixels = images * outH * outW;
  const quads = Math.ceil(outputs / 4);
  switch (forced ?? chooseConv(facts, adapter)) {
    case "depthwise": {
      if (channels !== 1) throw refusedVariant("depthwise");
      const [upH, upW] = upOf(facts);
      const rows = Math.ceil(outH / upH);
      const bands = adapter.software ? Math.ceil(rows / DEPTHWISE_ROWS) : rows;
      return {
        variant: "depthwise",
        kernel: "depthwise",
        constants: { LANES },
        items: images * groups * outputs * bands * Math.ceil(outW / (4 * upW)),
        perGroup: LANES,
        depth: upH * upW,
        bands,
      };
    }
    case "tiled":
      return { variant: "tiled", ...planTiled(facts, 1) };
    // Legal wherever "tiled" is, and left to tuners: that a larger tile is faster has been measured nowhere yet.
    case "tiled128":
      return { variant: "tiled128", ...planTiled(facts, 2) };
    case "split": {
      const whole = planTiled(facts, 1);
      const slices = slicesOf(channels * facts.kernelH * facts.kernelW, Math.ceil(facts.columns / TILE) * whole.depth);
      return { variant: "split", ...whole, depth: whole.depth * slices.count, slices };
    }
    case "strip": {
      if (!fitsStrip(facts)) throw refusedVariant("strip");
      const { perTile, parts } = stripTile(facts, adapter);
      return {
        variant: "strip",
        kernel: "strip",
        constants: {
          LANES: adapter.subgroupSize || LANES,
          CHANNELS: perTile,
          PARTS: parts,
          SPAN: Math.ceil((facts.kernelW - 1) / 4),
          KERNEL_W: facts.kernelW,
          UNROLL: unroll(channels, facts.kernelW),
        },
        items: images * outH * Math.ceil(outW / (4 * parts)),
        perGroup: adapter.subgroupSize || LANES,
        depth: groups * Math.ceil(outputs / perTile),
      };
    }
    case "winograd": {
      if (!fitsWinograd(facts) || !hasWinograd()) throw refusedVariant("winograd");
      return {
        variant: "winograd",
        kernel: "winograd",
        constants: { LANES },
        items: images * groups * outputs * winogradTiles(outH, outW),
        perGroup: LANES,
        depth: 1,
      };
    }
    case "quad": {
      const [upH, upW] = upOf(facts);
      const { constants, perGroup, depth } = planQuad(facts, adapter);
      return {
        variant: "quad",
        kernel: "quad",
        constants,
        items: images * Math.ceil(outH / upH) * Math.ceil(outW / upW),
        perGroup,
        depth: upH * upW * groups * depth,
      };
    }
    case "direct": {
      const quadsPerTile = quads > 1 ? 2 : 1;
      return {
        variant: "direct",
        kernel: "direct",
        constants: { LANES, QUADS: quadsPerTile },
        items: pixels,
        perGroup: 4 * LANES,
        depth: groups * Math.ceil(quads / quadsPerTile),
      };
    }
    default:
      throw refusedVariant(forced);
  }
}

/** The tiled kernel with `blocks` × `blocks` blocks of 4 × 4 sums to an invocation. */
function planTiled({ images, outH, outW, outputs, groups }: ConvFacts, blocks: 1 | 2): Omit<ConvPlan, "variant"> {
  return {
    kernel: "tiled",
    constants: { LANES: TILED_LANES, BLOCKS: blocks },
    items: images * outH * outW,
    perGroup: TILE * blocks,
    depth: groups * Math.ceil(outputs / (TILE * blocks)),
  };
}

/**
 * The quad kernel for one group and one phase. A workgroup is one subgroup: on a CPU its invocations run together, and where
 * there are few columns a wider one would be mostly idle.
 */
export function planQuad(
  { outputs }: Pick<ConvFacts, "outputs">,
  adapter: AdapterFacts,
): Pick<ConvPlan, "constants" | "perGroup" | "depth"> {
  if (adapter.subgroupSize === 0) throw refusedVariant("quad");
  const quads = Math.ceil(outputs / 4);
  const share = quads > 2 ? 4 : quads;
  return {
    constants: { LANES: adapter.subgroupSize, SHARE: share },
    perGroup: (adapter.subgroupSize / share) * QUAD_COLUMNS,
    depth: Math.ceil(quads / share),
  };
}

/** The variants that can compute a convolution on an adapter. */
export function legalVariants(facts: ConvFacts, adapter: AdapterFacts): ConvVariant[] {
  return legalAmong(convVariants, adapter, (variant) => planConv(facts, adapter, variant));
}

/** Pixels between two of the input's in the output's frame: the stride of the convolution whose adjoint this is, or 1. */
export function upOf({ direction, strides }: Pick<ConvFacts, "direction" | "strides">): readonly [number, number] {
  return direction === "adjoint" ? strides : [1, 1];
}

export function convSite(facts: ConvFacts, adapter: AdapterFacts): VariantSite {
  return siteOf("conv", { ...facts }, chooseConv(facts, adapter), () => legalVariants(facts, adapter));
}

/**
 * Channels and quads of pixels of an invocation's strip. Someone waits for the first result of a forward pass: on software
 * adapters, where compiling is most of that, all its layers of a wide kernel have the same small tile, and with it one pipeline.
 */
function stripTile(facts: ConvFacts, { software }: AdapterFacts): { perTile: number; parts: 2 | 3 } {
  const { direction, linear, outputs, outW, kernelW } = facts;
  const quads = Math.ceil(outputs / 4);
  if (software && direction === "forward" && !linear && kernelW > QUAD_KERNEL && quads > 1) return { perTile: 4, parts: 2 };
  const apart = quads % 2 === 1 && quads <= MOST_QUADS_APART;
  return { perTile: outputs === 1 ? 1 : apart ? 4 : 8, parts: stripParts(outW) };
}

/** Quads of four pixels in a strip: as many as leave the least of the row's last strip idle; the longer one among equals. */
function stripParts(outW: number): 2 | 3 {
  const idle = (parts: number) => Math.ceil(outW / (4 * parts)) * 4 * parts - outW;
  return idle(3) <= idle(2) ? 3 : 2;
}

/** Channels written out in one round of the loop: enough that the sums it carries serve several taps. */
function unroll(channels: number, kernelW: number): 1 | 2 | 4 {
  for (const count of [4, 2] as const) if (channels % count === 0 && count * kernelW <= MOST_TAPS) return count;
  return 1;
}

function fitsStrip({ strides, dilations, kernelW }: ConvFacts): boolean {
  return strides[1] === 1 && dilations[1] === 1 && kernelW <= WIDEST_STRIP_KERNEL;
}

type WinogradFacts = Pick<
  ConvFacts,
  "linear" | "weights" | "fitsFrequencies" | "channels" | "outputs" | "outH" | "outW" | "kernelH" | "kernelW" | "strides" | "dilations"
>;

/** Transformed weights are rounded once more, which in 16 bits would make another network of it. */
function fitsWinograd({ kernelH, kernelW, strides, dilations, weights, fitsFrequencies }: WinogradFacts): boolean {
  const slides = kernelH === 3 && kernelW === 3 && [...strides, ...dilations].every((step) => step === 1);
  return slides && weights === "f32" && fitsFrequencies;
}

/** What its transforms cost is paid once per pixel and channel, what they spare for every pair of channels. */
const WINOGRAD_CHANNELS = 64;

/** The least picture, 14 × 14: on smaller ones tiles stand out over the edge, and transformed weights, four times the kernel, serve few. */
const WINOGRAD_PIXELS = 196;

/**
 * Where the three passes are faster than one on software adapters, measured (docs/performance.md). A forward pass decides by its
 * roundings on which side of a kink it is, and waits for its first result, so it is left to kernels that add plainly.
 */
export function gainsFromWinograd(facts: WinogradFacts, adapter: AdapterFacts): boolean {
  if (!adapter.software || adapter.subgroupSize === 0) return false;
  const { linear, channels, outputs, outH, outW } = facts;
  const large = Math.min(channels, outputs) >= WINOGRAD_CHANNELS && outH * outW >= WINOGRAD_PIXELS;
  return linear && large && fitsWinograd(facts);
}

function chooseConv(facts: ConvFacts, adapter: AdapterFacts): ConvVariant {
  if (facts.channels === 1 && facts.groups > 1) return "depthwise";
  if (hasWinograd() && gainsFromWinograd(facts, adapter)) return "winograd";
  // On a CPU workgroup memory is plain memory and every barrier spills the registers of all lanes.
  if (adapter.software || adapter.maxInvocations < TILED_LANES) {
    if (adapter.software && adapter.subgroupSize > 0 && !(fitsStrip(facts) && (facts.outputs <= 4 || facts.kernelW > QUAD_KERNEL)))
      return "quad";
    return fitsStrip(facts) ? "strip" : "direct";
  }
  return facts.outputs >= LEAST_FILL && facts.columns >= LEAST_FILL ? "tiled" : "direct";
}
