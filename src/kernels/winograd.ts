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
import type { ConstantData } from "../runtime/graph/graph.ts";
import { kernelsOf } from "./conv-weights.ts";

/** Values of a tile's polynomials: 6 × 6. */
export const FREQUENCIES = 36;

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
  const w = (first: number, tap: number) => data[first + (transposed ? taps - 1 - tap : tap)]!;
  for (let g = 0; g < groups; g++) {
    for (let m = 0; m < outputs; m++) {
      for (let c = 0; c < channels; c++) {
        const first = at(g, m, c);
        for (let f = 0; f < FREQUENCIES; f++) {
          const [row, column] = [G[Math.floor(f / 6)]!, G[f % 6]!];
          let sum = 0;
          for (let tap = 0; tap < taps; tap++) sum += row[Math.floor(tap / 3)]! * column[tap % 3]! * w(first, tap);
          packed[((c * FREQUENCIES + f) * groups + g) * padded + m] = sum;
        }
      }
    }
  }
  return packed;
}
