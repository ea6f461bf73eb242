/**
 * Winograd's F(4×4, 3×3): weights in the frequencies of shaders/conv/winograd_input.wgsl.
 *
 * A 1-D filter of three taps makes four outputs from six inputs. All are polynomials: their product, of degree five, is known by
 * its values at five points and at infinity, which costs six multiplications where the sums take twelve. In two dimensions each
 * transform is taken along both axes: 36 instead of 144.
 *
 * With a and b the points ±a and ±b beside 0 and infinity, a filter's values there, scaled as Lagrange interpolation wants them,
 * are G·w. For a = √½ and b = √2 rounding errors are about twice those of plain sums; for the usual a = 1, b = 2 six times
 * (docs/performance.md). Barabasz, Anderson, Soodhalter and Gregg 2020, "Error Analysis and Improving the Accuracy of Winograd
 * Convolution for Deep Neural Networks", show how much the choice of points matters.
 */
import winogradInputSource from "../../../shaders/conv/winograd_input.wgsl?raw";
import winogradOutputSource from "../../../shaders/conv/winograd_output.wgsl?raw";
import { defineKernel } from "../../runtime/gpu/kernel.ts";
import type { ConstantData, Value } from "../../runtime/graph/graph.ts";
import { convKernels, linkedWithAll } from "../conv-kernels.ts";
import { launchPass } from "../conv-lowering.ts";
import type { Geometry } from "../conv-lowering.ts";
import { planConv } from "../conv-planner.ts";
import type { ConvFacts } from "../conv-planner.ts";
import { kernelsOf } from "../conv-weights.ts";
import { NO_EPILOGUE } from "../epilogue.ts";
import type { Lowering } from "../op.ts";
import { hashOf } from "../variants.ts";
import { FREQUENCIES, WINOGRAD_TILE, winogradTiles } from "../winograd.ts";
import type { WinogradPasses } from "../winograd.ts";
import { gridSource, LANES } from "../wgsl.ts";

const winogradInput = defineKernel("winograd_input", winogradInputSource, gridSource);

const [A, B] = [Math.SQRT1_2, Math.SQRT2];

/** Rows of G: the filter's value at 0, ±a, ±b, ∞, divided by Π (point − every other finite point). */
const G: readonly (readonly [number, number, number])[] = [
  [1 / (A * A * B * B), 0, 0],
  ...[A, -A].map((point) => valueAt(point, 2 * A * A * (A * A - B * B))),
  ...[B, -B].map((point) => valueAt(point, 2 * B * B * (B * B - A * A))),
  [0, 0, 1],
];

function valueAt(point: number, scale: number): readonly [number, number, number] {
  return [1 / scale, point / scale, (point * point) / scale];
}

/** G w Gᵀ of every kernel, [c][frequency, group][⌈outputs/4⌉·4], zero-padded; `transposed` for the adjoint, whose kernels are turned round. */
export function packForWinograd(data: ConstantData, shape: readonly number[], groups: number, transposed: boolean): Float32Array {
  const { channels, outputs, taps, at } = kernelsOf(shape, groups, transposed);
  const padded = Math.ceil(outputs / 4) * 4;
  const packed = new Float32Array(FREQUENCIES * channels * groups * padded);
  const rows = new Float64Array(6 * 3); // G w
  for (let g = 0; g < groups; g++) {
    for (let m = 0; m < outputs; m++) {
      for (let c = 0; c < channels; c++) {
        const first = at(g, m, c);
        const w = (row: number, column: number) => data[first + (transposed ? taps - 1 - 3 * row - column : 3 * row + column)]!;
        for (let column = 0; column < 3; column++) {
          const [w0, w1, w2] = [w(0, column), w(1, column), w(2, column)];
          G.forEach(([g0, g1, g2], i) => (rows[3 * i + column] = g0 * w0 + g1 * w1 + g2 * w2));
        }
        for (let i = 0; i < 6; i++) {
          const [r0, r1, r2] = [rows[3 * i]!, rows[3 * i + 1]!, rows[3 * i + 2]!];
          const to = (c * FREQUENCIES + 6 * i) * groups * padded + g * padded + m;
          G.forEach(([g0, g1, g2], j) => (packed[to + j * groups * padded] = g0 * r0 + g1 * r1 + g2 * r2));
        }
      }
    }
  }
  return packed;
}

/** The 36 frequencies of every output channel's tiles, [36 · channels, 1, tiles], before they become pixels again. */
function products(lowering: Lowering, geometry: Geometry): Value {
  const { direction, images, channels, outputs, groups, outH, outW } = geometry.facts;
  const tiles = winogradTiles(outH, outW);
  const input = lowering.scratch(geometry.x, [images, FREQUENCIES * groups * channels, 1, tiles]);
  launchTransform(lowering, geometry, input);

  const elements = FREQUENCIES * channels * groups * Math.ceil(outputs / 4) * 4;
  const weights = lowering.pack(geometry.w, `winograd-${direction}-${groups}`, elements, (data) =>
    packForWinograd(data, geometry.w.shape, groups, direction === "adjoint"),
  );
  const output = lowering.scratch(lowering.node.outputs[0]!, [images, FREQUENCIES * groups * outputs, 1, tiles]);
  const facts: ConvFacts = {
    ...geometry.facts,
    direction: "forward",
    groups: FREQUENCIES * groups,
    outH: 1,
    outW: tiles,
    columns: lowering.copies(output) * images * tiles,
    kernelH: 1,
    kernelW: 1,
  };
  const plan = planConv(facts, lowering.adapter);
  launchPass(lowering, {
    facts,
    plan,
    bindings: { input, weights },
    kernel: convKernels(plan.kernel, "forward", lowering.adapter).f32,
    output,
    epilogue: NO_EPILOGUE,
    inH: 1,
    inW: tiles,
    strides: [1, 1],
    pads: [0, 0],
    macs: images * facts.groups * channels * outputs * tiles,
  });
  return output;
}

/** Tiles of the input into frequencies, [36 · channels, 1, tiles]. */
function launchTransform(lowering: Lowering, { facts, x, inH, inW, pads }: Geometry, output: Value): void {
  const { images, outH, outW } = facts;
  const channels = facts.channels * facts.groups;
  const items = images * channels * winogradTiles(outH, outW);
  lowering.launch({
    kernel: winogradInput,
    constants: { LANES },
    bindings: { input: x, output },
    params: {
      items: lowering.copies(x) * items,
      channels,
      in_h: inH,
      in_w: inW,
      tiles_h: Math.ceil(outH / WINOGRAD_TILE),
      tiles_w: Math.ceil(outW / WINOGRAD_TILE),
      pad_h: pads[0],
      pad_w: pads[1],
    },
    grid: { lead: x.lead, items, perGroup: LANES, depth: 1 },
  });
}

const winogradOutput = defineKernel("winograd_output", winogradOutputSource, linkedWithAll);

export const winogradPasses: WinogradPasses = { hash: hashOf([winogradInput, winogradOutput]), output: winogradOutput, products };
