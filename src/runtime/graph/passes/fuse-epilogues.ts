/**
 * Fuses what follows a kernel into its epilogue.
 *
 *   forward   Conv → Add: the other arm of a residual block is added as the result is written
 *             Conv → ReLU, dense → Clip, Add → ReLU: the clamp is applied as the result is written
 *   adjoint   ConvTranspose → Add: so are the cotangents that come by other ways
 *             ConvTranspose → Mask: the derivative of the clamp further down is applied as the gradient is written.
 */
import { ADDEND_INPUT, clampOf, MASK_INPUT } from "../../../kernels/epilogue.ts";
import type { Epilogue } from "../../../kernels/op.ts";
import { opNamed } from "../../../kernels/registry.ts";
import { rewrite } from "../builder.ts";
import { indexGraph, withoutDeadNodes } from "../graph.ts";
import type { Graph, Node, Value } from "../graph.ts";

/** The range a node clamps its only input to, if that is what it does. */
function clampRange(node: Node): { low: number; high: number } | undefined {
  if (node.op === "Relu") return { low: 0, high: Infinity };
  if (node.op === "Clip") return { low: node.attributes["alpha"] as number, high: node.attributes["beta"] as number };
  return undefined;
}

export function fuseEpilogues(graph: Graph): { graph: Graph; replaced: ReadonlyMap<Value, Value> } {
  const { readOnce } = indexGraph(graph);
  const makers = new Map<Value, Node>();
  const result = rewrite(graph, (node, inputs, builder) => {
    const fused = fuse(node, inputs);
    const outputs = fused ? builder.copy(fused, fused.inputs, fused.attributes) : builder.copy(node, inputs);
    const made = builder.nodes.at(-1);
    if (made && made.outputs[0] === outputs[0]) makers.set(outputs[0]!, made);
    return outputs;
  });

  /** The node that makes the i-th input of `node` and can do the rest of its work, if nobody else reads what it makes. */
  function makerOf(node: Node, inputs: readonly (Value | undefined)[], i: number, epilogue: Epilogue): Node | undefined {
    const maker = makers.get(inputs[i]!);
    return maker && readOnce(node.inputs[i]!) && accepts(maker, epilogue) ? maker : undefined;
  }

  function fuse(node: Node, inputs: readonly (Value | undefined)[]): Node | undefined {
    const range = clampRange(node);
    if (range) {
      const maker = makerOf(node, inputs, 0, "clamp");
      return maker && { ...maker, attributes: { ...maker.attributes, ...range } };
    }
    if (node.op === "Add" && !clampOf(node)) {
      // The later of the two makers: what it is to add is there by then, and may take over other work itself.
      for (const i of [1, 0] as const) {
        const [sum, addend] = [inputs[i]!, inputs[1 - i]!];
        if (addend.lead !== sum.lead || addend.shape.join() !== sum.shape.join()) continue;
        const maker = makerOf(node, inputs, i, "add");
        if (maker) return { ...maker, inputs: withInput(maker.inputs, ADDEND_INPUT, addend) };
      }
      return undefined;
    }
    if (node.op === "Mask") {
      const maker = makerOf(node, inputs, 1, "mask");
      if (!maker) return undefined;
      const { low, high } = node.attributes as { low: number; high: number };
      return {
        ...maker,
        inputs: withInput(maker.inputs, MASK_INPUT, inputs[0]),
        attributes: { ...maker.attributes, low, high, masked: true },
      };
    }
    return undefined;
  }

  return { graph: withoutDeadNodes(result.graph), replaced: result.replaced };
}

/** The inputs with one more, and nothing where there are fewer before it. */
function withInput(inputs: readonly (Value | undefined)[], at: number, value: Value | undefined): readonly (Value | undefined)[] {
  return Array.from({ length: Math.max(inputs.length, at + 1) }, (_, i) => (i === at ? value : inputs[i]));
}

/** An epilogue adds before it clamps or masks, and does each once. */
function accepts(maker: Node, epilogue: Epilogue): boolean {
  const free = !clampOf(maker) && maker.attributes["masked"] !== true && !(epilogue === "add" && maker.inputs[ADDEND_INPUT]);
  return free && (opNamed(maker.op).epilogues?.includes(epilogue) ?? false);
}
