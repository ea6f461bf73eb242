/** Convolutions and matrix products in double precision: loops as the definition has them, nothing clever. */
import { number, numbers, required, text } from "./context.ts";
import type { NodeContext, ReferenceKernel } from "./context.ts";
import { broadcastIndex, broadcastShape } from "./elementwise.ts";
import { EPSILON, flatIndex, forEachIndex, gather, reshaped, tensor } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";
import { positions, tap, windows } from "./window.ts";
import type { AxisWindow } from "./window.ts";

/**
 * Sums of products, with what a float32 evaluation may lose: √K ε Σ|a||b| for K terms (the partial sums' roundings add up
 * like a random walk), and the operands' own errors carried along, likewise independent.
 */
class Sums {
  private readonly terms: Float64Array;
  private readonly absolute: Float64Array;
  private readonly carried: Float64Array;

  constructor(
    readonly y: Tensor,
    private readonly bounds: boolean,
  ) {
    const size = bounds ? y.data.length : 0;
    this.terms = new Float64Array(size);
    this.absolute = new Float64Array(size);
    this.carried = new Float64Array(size);
  }

  add(at: number, a: Tensor, i: number, b: Tensor, j: number): void {
    const [p, q] = [a.data[i]!, b.data[j]!];
    this.y.data[at]! += p * q;
    if (!this.bounds) return;
    this.terms[at]!++;
    this.absolute[at]! += Math.abs(p * q);
    this.carried[at]! += (p * b.bound[j]!) ** 2 + (q * a.bound[i]!) ** 2;
  }

  finish(): Tensor {
    if (!this.bounds) return this.y;
    for (let i = 0; i < this.y.data.length; i++) {
      this.y.bound[i] = Math.sqrt(this.carried[i]!) + Math.sqrt(this.terms[i]! + 1) * EPSILON * this.absolute[i]!;
    }
    return this.y;
  }
}

/** [N, C, L] as [N, C, 1, L]. */
const lifted = (x: Tensor): Tensor => reshaped(x, [x.shape[0]!, x.shape[1]!, ...(x.shape.length === 3 ? [1] : []), ...x.shape.slice(2)]);
const ONE: AxisWindow = { kernel: 1, stride: 1, begin: 0, end: 0, dilation: 1 };
const two = (axes: readonly AxisWindow[]): [AxisWindow, AxisWindow] => (axes.length === 1 ? [ONE, axes[0]!] : [axes[0]!, axes[1]!]);

function addBias(y: Tensor, bias: Tensor | undefined): void {
  if (!bias) return;
  const pixels = y.data.length / (y.shape[0]! * y.shape[1]!);
  for (let i = 0; i < y.data.length; i++) {
    const c = Math.floor(i / pixels) % y.shape[1]!;
    y.data[i]! += bias.data[c]!;
    y.bound[i]! += EPSILON * (Math.abs(bias.data[c]!) + Math.abs(y.data[i]!)) + bias.bound[c]!;
  }
}

function conv(context: NodeContext): Tensor {
  const original = required(context, 0);
  const [x, w] = [lifted(original), lifted(required(context, 1))];
  const axes = windows(context, original.shape.slice(2), required(context, 1).shape.slice(2));
  const outputs = axes.map((axis, i) => positions(context, original.shape[2 + i]!, axis));
  const [h, v] = two(axes);
  const [n, c, inH, inW] = x.shape as [number, number, number, number];
  const [m, perGroup] = w.shape as [number, number];
  const groups = number(context, "group", 1);
  const [outH, outW] = [axes.length === 1 ? 1 : outputs[0]!, outputs.at(-1)!];
  const y = tensor([n, m, outH, outW]);
  const sums = new Sums(y, context.state.bounds);
  let at = 0;
  for (let b = 0; b < n; b++) {
    for (let o = 0; o < m; o++) {
      const firstChannel = Math.floor(o / (m / groups)) * perGroup;
      for (let r = 0; r < outH; r++) {
        for (let s = 0; s < outW; s++, at++) {
          for (let i = 0; i < h.kernel; i++) {
            const row = tap(r, i, h, inH);
            if (row === undefined) continue;
            for (let j = 0; j < v.kernel; j++) {
              const column = tap(s, j, v, inW);
              if (column === undefined) continue;
              for (let k = 0; k < perGroup; k++) {
                sums.add(
                  at,
                  x,
                  ((b * c + firstChannel + k) * inH + row) * inW + column,
                  w,
                  ((o * perGroup + k) * h.kernel + i) * v.kernel + j,
                );
              }
            }
          }
        }
      }
    }
  }
  sums.finish();
  addBias(y, context.inputs[2]);
  return reshaped(y, [n, m, ...outputs]);
}

