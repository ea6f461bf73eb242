/**
 * RotaryEmbedding (ONNX opset 23): pairs of features are turned by an angle that grows with their place in the sequence,
 *
 *   real = cos · x₁ − sin · x₂        imaginary = sin · x₁ + cos · x₂
 *
 * where x₁ and x₂ are the halves of the features that turn, or every second of them (interleaved).
 */
import { ShapeError } from "../../runtime/errors.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { reshapeTo } from "../broadcast.ts";
import { gatherOps } from "../gather.ts";
import { integerAttribute, numberAttribute, requiredInput } from "../onnx-attributes.ts";
import { importersOnly } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "../op.ts";

const gather = gatherOps.find(({ onnx }) => onnx?.["Gather"])!.onnx!["Gather"]!;

/** Elements `start`, `start + step`, … of the last axis, `count` of them. */
function part(x: Value, start: number, count: number, step: number, emit: Emitter): Value {
  const last = x.shape.length - 1;
  if (start === 0 && step === 1 && count === x.shape[last]) return x;
  const along = (value: number, other: number) => x.shape.map((_, axis) => (axis === last ? value : other));
  return emit.add("Slice", [x], { starts: along(start, 0), steps: along(step, 1), extents: [...x.shape.slice(0, -1), count] });
}

function importRotaryEmbedding(node: OnnxNode, emit: Emitter): readonly Value[] {
  const input = requiredInput(node, 0);
  const four = input.shape.length === 4;
  const heads = numberAttribute(node, "num_heads", 0);
  if (!four && (input.shape.length !== 3 || heads < 1)) throw new ShapeError(`num_heads ${heads} for an input [${input.shape}]`);
  const [n, s] = four ? [input.shape[0]!, input.shape[2]!] : (input.shape as [number, number]);
  if (input.shape.at(-1)! % (four ? 1 : heads) !== 0)
    throw new ShapeError(`num_heads ${heads} does not divide a width of ${input.shape.at(-1)}`);
  // [N, H, S, D], or [N, S, H, D].
  const x = four ? input : reshapeTo(input, [n, s, heads, input.shape[2]! / heads], emit);
  const size = x.shape[3]!;
  const turning = integerAttribute(node, "rotary_embedding_dim", 0, 0) || size;
  if (turning % 2 !== 0 || turning < 0 || turning > size) throw new ShapeError(`rotary_embedding_dim ${turning} of ${size} features`);
  const half = turning / 2;

  /** cos or sin as [N, 1, S, half] or [N, S, 1, half]: the cache's rows at the given positions, or one row per place. */
  const angles = (index: number): Value => {
    const cache = requiredInput(node, index);
    const ids = node.inputs[3];
    const rows = ids ? gather.import({ ...node, op: "Gather", inputs: [cache, ids], attributes: { axis: 0 } }, emit)[0]! : cache;
    const batch = rows.shape[0]!;
    return reshapeTo(part(rows, 0, half, 1, emit), four ? [batch, 1, s, half] : [batch, s, 1, half], emit);
  };
  const [cos, sin] = [angles(1), angles(2)];
  const interleaved = numberAttribute(node, "interleaved", 0) !== 0;
  const [x1, x2] = interleaved
    ? [part(x, 0, half, 2, emit), part(x, 1, half, 2, emit)]
    : [part(x, 0, half, 1, emit), part(x, half, half, 1, emit)];
  const product = (a: Value, b: Value) => emit.add("Mul", [a, b]);
  const real = emit.add("Sub", [product(x1, cos), product(x2, sin)]);
  const imaginary = emit.add("Add", [product(x1, sin), product(x2, cos)]);
  const apart = [...real.shape, 1];
  const turned = interleaved
    ? reshapeTo(
        emit.add("Concat", [reshapeTo(real, apart, emit), reshapeTo(imaginary, apart, emit)], { axis: 4 }),
        [...x.shape.slice(0, 3), turning],
        emit,
      )
    : emit.add("Concat", [real, imaginary], { axis: 3 });
  const whole = turning === size ? turned : emit.add("Concat", [turned, part(x, turning, size - turning, 1, emit)], { axis: 3 });
  return [reshapeTo(whole, input.shape, emit)];
}

export const rotaryOps: readonly OpDefinition[] = [
  importersOnly("rotary embeddings", {
    RotaryEmbedding: { since: 23, import: importRotaryEmbedding, restrictions: "position_ids known at load" },
  }),
];
