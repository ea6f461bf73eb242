/** The Indices of a MaxPool: positions of the winners in the whole input. */
import indicesSource from "../../../shaders/pool/pool_indices.wgsl?raw";
import { defineKernel } from "../../runtime/gpu/kernel.ts";
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { reshapeTo } from "../broadcast.ts";
import { numberAttribute, requiredInput } from "../onnx-attributes.ts";
import { defineOp, importersOnly, Unsupported } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "../op.ts";
import { maxPool, poolSpace } from "../pool.ts";
import { gridSource, LANES } from "../wgsl.ts";

const indicesKernel = defineKernel("pool_indices", indicesSource, gridSource);
const core = maxPool.onnx!["MaxPool"]!;

function importMaxPool(node: OnnxNode, emit: Emitter): readonly Value[] {
  if (node.outputCount < 2) return core.import(node, emit);
  const x = requiredInput(node, 0);
  if (x.shape.length === 5) throw new Unsupported("the Indices of a 3-D pool");
  let argmax: Value | undefined;
  const columnMajor = numberAttribute(node, "storage_order", 0) !== 0;
  const y = poolSpace(
    node,
    x,
    (plane, window, rules) => {
      const [best, at] = emit.addAll("MaxPool", [plane], { ...window, ...rules, inputSize: [plane.shape[2]!, plane.shape[3]!] });
      argmax = emit.add("PoolIndices", [at], { columnMajor, inputSize: [plane.shape[2]!, plane.shape[3]!] });
      return best!;
    },
    emit,
  );
  return [y, reshapeTo(argmax!, y.shape, emit)];
}

/** The winners of a MaxPool as positions in its whole input. Input: argmax. */
const poolIndices = defineOp({
  name: "PoolIndices",
  infer: ([argmax]) => [{ shape: argmax!.shape, type: "int" }],
  lower: (lowering) => {
    const [argmax] = lowering.node.inputs as [Value];
    const output = lowering.node.outputs[0]!;
    const { columnMajor, inputSize } = lowering.node.attributes as { columnMajor: boolean; inputSize: readonly [number, number] };
    const elements = sizeOf(output.shape);
    lowering.launch({
      kernel: indicesKernel,
      constants: { LANES, COLUMN_MAJOR: columnMajor },
      bindings: { argmax, output },
      params: {
        elements: lowering.copies(output) * elements,
        elements_per_copy: elements,
        windows: sizeOf(output.shape.slice(2)),
        in_h: inputSize[0],
        in_w: inputSize[1],
      },
      grid: { lead: output.lead, items: elements, perGroup: LANES, depth: 1 },
    });
  },
});

export const poolIndicesOps: readonly OpDefinition[] = [
  poolIndices,
  importersOnly("pools with indices", { MaxPool: { ...core, import: importMaxPool } }),
];
