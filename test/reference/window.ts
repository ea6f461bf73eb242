/** Sliding windows over one spatial axis: how Conv and the pools read stride, pads, dilation and auto_pad. */
import { numbers, number, text } from "./context.ts";
import type { NodeContext } from "./context.ts";

export interface AxisWindow {
  readonly kernel: number;
  readonly stride: number;
  readonly begin: number;
  readonly end: number;
  readonly dilation: number;
}

/** One window per spatial axis (ONNX operator specification, Conv and MaxPool). */
export function windows(context: NodeContext, input: readonly number[], kernel: readonly number[]): AxisWindow[] {
  const autoPad = text(context, "auto_pad", "NOTSET");
  const rank = kernel.length;
  return kernel.map((k, axis) => {
    const stride = numbers(context, "strides")?.[axis] ?? 1;
    const dilation = numbers(context, "dilations")?.[axis] ?? 1;
    let [begin, end] = [numbers(context, "pads")?.[axis] ?? 0, numbers(context, "pads")?.[axis + rank] ?? 0];
    if (autoPad.startsWith("SAME")) {
      const needed = (Math.ceil(input[axis]! / stride) - 1) * stride + dilation * (k - 1) + 1 - input[axis]!;
      const total = Math.max(needed, 0);
      const larger = Math.ceil(total / 2);
      [begin, end] = autoPad === "SAME_UPPER" ? [total - larger, larger] : [larger, total - larger];
    } else if (autoPad === "VALID") {
      [begin, end] = [0, 0];
    }
    return { kernel: k, stride, begin, end, dilation };
  });
}

/** Positions of a window: with ceil_mode the last one may hang over, unless it would start past input and begin padding. */
export function positions(context: NodeContext, input: number, { kernel, stride, begin, end, dilation }: AxisWindow): number {
  let count = 0;
  const reach = dilation * (kernel - 1) + 1;
  for (let start = -begin; ; start += stride) {
    const fits = start + reach <= input + end;
    const hangsOver = number(context, "ceil_mode", 0) !== 0 && start - stride + reach < input + end && start < input;
    if (!fits && !hangsOver) return count;
    count++;
  }
}

/** The input position under tap k of the window at position p; undefined in the padding. */
export function tap(p: number, k: number, { stride, begin, dilation }: AxisWindow, input: number): number | undefined {
  const at = p * stride - begin + k * dilation;
  return at >= 0 && at < input ? at : undefined;
}
