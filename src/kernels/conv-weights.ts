/** Weights of convolutions in the layouts that the kernels read (shaders/conv). */
import type { ConstantData } from "../runtime/graph/graph.ts";

/** Whether taps come in reverse order, along height and along width. */
export type Turned = readonly [boolean, boolean];

/** The weights [M, C/groups, kh, kw] of a convolution, or of its adjoint: where those of an output and a channel begin. */
export interface Kernels {
  readonly channels: number;
  readonly outputs: number;
  readonly taps: number;
  /** Index of the first tap from channel c to output m of a group. */
  at(group: number, m: number, c: number): number;
}

export function kernelsOf(shape: readonly number[], groups: number, transposed: boolean): Kernels {
  const [first, second, kh, kw] = shape as [number, number, number, number];
  // Conv stores W as [group, outputs | channels, …]; its adjoint reads the same array as [group, channels | outputs, …].
  const outputs = transposed ? second : first / groups;
  const channels = transposed ? first / groups : second;
  const taps = kh * kw;
  const at = (group: number, m: number, c: number) =>
    (transposed ? (group * channels + c) * outputs + m : (group * outputs + m) * channels + c) * taps;
  return { channels, outputs, taps, at };
}

/** W as [tap][c][group][⌈outputs/4⌉·4], zero-padded; `transposed` for the adjoint. */
export function packWeights(
  data: ConstantData,
  shape: readonly number[],
  groups: number,
  transposed: boolean,
  turned: Turned,
): Float32Array {
  const [kh, kw] = shape.slice(2) as [number, number];
  const { channels, outputs, taps, at } = kernelsOf(shape, groups, transposed);
  const padded = Math.ceil(outputs / 4) * 4;
  const packed = new Float32Array(taps * channels * groups * padded);
  for (let g = 0; g < groups; g++) {
    for (let m = 0; m < outputs; m++) {
      for (let c = 0; c < channels; c++) {
        for (let tap = 0; tap < taps; tap++) {
          const [row, column] = [Math.floor(tap / kw), tap % kw];
          const from = (turned[0] ? kh - 1 - row : row) * kw + (turned[1] ? kw - 1 - column : column);
          packed[((tap * channels + c) * groups + g) * padded + m] = data[at(g, m, c) + from]!;
        }
      }
    }
  }
  return packed;
}
