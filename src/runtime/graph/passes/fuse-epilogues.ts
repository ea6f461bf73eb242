/**
 * Fuses what follows a kernel into its epilogue.
 *
 *   forward   Conv → ReLU, dense → Clip, Add → ReLU: the clamp is applied as the result is written
 *   adjoint   ConvTranspose → Mask: the derivative of the clamp further down is applied as the gradient is written.
 */
import { clampOf } from "../../../kernels/epilogue.ts";
import { opNamed } from "../../../kernels/registry.ts";
import { F32_MAX } from "../../../kernels/wgsl.ts";
import { rewrite } from "../builder.ts";
import { indexGraph, withoutDeadNodes } from "../graph.ts";
import type { Graph, Node, Value } from "../graph.ts";

/** The range a node clamps its only input to, if that is what it does. */
function clampRange(node: Node): { low: number; high: number } | undefined {
  if (node.op === "Relu") return { low: 0, high: F32_MAX };
  if (node.op === "Clip") return { low: node.attributes["alpha"] as number, high: node.attributes["beta"] as number };
  return undefined;
}

/** The position of the mask among the inputs of the kernels that take one: x, weights, bias, mask. */
const MASK_INPUT = 3;

export function fuseEpilogues(graph: Graph): { graph: Graph; replaced: ReadonlyMap<Value, Value> } {
  const { consumers } = indexGraph(graph);
  const readOnce = (value: Value) => consumers.get(value)?.length === 1 && !graph.outputs.includes(value);
  const makers = new Map<Value, Node>();
  const result = rewrite(graph, (node, inputs, builder) => {
    const fused = fuse(node, inputs);
    const outputs = fused ? builder.copy(fused, fused.inputs, fused.attributes) : builder.copy(node, inputs);
    const made = builder.nodes.at(-1);
    if (made && made.outputs[0] === outputs[0]) makers.set(outputs[0]!, made);
    return outputs;
  });

  function fuse(node: Node, inputs: readonly (Value | undefined)[]): Node | undefined {
    const range = clampRange(node);
    if (range) {
      const maker = makers.get(inputs[0]!);
      if (!maker || !readOnce(node.inputs[0]!) || !accepts(maker, "clamp")) return undefined;
      return { ...maker, attributes: { ...maker.attributes, ...range } };
    }
    if (node.op === "Mask") {
      const maker = makers.get(inputs[1]!);
      if (!maker || !readOnce(node.inputs[1]!) || !accepts(maker, "mask")) return undefined;
      const [x, weights, bias] = maker.inputs;
      const withMask = [x, weights, bias];
      withMask[MASK_INPUT] = inputs[0];
      const { low, high } = node.attributes as { low: number; high: number };
      return { ...maker, inputs: withMask, attributes: { ...maker.attributes, low, high, masked: true } };
    }
    return undefined;
  }

  return { graph: withoutDeadNodes(result.graph), replaced: result.replaced };
}

function accepts(maker: Node, epilogue: "clamp" | "mask"): boolean {
  const free = !clampOf(maker) && maker.attributes["masked"] !== true;
  return free && (opNamed(maker.op).epilogues?.includes(epilogue) ?? false);
}
