/**
 * Differentiation as a pass: the adjoint (vjp) and tangent (jvp) of a graph, built from the same ops.
 *
 * Forward values have one copy per sample; cotangents and tangents are row values, R copies per sample that share them.
 * One graph with R rows is therefore a slice of the Jacobian at the price of one forward pass (architecture: the row axis).
 */
import { opNamed } from "../../kernels/registry.ts";
import { UnsupportedOpError } from "../errors.ts";
import { GraphBuilder } from "./builder.ts";
import { indexGraph } from "./graph.ts";
import type { Graph, Node, Value } from "./graph.ts";

export interface DerivativeGraph {
  readonly graph: Graph;
  /** The new row input: the cotangent of `output`, or the tangent of `input`. */
  readonly seed: Value;
  /** The row output: the cotangent of `input`, or the tangent of `output`. */
  readonly result: Value;
}

function extended(graph: Graph): GraphBuilder {
  const builder = new GraphBuilder(graph.name);
  builder.inputs.push(...graph.inputs);
  builder.nodes.push(...graph.nodes);
  return builder;
}

/** Values on a path from `input`, found forward. */
function influencedBy(graph: Graph, input: Value): Set<Value> {
  const influenced = new Set([input]);
  for (const node of graph.nodes) {
    if (node.inputs.some((value) => value && influenced.has(value))) node.outputs.forEach((value) => influenced.add(value));
  }
  return influenced;
}

function refuse(nodes: readonly Node[], what: string, total: number): never {
  throw new UnsupportedOpError(
    nodes.map((node) => ({ op: node.op, opset: 0, node: node.name, reason: `has no ${what}` })),
    total,
  );
}

/** An output of integers has no derivative; asking for one is a mistake rather than a zero. */
function requireFloat(graph: Graph, output: Value): void {
  if (output.type === "float") return;
  refuse(
    graph.nodes.filter(({ outputs }) => outputs.includes(output)),
    `derivative: its output is of type ${output.type}`,
    graph.nodes.length,
  );
}

/**
 * The graph extended by the product of a cotangent of `output` with the Jacobian d output / d input. Throws
 * UnsupportedOpError naming every op on the way that has no derivative.
 */
export function vjpGraph(graph: Graph, output: Value, input: Value): DerivativeGraph {
  requireFloat(graph, output);
  const builder = extended(graph);
  builder.scope = "cotangent";
  const seed = builder.input(`cotangent of ${output.name}`, output, "row");
  const influenced = influencedBy(graph, input);
  const cotangents = new Map<Value, Value>([[output, seed]]);
  const add = (value: Value, term: Value) => {
    const sum = cotangents.get(value);
    cotangents.set(value, sum ? builder.add("Add", [sum, term]) : term);
  };
  const missing: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    const cotangent = cotangents.get(node.outputs[0]!);
    // Integers and truth values are constant wherever they are differentiable.
    if (node.outputs[0]!.type !== "float") continue;
    if (!cotangent || !node.outputs.some((value) => influenced.has(value))) continue;
    const { vjp } = opNamed(node.op);
    if (!vjp) {
      missing.push(node);
      continue;
    }
    builder.scope = `${node.name}/vjp`;
    vjp({ node, emit: builder }, cotangent).forEach((term, i) => {
      const target = node.inputs[i];
      if (term && target && influenced.has(target)) add(target, term);
    });
  }
  if (missing.length > 0) refuse(missing, "vjp rule", graph.nodes.length);
  builder.scope = `cotangent of ${input.name}`;
  return finish(builder, seed, cotangents.get(input) ?? zerosLike(builder, seed, input), output);
}

/** The graph extended by the product of the Jacobian d output / d input with a tangent of `input`. */
export function jvpGraph(graph: Graph, output: Value, input: Value): DerivativeGraph {
  requireFloat(graph, output);
  const builder = extended(graph);
  builder.scope = "tangent";
  const seed = builder.input(`tangent of ${input.name}`, input, "row");
  const tangents = new Map<Value, Value>([[input, seed]]);
  const { producers } = indexGraph(graph);
  const needed = new Set<Value>([output]);
  for (const node of [...graph.nodes].reverse()) {
    if (node.outputs.some((value) => needed.has(value))) node.inputs.forEach((value) => value && needed.add(value));
  }
  const missing: Node[] = [];
  const lost = new Set<Value>();
  for (const node of graph.nodes) {
    const wanted = node.outputs.some((value) => needed.has(value));
    if (node.outputs[0]!.type !== "float") continue;
    if (!wanted || !node.inputs.some((value) => value && (tangents.has(value) || lost.has(value)))) continue;
    const { jvp } = opNamed(node.op);
    if (!jvp || node.inputs.some((value) => value && lost.has(value))) {
      if (!jvp) missing.push(node);
      lost.add(node.outputs[0]!);
      continue;
    }
    builder.scope = `${node.name}/jvp`;
    tangents.set(
      node.outputs[0]!,
      jvp(
        { node, emit: builder },
        node.inputs.map((value) => value && tangents.get(value)),
      ),
    );
  }
  if (missing.length > 0) refuse(missing, "jvp rule", producers.size);
  builder.scope = `tangent of ${output.name}`;
  return finish(builder, seed, tangents.get(output) ?? zerosLike(builder, seed, output), output);
}

/** A row value of zeros: the derivative where output and input are not connected. */
function zerosLike(builder: GraphBuilder, seed: Value, like: Value): Value {
  const zero = builder.add("ReduceSum", [builder.add("Mul", [seed, builder.constant([], [0])])], {
    axes: seed.shape.map((_, axis) => axis),
  });
  const scalar = builder.add("Reshape", [zero], { shape: like.shape.map(() => 1) });
  return builder.add("Expand", [scalar], { shape: [...like.shape] });
}

function finish(builder: GraphBuilder, seed: Value, result: Value, output: Value): DerivativeGraph {
  // A result that is another value's alias, or the seed itself, still has to be a value of its own.
  const own = result === seed ? builder.add("Expand", [result], { shape: [...result.shape] }) : result;
  return { graph: builder.build([output, own]), seed, result: own };
}