/** The definition by scattering: every input pixel adds its multiple of the kernel to the output. */
function convTranspose(context: NodeContext): Tensor {
  const original = required(context, 0);
  const [x, w] = [lifted(original), lifted(required(context, 1))];
  const spatial = original.shape.slice(2);
  const kernel = required(context, 1).shape.slice(2);
  const rank = spatial.length;
  const autoPad = text(context, "auto_pad", "NOTSET");
  const outputs: number[] = [];
  const axes = kernel.map((k, axis): AxisWindow => {
    const stride = numbers(context, "strides")?.[axis] ?? 1;
    const dilation = numbers(context, "dilations")?.[axis] ?? 1;
    const extra = numbers(context, "output_padding")?.[axis] ?? 0;
    const full = stride * (spatial[axis]! - 1) + extra + dilation * (k - 1) + 1;
    const wanted = numbers(context, "output_shape")?.at(axis - rank) ?? (autoPad.startsWith("SAME") ? spatial[axis]! * stride : undefined);
    let [begin, end] = [numbers(context, "pads")?.[axis] ?? 0, numbers(context, "pads")?.[axis + rank] ?? 0];
    if (wanted !== undefined) {
      const total = Math.max(0, full - wanted);
      begin = autoPad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
      end = total - begin;
    }
    outputs.push(wanted ?? full - begin - end);
    return { kernel: k, stride, begin, end, dilation };
  });
  const [h, v] = two(axes);
  const [n, c] = x.shape as [number, number];
  const perGroup = w.shape[1]!;
  const groups = number(context, "group", 1);
  const m = perGroup * groups;
  const [outH, outW] = [rank === 1 ? 1 : outputs[0]!, outputs.at(-1)!];
  const y = tensor([n, m, outH, outW]);
  const sums = new Sums(y, context.state.bounds);
  forEachIndex(x.shape, (index, from) => {
    const [b, k, r, s] = index as [number, number, number, number];
    const group = Math.floor(k / (c / groups));
    for (let o = 0; o < perGroup; o++) {
      for (let i = 0; i < h.kernel; i++) {
        const row = r * h.stride - h.begin + i * h.dilation;
        if (row < 0 || row >= outH) continue;
        for (let j = 0; j < v.kernel; j++) {
          const column = s * v.stride - v.begin + j * v.dilation;
          if (column < 0 || column >= outW) continue;
          sums.add(
            ((b * m + group * perGroup + o) * outH + row) * outW + column,
            x,
            from,
            w,
            ((k * perGroup + o) * h.kernel + i) * v.kernel + j,
          );
        }
      }
    }
  });
  sums.finish();
  addBias(y, context.inputs[2]);
  return reshaped(y, [n, m, ...outputs]);
}

export function product(a: Tensor, b: Tensor, bounds: boolean): Tensor {
  const [p, q] = [a.shape.length === 1 ? reshaped(a, [1, a.shape[0]!]) : a, b.shape.length === 1 ? reshaped(b, [b.shape[0]!, 1]) : b];
  const [batchA, batchB] = [p.shape.slice(0, -2), q.shape.slice(0, -2)];
  const batch = broadcastShape(batchA, batchB);
  const [rows, depth, columns] = [p.shape.at(-2)!, p.shape.at(-1)!, q.shape.at(-1)!];
  if (q.shape.at(-2) !== depth) throw new Error(`cannot multiply [${a.shape}] by [${b.shape}]`);
  const y = tensor([...batch, rows, columns]);
  const sums = new Sums(y, bounds);
  forEachIndex(batch, (index, matrix) => {
    const [fromA, fromB] = [flatIndex(broadcastIndex(index, batchA), batchA), flatIndex(broadcastIndex(index, batchB), batchB)];
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        for (let k = 0; k < depth; k++) {
          sums.add((matrix * rows + r) * columns + c, p, (fromA * rows + r) * depth + k, q, (fromB * depth + k) * columns + c);
        }
      }
    }
  });
  sums.finish();
  return reshaped(y, [...batch, ...(a.shape.length === 1 ? [] : [rows]), ...(b.shape.length === 1 ? [] : [columns])]);
}

function gemm(context: NodeContext): Tensor {
  const turned = (x: Tensor, flag: string) =>
    number(context, flag, 0) === 0 ? x : gather(x, [x.shape[1]!, x.shape[0]!], ([i, j]) => [j!, i!]);
  const y = product(turned(required(context, 0), "transA"), turned(required(context, 1), "transB"), context.state.bounds);
  const [alpha, beta] = [number(context, "alpha", 1), number(context, "beta", 1)].map(Math.fround) as [number, number];
  const c = context.inputs[2];
  forEachIndex(y.shape, (index, flat) => {
    y.data[flat]! *= alpha;
    y.bound[flat] = Math.abs(alpha) * y.bound[flat]! + 2 * EPSILON * Math.abs(y.data[flat]!);
    if (!c) return;
    const at = flatIndex(broadcastIndex(index, c.shape), c.shape);
    y.data[flat]! += beta * c.data[at]!;
    y.bound[flat] += Math.abs(beta) * (c.bound[at]! + 2 * EPSILON * Math.abs(c.data[at]!)) + EPSILON * Math.abs(y.data[flat]!);
  });
  return y;
}

export const linearKernels: Readonly<Record<string, ReferenceKernel>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MatMul: (context) => product(required(context, 0), required(context, 1), context.state.bounds),
  Gemm: gemm,
};
