/** A shape as a graph of one node, or of its derivative, with numbers to feed it. */
import { vjpGraph } from "../../src/runtime/graph/differentiate.ts";
import { GraphBuilder } from "../../src/runtime/graph/builder.ts";
import { constant, sizeOf, withoutDeadNodes } from "../../src/runtime/graph/graph.ts";
import { splitLarge } from "../../src/runtime/rare/split-large.ts";
import type { Graph, Value } from "../../src/runtime/graph/graph.ts";
import type { Part } from "../../src/runtime/plan/program.ts";
import type { Operands } from "./reference.ts";
import type { Shape } from "./shapes.ts";

export interface Case {
  readonly graph: Graph;
  /** The launches that belong to the op; an adjoint may need a forward pass before it, once. */
  readonly part: Part;
  readonly feeds: ReadonlyMap<Value, Float32Array<ArrayBuffer>>;
  readonly output: Value;
  readonly operands: Operands;
}

const SEEDS = { x: 1, w: 2, bias: 3, cotangent: 4 } as const;

/** Random numbers repeat after a prime number of them, so that no row or plane of an array equals its neighbour. */
const PERIOD = 65_521;
const MULTIPLIER = 48_271;
const MODULUS = 2_147_483_647;

/** Numbers in [−1, 1), the same everywhere (Park and Miller's generator), fast for millions of elements. */
export function scattered(count: number, seed: number): Float32Array<ArrayBuffer> {
  const period = new Float32Array(Math.min(count, PERIOD));
  let state = (seed * MULTIPLIER) % MODULUS;
  for (let i = 0; i < period.length; i++) {
    state = (state * MULTIPLIER) % MODULUS;
    period[i] = (2 * state) / MODULUS - 1;
  }
  if (count <= PERIOD) return period;
  const data = new Float32Array(count);
  for (let first = 0; first < count; first += PERIOD) data.set(period.subarray(0, Math.min(PERIOD, count - first)), first);
  return data;
}

interface Forward {
  readonly inputs: readonly Value[];
  readonly graph: Graph;
  readonly weights?: Float32Array;
  readonly bias?: Float32Array;
}

function forward(shape: Shape): Forward {
  const builder = new GraphBuilder(`${shape.op} ${shape.name}`);
  const input = (name: string, extents: readonly number[]) => builder.input(name, { shape: extents, type: "float" });
  const weights = (extents: readonly number[]) => constant("w", extents, scattered(sizeOf(extents), SEEDS.w));
  const done = (output: Value, w?: Value, bias?: Value): Forward => ({
    inputs: builder.inputs,
    graph: builder.build([output]),
    ...(w?.data && { weights: w.data as Float32Array }),
    ...(bias && { bias: bias.data as Float32Array }),
  });
  builder.scope = shape.op;
  switch (shape.op) {
    case "conv": {
      const { channels, outputs, kernel, stride, pad, groups, size } = shape;
      const x = input("x", [1, channels, ...size]);
      const w = weights([outputs, channels / groups, kernel, kernel]);
      const bias = constant("bias", [outputs], scattered(outputs, SEEDS.bias));
      const attributes = { strides: [stride, stride], pads: [pad, pad, pad, pad], dilations: [1, 1], groups };
      return done(builder.add("Conv", [x, w, bias], attributes), w, bias);
    }
    case "matmul": {
      const { batch, height, depth, width, sharedB } = shape;
      const axes = batch > 1 ? [batch] : [];
      const a = input("a", [...axes, height, depth]);
      const b = sharedB ? weights([depth, width]) : input("b", [...axes, depth, width]);
      return done(builder.add("MatMul", [a, b]), b);
    }
    case "max_pool":
    case "average_pool": {
      const { channels, size, kernel, stride, pad } = shape;
      const attributes = {
        kernel: [kernel, kernel],
        strides: [stride, stride],
        pads: [pad, pad, pad, pad],
        dilations: [1, 1],
        ceil: false,
        countPadding: false,
        inputSize: size,
      };
      return done(builder.add(shape.op === "max_pool" ? "MaxPool" : "AveragePool", [input("x", [1, channels, ...size])], attributes));
    }
    case "reduce_mean":
    case "reduce_sum": {
      const op = shape.op === "reduce_mean" ? "ReduceMean" : "ReduceSum";
      return done(builder.add(op, [input("x", [shape.lines, shape.terms])], { axes: [1] }));
    }
    case "softmax":
      return done(builder.add("Softmax", [input("x", [shape.lines, shape.extent])], { axis: 1 }));
    case "relu":
      return done(builder.add("Relu", [input("x", [shape.elements])]));
    case "gelu":
      return done(builder.add("Gelu", [input("x", [shape.elements])]));
    case "add":
      return done(builder.add("Add", [input("x", [shape.elements]), input("w", [shape.elements])]));
    case "transpose":
      return done(builder.add("Transpose", [input("x", shape.shape)], { permutation: shape.permutation }));
  }
}

/** Only those inputs that a node reads. */
function withoutIdleInputs(graph: Graph): Graph {
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  return { ...graph, inputs: graph.inputs.filter((value) => read.has(value)) };
}

/** `mostBytes` is the largest binding of the device: a dense layer beyond it is split, as Engine.load does. */
export function caseOf(shape: Shape, mostBytes = Infinity): Case {
  const { inputs, graph, weights, bias } = forward(shape);
  const numbers = (value: Value, seed: number) => scattered(shape.samples * sizeOf(value.shape), seed);
  const [x, second] = inputs as [Value, Value?];
  const made = new Map([[x, numbers(x, SEEDS.x)]]);
  if (second) made.set(second, numbers(second, SEEDS.w));
  const w = weights ?? (second && made.get(second));
  const operands = { x: made.get(x)!, ...(w && { w }), ...(bias && { bias }) };
  if (!shape.adjoint) {
    const fitting = splitLarge(graph, mostBytes);
    return { graph: fitting, part: "all", feeds: made, output: fitting.outputs[0]!, operands };
  }

  const derivative = vjpGraph(graph, graph.outputs[0]!, x);
  const alone = withoutIdleInputs(withoutDeadNodes({ ...derivative.graph, outputs: [derivative.result] }));
  const cotangent = numbers(derivative.seed, SEEDS.cotangent);
  made.set(derivative.seed, cotangent);
  const feeds = new Map([...made].filter(([value]) => alone.inputs.includes(value)));
  return { graph: alone, part: "backward", feeds, output: derivative.result, operands: { ...operands, cotangent } };
}
