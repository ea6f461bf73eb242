/** Pools in double precision, over one or two spatial axes. */
import { number, numbers, required } from "./context.ts";
import type { NodeContext, ReferenceKernel } from "./context.ts";
import { EPSILON, flatIndex, forEachIndex, tensor } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";
import { positions, windows } from "./window.ts";

/** Calls visit for every output with the flat inputs under its window, in row-major order of the taps. */
function pool(context: NodeContext, finish: (taps: readonly number[], padded: number, x: Tensor, y: Tensor, flat: number) => void): Tensor {
  const x = required(context, 0);
  const spatial = x.shape.slice(2);
  const kernel = numbers(context, "kernel_shape")!;
  const axes = windows(context, spatial, kernel);
  const y = tensor([x.shape[0]!, x.shape[1]!, ...axes.map((axis, i) => positions(context, spatial[i]!, axis))]);
  forEachIndex(y.shape, (index, flat) => {
    const [n, c, ...at] = index as [number, number, ...number[]];
    const taps: number[] = [];
    let padded = 0;
    forEachIndex(kernel, (k) => {
      const position = k.map((tap, axis) => at[axis]! * axes[axis]!.stride - axes[axis]!.begin + tap * axes[axis]!.dilation);
      if (position.every((p, axis) => p >= -axes[axis]!.begin && p < spatial[axis]! + axes[axis]!.end)) padded++;
      if (position.every((p, axis) => p >= 0 && p < spatial[axis]!)) taps.push(flatIndex([n, c, ...position], x.shape));
    });
    finish(taps, padded, x, y, flat);
  });
  return y;
}

export const poolKernels: Readonly<Record<string, ReferenceKernel>> = {
  MaxPool: (context) =>
    pool(context, (taps, _padded, x, y, flat) => {
      let best = taps[0]!;
      for (const at of taps) if (x.data[at]! > x.data[best]! || Number.isNaN(x.data[at]!)) best = at;
      y.data[flat] = x.data[best]!;
      for (const at of taps) {
        y.bound[flat] = Math.max(y.bound[flat]!, x.bound[at]!);
        // Among random numbers only what a clamp made equal is equal, and there both stay what they are.
        const gap = x.data[best]! - x.data[at]!;
        if (gap > 0) context.state.margin = Math.min(context.state.margin, gap);
      }
    }),
  AveragePool: (context) =>
    pool(context, (taps, padded, x, y, flat) => {
      const count = number(context, "count_include_pad", 0) !== 0 ? padded : taps.length;
      let [absolute, carried] = [0, 0];
      for (const at of taps) {
        y.data[flat]! += x.data[at]! / count;
        absolute += Math.abs(x.data[at]!) / count;
        carried += (x.bound[at]! / count) ** 2;
      }
      y.bound[flat] = Math.sqrt(carried) + Math.sqrt(taps.length) * EPSILON * absolute + 2.5 * EPSILON * Math.abs(y.data[flat]!);
    }),
  LpPool: (context) =>
    pool(context, (taps, _padded, x, y, flat) => {
      const p = number(context, "p", 2);
      y.data[flat] = taps.reduce((sum, at) => sum + Math.abs(x.data[at]!) ** p, 0) ** (1 / p);
      // |∂y/∂x| ≤ 1; the power and the root each round a few units in the last place.
      y.bound[flat] = taps.reduce((sum, at) => sum + x.bound[at]!, 0) + (8 + 4 * p) * EPSILON * y.data[flat];
    }),
};
