/** Winograd's transforms against plain sums, and what their roundings come to, without a GPU. */
import { expect, test } from "vitest";
import { packForWinograd } from "../../../src/kernels/rare/winograd.ts";
import { randomArray } from "../../gpu/numbers.ts";

/** Bᵀ and Aᵀ for the points 0, ±a, ±b, ∞, as shaders/conv/winograd_*.wgsl write them out for √½ and √2. */
const transforms = (a: number, b: number) => ({
  input: [
    [a * a * b * b, 0, -(a * a + b * b), 0, 1, 0],
    [0, -a * b * b, -b * b, a, 1, 0],
    [0, a * b * b, -b * b, -a, 1, 0],
    [0, -a * a * b, -a * a, b, 1, 0],
    [0, a * a * b, -a * a, -b, 1, 0],
    [0, a * a * b * b, 0, -(a * a + b * b), 0, 1],
  ],
  output: [0, 1, 2, 3].map((i) => [Number(i === 0), a ** i, (-a) ** i, b ** i, (-b) ** i, Number(i === 3)]),
});

type Round = (x: number) => number;
const exact: Round = (x) => x;

/** Σ terms, rounded as it goes. */
const sum = (terms: readonly number[], round: Round) => terms.reduce((total, term) => round(total + round(term)), 0);

/** T X Tᵀ for a square X, each element a sum of its own. */
function bothWays(matrix: readonly (readonly number[])[], x: readonly (readonly number[])[], round: Round): number[][] {
  const rows = matrix.map((row) =>
    x[0]!.map((_, j) =>
      sum(
        row.map((factor, k) => round(factor) * x[k]![j]!),
        round,
      ),
    ),
  );
  return rows.map((row) =>
    matrix.map((column) =>
      sum(
        column.map((factor, k) => round(factor) * row[k]!),
        round,
      ),
    ),
  );
}

const CHANNELS = 64;
const { input, output } = transforms(Math.SQRT1_2, Math.SQRT2);
const weights = randomArray([1, CHANNELS, 3, 3], 1).data;
const pictures = randomArray([CHANNELS, 6, 6], 2).data;
const patch = (c: number) => Array.from({ length: 6 }, (_, i) => Array.from({ length: 6 }, (_, j) => pictures[c * 36 + 6 * i + j]!));
const channels = Array.from({ length: CHANNELS }, (_, c) => c);

/** One tile, 4 × 4, by plain sums, as a list. */
function plain(round: Round): number[] {
  return Array.from({ length: 16 }, (_, p) =>
    sum(
      channels.flatMap((c) =>
        Array.from({ length: 9 }, (_, tap) => {
          const [row, column] = [Math.floor(p / 4) + Math.floor(tap / 3), (p % 4) + (tap % 3)];
          return weights[c * 9 + tap]! * pictures[c * 36 + 6 * row + column]!;
        }),
      ),
      round,
    ),
  );
}

/** The same from frequencies. `packed`: [c][frequency][4]. */
function byFrequencies(packed: Float32Array, round: Round): number[] {
  const values = channels.map((c) => bothWays(input, patch(c), round));
  const products = Array.from({ length: 6 }, (_, i) =>
    Array.from({ length: 6 }, (_, j) =>
      sum(
        channels.map((c) => packed[(c * 36 + 6 * i + j) * 4]! * values[c]![i]![j]!),
        round,
      ),
    ),
  );
  return bothWays(output, products, round).flat();
}

const norm = (x: readonly number[]) => Math.hypot(...x);
const error = (x: readonly number[], reference: readonly number[]) => norm(x.map((value, i) => value - reference[i]!)) / norm(reference);

test("are a convolution, but for the rounding of the weights' frequencies", () => {
  const packed = packForWinograd(weights, [1, CHANNELS, 3, 3], 1, false);
  expect(error(byFrequencies(packed, exact), plain(exact))).toBeLessThan(2e-7);
});

test("of an adjoint have the kernel turned round and channels for outputs", () => {
  const turned = Float32Array.from(weights, (_, i) => weights[i - (i % 9) + 8 - (i % 9)]!);
  const packed = packForWinograd(weights, [CHANNELS, 1, 3, 3], 1, true);
  expect(packed).toEqual(packForWinograd(turned, [1, CHANNELS, 3, 3], 1, false));
});

test("round about twice as much as plain sums, in f32", () => {
  const packed = packForWinograd(weights, [1, CHANNELS, 3, 3], 1, false);
  const reference = plain(exact);
  const [usual, transformed] = [plain(Math.fround), byFrequencies(packed, Math.fround)].map((x) => error(x, reference));
  expect(transformed).toBeLessThan(1e-6);
  expect(transformed! / usual!).toBeLessThan(4);
});
