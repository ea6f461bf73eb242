/** What the numbers of a model follow from: for checkpoints. */
import type { Graph, Value } from "../graph/graph.ts";
import { hashOfArray, hashOfText } from "../identity.ts";
import type { ModelIdentity } from "../identity.ts";
import type { ModelSettings } from "../model.ts";

/** A hash of what a graph computes. Names are not part of it. */
export async function hashOfGraph(graph: Graph): Promise<string> {
  const known = new Map<Value | undefined, number>();
  const lines: unknown[] = [];
  const numberOf = async (value: Value | undefined): Promise<number> => {
    if (!known.has(value)) {
      known.set(value, known.size);
      if (value?.data) lines.push([value.shape, value.type, value.onnxType, value.data.constructor.name, await hashOfArray(value.data)]);
    }
    return known.get(value)!;
  };
  const numbersOf = async (values: readonly (Value | undefined)[]) => {
    const numbers: number[] = [];
    for (const value of values) numbers.push(await numberOf(value));
    return numbers;
  };
  lines.push([await numbersOf(graph.inputs), graph.inputs.map(({ shape }) => shape)]);
  for (const { op, inputs, outputs, attributes } of graph.nodes)
    lines.push([op, attributes, await numbersOf(inputs), await numbersOf(outputs)]);
  lines.push(await numbersOf(graph.outputs));
  // JSON has no numbers beyond the finite ones and no integers of 64 bits.
  return hashOfText(JSON.stringify(lines, (_key, value: unknown) => (/number|bigint/.test(typeof value) ? String(value) : value)));
}

export async function identityOf(graph: Graph, settings: ModelSettings, tuned: boolean): Promise<ModelIdentity> {
  const { preprocessing, weights, tuning } = settings;
  return {
    preprocessing: preprocessing ? JSON.stringify(preprocessing) : "none",
    weights,
    tuning: tuned ? await hashOfText(JSON.stringify(tuning)) : "none",
    hash: await hashOfGraph(graph),
  };
}
