/** Gathering, repeating and interpolating, by index arithmetic; top-k and extremes, by sorting. */
import { listed, number, required, text } from "./context.ts";
import type { NodeContext, ReferenceKernel } from "./context.ts";
import { EPSILON, flatIndex, forEachIndex, gather, reshaped, tensor } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";

const positive = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

/** The lines of x along an axis, as flat indices. */
function linesOf(x: Tensor, axis: number): number[][] {
  const inner = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const extent = x.shape[axis]!;
  return Array.from({ length: x.data.length / extent }, (_, line) =>
    Array.from({ length: extent }, (_, k) => (Math.floor(line / inner) * extent + k) * inner + (line % inner)),
  );
}

/** One element for every line, computed from its elements in order. */
function alongAxis(
  x: Tensor,
  axis: number,
  extent: number,
  fill: (line: readonly number[], into: (k: number, value: number, bound: number) => void) => void,
): Tensor {
  const y = tensor(x.shape.map((own, a) => (a === axis ? extent : own)));
  const to = linesOf(y, axis);
  linesOf(x, axis).forEach((line, i) => {
    fill(line, (k, value, bound) => {
      y.data[to[i]![k]!] = value;
      y.bound[to[i]![k]!] = bound;
    });
  });
  return y;
}

function reduction(
  f: (elements: readonly number[]) => number,
  scale: (elements: readonly number[], y: number) => number,
  kink?: "extreme",
): ReferenceKernel {
  return (context) => {
    const x = required(context, 0);
    const given = context.node.op === "GlobalMaxPool" ? x.shape.map((_, a) => a).slice(2) : listed(context, "axes", 1, 18);
    const axes = (given ?? x.shape.map((_, a) => a)).map((axis) => positive(axis, x.shape.length));
    const y = tensor(x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)));
    const groups: number[][] = Array.from(y.data, () => []);
    forEachIndex(x.shape, (index, flat) =>
      groups[
        flatIndex(
          index.map((i, axis) => (axes.includes(axis) ? 0 : i)),
          y.shape,
        )
      ]!.push(flat),
    );
    groups.forEach((group, i) => {
      const elements = group.map((at) => x.data[at]!);
      y.data[i] = f(elements);
      const carried = group.reduce((sum, at) => sum + x.bound[at]!, 0);
      const size = scale(elements, y.data[i]);
      y.bound[i] = carried * Math.max(1, size) + (4 + Math.sqrt(group.length)) * EPSILON * size;
      const gaps = elements.filter((value) => value !== y.data[i]).map((value) => Math.abs(value - y.data[i]!));
      if (kink) context.state.margin = Math.min(context.state.margin, ...gaps);
      if (context.node.op === "ReduceL1") context.state.margin = Math.min(context.state.margin, ...elements.map(Math.abs));
    });
    return number(context, "keepdims", 1) !== 0
      ? y
      : reshaped(
          y,
          x.shape.filter((_, axis) => !axes.includes(axis)),
        );
  };
}

const total = (elements: readonly number[]) => elements.reduce((a, b) => a + b, 0);
const size = (_elements: readonly number[], y: number) => Math.abs(y);
const absolute = (elements: readonly number[]) => elements.reduce((sum, x) => sum + Math.abs(x), 0);

function logSoftmax(context: NodeContext): Tensor {
  const x = required(context, 0);
  const axis = positive(number(context, "axis", -1), x.shape.length);
  return alongAxis(x, axis, x.shape[axis]!, (line, into) => {
    const elements = line.map((at) => x.data[at]!);
    const largest = Math.max(...elements);
    const sum = Math.log(total(elements.map((value) => Math.exp(value - largest))));
    const carried = Math.max(...line.map((at) => x.bound[at]!));
    elements.forEach((value, k) => into(k, value - largest - sum, 2 * carried + 8 * EPSILON * (Math.abs(value - largest) + sum + 1)));
  });
}

function argExtreme(smallest: boolean): ReferenceKernel {
  return (context) => {
    const x = required(context, 0);
    const axis = positive(number(context, "axis", 0), x.shape.length);
    const last = number(context, "select_last_index", 0) !== 0;
    const y = alongAxis(x, axis, 1, (line, into) => {
      const elements = line.map((at) => (smallest ? -x.data[at]! : x.data[at]!));
      const best = Math.max(...elements);
      if (Number.isNaN(best)) return into(0, last ? elements.findLastIndex(Number.isNaN) : elements.findIndex(Number.isNaN), 0);
      into(0, last ? elements.lastIndexOf(best) : elements.indexOf(best), 0);
      const others = elements.filter((value) => value !== best);
      context.state.margin = Math.min(context.state.margin, ...others.map((value) => best - value));
    });
    return number(context, "keepdims", 1) !== 0
      ? y
      : reshaped(
          y,
          x.shape.filter((_, a) => a !== axis),
        );
  };
}

function topK(context: NodeContext): Tensor {
  const x = required(context, 0);
  const axis = positive(number(context, "axis", -1), x.shape.length);
  const k = required(context, 1).data[0]!;
  const sign = number(context, "largest", 1) !== 0 ? 1 : -1;
  return alongAxis(x, axis, k, (line, into) => {
    // NaN counts as the largest, as in NumPy.
    const above = (a: number, b: number) => Number(Number.isNaN(b)) - Number(Number.isNaN(a)) || (a === b ? 0 : b - a);
    const sorted = [...line].sort((a, b) => sign * above(x.data[a]!, x.data[b]!));
    sorted.slice(0, k).forEach((at, i) => into(i, x.data[at]!, x.bound[at]!));
    sorted
      .slice(1)
      .forEach((at, i) => (context.state.margin = Math.min(context.state.margin, Math.abs(x.data[at]! - x.data[sorted[i]!]!))));
  });
}

