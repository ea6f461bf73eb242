/** Ops that move data, by index arithmetic on one element at a time. */
import { listed, number, numbers, required, text } from "./context.ts";
import type { NodeContext, ReferenceKernel } from "./context.ts";
import { continued } from "./gathering.ts";
import { sizeOf } from "./model.ts";
import { flatIndex, forEachIndex, gather, reshaped, tensor } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";

const positive = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

function slice(context: NodeContext): Tensor {
  const x = required(context, 0);
  const starts = listed(context, "starts", 1, 10)!;
  const ends = listed(context, "ends", 2, 10)!;
  const axes = listed(context, "axes", 3, 10) ?? starts.map((_, i) => i);
  const steps = (context.opset < 10 ? undefined : context.inputs[4] && Array.from(context.inputs[4].data)) ?? starts.map(() => 1);
  const chosen = x.shape.map((extent) => Array.from({ length: extent }, (_, i) => i));
  axes.forEach((given, i) => {
    const axis = positive(given, x.shape.length);
    const extent = x.shape[axis]!;
    const step = steps[i]!;
    const wrapped = (at: number) => (at < 0 ? at + extent : at);
    const list: number[] = [];
    if (step > 0) {
      for (let at = Math.max(0, wrapped(starts[i]!)); at < Math.min(extent, wrapped(ends[i]!)); at += step) list.push(at);
    } else {
      // Clamped to an element at both ends, unlike Python's (ONNX operator specification, Slice).
      for (let at = Math.min(extent - 1, Math.max(0, wrapped(starts[i]!))); at > Math.max(-1, wrapped(ends[i]!)); at += step) list.push(at);
    }
    chosen[axis] = list;
  });
  return gather(
    x,
    chosen.map((list) => list.length),
    (index) => index.map((i, axis) => chosen[axis]![i]!),
  );
}

function pad(context: NodeContext): Tensor {
  const x = required(context, 0);
  const pads = listed(context, "pads", 1, 11)!;
  const fill = context.opset < 11 ? number(context, "value", 0) : (context.inputs[2]?.data[0] ?? 0);
  const axes = (context.inputs[3] ? Array.from(context.inputs[3].data) : x.shape.map((_, axis) => axis)).map((axis) =>
    positive(axis, x.shape.length),
  );
  const begin = x.shape.map((_, axis) => (axes.includes(axis) ? pads[axes.indexOf(axis)]! : 0));
  const end = x.shape.map((_, axis) => (axes.includes(axis) ? pads[axes.indexOf(axis) + axes.length]! : 0));
  return gather(
    x,
    x.shape.map((extent, axis) => begin[axis]! + extent + end[axis]!),
    (index) => {
      const shifted = index.map((i, axis) => i - begin[axis]!);
      const mode = text(context, "mode", "constant");
      const source = mode === "constant" ? shifted : shifted.map((i, axis) => continued(mode, i, x.shape[axis]!));
      return source.every((i, axis) => i >= 0 && i < x.shape[axis]!) ? source : undefined;
    },
    Math.fround(fill),
  );
}

function concat(context: NodeContext): Tensor {
  const parts = context.inputs.filter((input): input is Tensor => input !== undefined);
  const axis = positive(number(context, "axis", 1), parts[0]!.shape.length);
  const y = tensor(parts[0]!.shape.map((extent, a) => (a === axis ? parts.reduce((sum, part) => sum + part.shape[axis]!, 0) : extent)));
  let begin = 0;
  for (const part of parts) {
    forEachIndex(part.shape, (index, flat) => {
      const to = flatIndex(
        index.map((i, a) => (a === axis ? i + begin : i)),
        y.shape,
      );
      y.data[to] = part.data[flat]!;
      y.bound[to] = part.bound[flat]!;
    });
    begin += part.shape[axis]!;
  }
  return y;
}

function reshape(context: NodeContext): Tensor {
  const x = required(context, 0);
  const wanted = Array.from(required(context, 1).data);
  const shape = wanted.map((extent, axis) => (extent === 0 && number(context, "allowzero", 0) === 0 ? x.shape[axis]! : extent));
  const known = sizeOf(shape.filter((extent) => extent !== -1));
  return reshaped(
    x,
    shape.map((extent) => (extent === -1 ? x.data.length / known : extent)),
  );
}

export const movementKernels: Readonly<Record<string, ReferenceKernel>> = {
  Slice: slice,
  Pad: pad,
  Concat: concat,
  Reshape: reshape,
  Flatten: (context) => {
    const x = required(context, 0);
    const axis = positive(number(context, "axis", 1), x.shape.length);
    return reshaped(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
  },
  Transpose: (context) => {
    const x = required(context, 0);
    const order = numbers(context, "perm") ?? x.shape.map((_, axis) => x.shape.length - 1 - axis);
    return gather(
      x,
      order.map((axis) => x.shape[axis]!),
      (index) => x.shape.map((_, axis) => index[order.indexOf(axis)]!),
    );
  },
  Squeeze: (context) => {
    const x = required(context, 0);
    const axes = listed(context, "axes", 1, 13)?.map((axis) => positive(axis, x.shape.length));
    return reshaped(
      x,
      x.shape.filter((extent, axis) => (axes ? !axes.includes(axis) : extent !== 1)),
    );
  },
  Unsqueeze: (context) => {
    const x = required(context, 0);
    const axes = listed(context, "axes", 1, 13)!;
    const rank = x.shape.length + axes.length;
    const added = axes.map((axis) => positive(axis, rank));
    const kept = [...x.shape];
    return reshaped(
      x,
      Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : kept.shift()!)),
    );
  },
};
