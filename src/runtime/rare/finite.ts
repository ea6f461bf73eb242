/** The first node of a network that gives a NaN or an infinity: what the option check: "finite" looks for. */
import { NonFiniteError, throwIfAborted } from "../errors.ts";
import type { Work } from "../gpu/work.ts";
import { sizeOf } from "../graph/graph.ts";
import type { Graph } from "../graph/graph.ts";
import type { Program } from "../plan/program.ts";
import type { Feeds } from "../run.ts";

const BYTES = 4;

/** The graph with every float value of its nodes among the outputs. */
export function everyValue(graph: Graph): Graph {
  const values = graph.nodes.flatMap(({ outputs }) => outputs.filter(({ data, type }) => !data && type === "float"));
  return { ...graph, outputs: [...new Set([...values, ...graph.outputs])] };
}

/** Throws NonFiniteError. `program` is everyValue's graph for one sample. */
export async function findNonFinite(
  work: Work,
  program: Program,
  graph: Graph,
  feeds: Feeds,
  signal: AbortSignal | undefined,
): Promise<void> {
  const producers = [
    ...graph.inputs.map((value) => ({ node: value.name, op: undefined, value })),
    ...graph.nodes.flatMap(({ name, op, outputs }) => outputs.map((value) => ({ node: name, op, value }))),
  ].filter(({ value }) => value.type === "float" && !value.data);
  for (let sample = 0; sample < feeds.samples; sample++) {
    feeds.into(work, program, sample, 1);
    work.submit("finite", (encoder) => {
      const pass = encoder.beginComputePass({ label: "finite" });
      program.encode(pass, 1);
      pass.end();
    });
    for (const { node, op, value } of producers) {
      throwIfAborted(signal);
      const numbers = new Float32Array(await work.read(program.port(value), 0, sizeOf(value.shape) * BYTES));
      const element = numbers.findIndex((number) => !Number.isFinite(number));
      if (element >= 0) throw new NonFiniteError(node, op, sample, element, numbers[element]!);
    }
  }
}
