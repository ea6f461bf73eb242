/** Pad. With a constant it is a Slice beyond the edges; rare/pad.ts has the other modes. */
import { ShapeError } from "../runtime/errors.ts";
import type { Value } from "../runtime/graph/graph.ts";
import { constantInput, normaliseAxes, numberAttribute, numbersAttribute, requiredInput, stringAttribute } from "./onnx-attributes.ts";
import { importersOnly, Unsupported } from "./op.ts";
import type { Emitter, OnnxBinding, OnnxNode, OpDefinition } from "./op.ts";

function listedAxes(node: OnnxNode, rank: number): readonly number[] {
  const listed = constantInput(node, 3, "the axes");
  return listed ? normaliseAxes(listed, rank) : Array.from({ length: rank }, (_, axis) => axis);
}

/** What a Pad adds to each axis: where it starts, and how far it goes. */
export function padding(node: OnnxNode): { readonly x: Value; readonly starts: readonly number[]; readonly extents: readonly number[] } {
  const x = requiredInput(node, 0);
  const pads =
    node.opset < 11 ? (numbersAttribute(node, "pads") ?? numbersAttribute(node, "paddings")) : constantInput(node, 1, "the pads");
  if (!pads) throw new ShapeError("pads are missing");
  const rank = x.shape.length;
  const listed = listedAxes(node, rank);
  if (pads.length !== 2 * listed.length)
    throw new ShapeError(`pads has ${pads.length} entries, but ${listed.length} axes take ${2 * listed.length}`);
  const wrong = pads.find((pad) => !Number.isInteger(pad) || Math.abs(pad) >= 2 ** 31);
  if (wrong !== undefined) throw new ShapeError(`pads [${pads}] holds ${wrong}; whole numbers of 32 bits are allowed`);
  const starts = x.shape.map(() => 0);
  const extents = [...x.shape];
  listed.forEach((axis, i) => {
    starts[axis] = 0 - pads[i]!;
    extents[axis]! += pads[i]! + pads[i + listed.length]!;
  });
  if (extents.some((extent) => extent < 1)) throw new ShapeError(`pads [${pads}] leave nothing of [${x.shape}]`);
  return { x, starts, extents };
}

function importPad(node: OnnxNode, emit: Emitter): readonly Value[] {
  const mode = stringAttribute(node, "mode", "constant");
  if (mode !== "constant") throw new Unsupported(`mode ${mode}`, "mode");
  const { x, starts, extents } = padding(node);
  const fill = node.opset < 11 ? numberAttribute(node, "value", 0) : (constantInput(node, 2, "the value")?.[0] ?? 0);
  return [emit.add("Slice", [x], { starts, steps: x.shape.map(() => 1), extents, fill })];
}

export const pad: OnnxBinding = { since: 2, acceptsIntegers: true, import: importPad, restrictions: "pads known at load" };

export const padOps: readonly OpDefinition[] = [importersOnly("pads", { Pad: pad })];
