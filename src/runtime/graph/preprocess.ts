/** Preprocessing as part of the graph, so that gradients, perturbations and radii are in pixel units. */
import { ArgumentError } from "../errors.ts";
import { rewrite } from "./builder.ts";
import { GraphBuilder } from "./builder.ts";
import type { Graph, Value } from "./graph.ts";

/** x ↦ (x − mean) / std per channel. */
export interface PixelTransform {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Where the channel axis of the network's first input is. */
  readonly layout: "NCHW" | "NHWC";
}

/** The graph with (x − mean) / std before its first input. Throws ArgumentError when the channels do not fit. */
export function withPreprocessing(graph: Graph, { mean, std, layout }: PixelTransform): Graph {
  const input = graph.inputs[0]!;
  const channelAxis = layout === "NCHW" ? 1 : input.shape.length - 1;
  const channels = input.shape[channelAxis];
  if (input.shape.length !== 4 || mean.length !== channels || std.length !== channels) {
    throw new ArgumentError(
      `preprocessing for ${mean.length} (mean) and ${std.length} (std) channels in ${layout} does not fit the input "${input.name}" [${input.shape}]`,
    );
  }
  if (std.some((s) => !(s > 0))) throw new ArgumentError(`std [${std}] must be positive`);
  if (mean.every((m) => m === 0) && std.every((s) => s === 1)) return graph;
  const shape = layout === "NCHW" ? [channels, 1, 1] : [channels];
  const front = new GraphBuilder(graph.name);
  front.scope = "preprocessing";
  const centred = front.add("Sub", [input, front.constant(shape, mean)]);
  const scaled = front.add("Mul", [
    centred,
    front.constant(
      shape,
      std.map((s) => 1 / s),
    ),
  ]);
  const substitute = (value: Value | undefined) => (value === input ? scaled : value);
  const { graph: rest } = rewrite(graph, (node, inputs, builder) => builder.copy(node, inputs.map(substitute)));
  return { ...rest, nodes: [...front.nodes, ...rest.nodes], outputs: rest.outputs.map((value) => substitute(value)!) };
}