function gatherAxis(context: NodeContext): Tensor {
  const [x, indices] = [required(context, 0), required(context, 1)];
  const axis = positive(number(context, "axis", 0), x.shape.length);
  const rank = indices.shape.length;
  return gather(x, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], (index) => {
    const at = indices.data[flatIndex(index.slice(axis, axis + rank), indices.shape)]!;
    return [...index.slice(0, axis), positive(at, x.shape[axis]!), ...index.slice(axis + rank)];
  });
}

/** A reflected, repeated or wrapped position. */
export function continued(mode: string, at: number, extent: number): number {
  let position = at;
  while (position < 0 || position >= extent) {
    if (mode === "edge") position = position < 0 ? 0 : extent - 1;
    else if (mode === "wrap") position += position < 0 ? extent : -extent;
    else position = position < 0 ? -position : 2 * (extent - 1) - position;
  }
  return position;
}

/** Linear interpolation with half-pixel centres, axis after axis. */
function resize(context: NodeContext): Tensor {
  const scales = Array.from(required(context, 2).data);
  const linear = text(context, "mode", "nearest") === "linear";
  return scales.reduce(
    (value, scale, axis) => {
      if (scale === 1) return value;
      const extent = Math.floor(value.shape[axis]! * scale);
      return alongAxis(value, axis, extent, (line, into) => {
        for (let i = 0; i < extent; i++) {
          const x = (i + 0.5) / scale - 0.5;
          const held = (at: number) => line[Math.min(Math.max(at, 0), line.length - 1)]!;
          const [low, fraction] = linear ? [Math.floor(x), x - Math.floor(x)] : [Math.ceil(x - 0.5), 0];
          const [a, b] = [held(low), held(low + 1)];
          const value_ = value.data[a]! * (1 - fraction) + value.data[b]! * fraction;
          into(
            i,
            value_,
            value.bound[a]! * (1 - fraction) +
              value.bound[b]! * fraction +
              3 * EPSILON * (Math.abs(value.data[a]!) + Math.abs(value.data[b]!)),
          );
        }
      });
    },
    required(context, 0),
  );
}

export const gatheringKernels: Readonly<Record<string, ReferenceKernel>> = {
  ReduceMax: reduction((e) => Math.max(...e), size, "extreme"),
  ReduceMin: reduction((e) => Math.min(...e), size, "extreme"),
  GlobalMaxPool: reduction((e) => Math.max(...e), size, "extreme"),
  ReduceProd: reduction(
    (e) => e.reduce((a, b) => a * b, 1),
    (e, y) => Math.abs(y) * e.length,
  ),
  ReduceL1: reduction(absolute, size),
  ReduceL2: reduction((e) => Math.hypot(...e), size),
  ReduceSumSquare: reduction((e) => total(e.map((x) => x * x)), size),
  ReduceLogSum: reduction(
    (e) => Math.log(total(e)),
    (_e, y) => Math.abs(y) + 1,
  ),
  ReduceLogSumExp: reduction(
    (e) => {
      const top = Math.max(...e);
      return Number.isFinite(top) ? top + Math.log(total(e.map((x) => Math.exp(x - top)))) : top;
    },
    (_e, y) => Math.abs(y) + 1,
  ),
  LogSoftmax: logSoftmax,
  ArgMax: argExtreme(false),
  ArgMin: argExtreme(true),
  TopK: topK,
  Gather: gatherAxis,
  Resize: resize,
  Expand: (context) => {
    const [x, shape] = [required(context, 0), Array.from(required(context, 1).data)];
    return gather(x, shape, (index) => x.shape.map((extent, axis) => (extent === 1 ? 0 : index[axis]!)));
  },
  Tile: (context) => {
    const [x, repeats] = [required(context, 0), required(context, 1).data];
    return gather(
      x,
      x.shape.map((extent, axis) => extent * repeats[axis]!),
      (index) => index.map((i, axis) => i % x.shape[axis]!),
    );
  },
  CumSum: (context) => {
    const x = required(context, 0);
    const axis = positive(required(context, 1).data[0]!, x.shape.length);
    return alongAxis(x, axis, x.shape[axis]!, (line, into) => {
      let [sum, carried, terms] = [0, 0, 0];
      line.forEach((at, k) => {
        sum += x.data[at]!;
        carried += x.bound[at]!;
        terms += Math.abs(x.data[at]!);
        into(k, sum, carried + Math.sqrt(k + 1) * EPSILON * terms);
      });
    });
  },
  DepthToSpace: (context) => {
    const x = required(context, 0);
    const b = number(context, "blocksize", 1);
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const depth = c / (b * b);
    return gather(x, [n, depth, h * b, w * b], ([i, d, row, column]) => {
      const block = (row! % b) * b + (column! % b);
      const channel = text(context, "mode", "DCR") === "CRD" ? d! * b * b + block : block * depth + d!;
      return [i!, channel, Math.floor(row! / b), Math.floor(column! / b)];
    });
  },
  Trilu: (context) => {
    const x = required(context, 0);
    return gather(x, x.shape, (index) => {
      const [row, column] = index.slice(-2) as [number, number];
      return (number(context, "upper", 1) !== 0 ? column >= row : column <= row) ? index : undefined;
    });
  },
  /** Only what the cases have: 1-D picks along the listed axis. */
  GatherElements: (context) => {
    const [x, indices] = [required(context, 0), required(context, 1)];
    const axis = positive(number(context, "axis", 0), x.shape.length);
    return gather(x, indices.shape, (index) =>
      index.map((i, a) => (a === axis ? positive(indices.data[flatIndex(index, indices.shape)]!, x.shape[axis]!) : i)),
    );
  },
};
