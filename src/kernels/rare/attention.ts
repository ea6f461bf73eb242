/**
 * Attention as one op (ONNX opsets 23 and 24), made of matrix products and a softmax; derivatives follow from theirs.
 *
 *   Y = softmax(softcap(scale · Q Kᵀ) + bias) V        softcap(s) = c · tanh(s / c)
 *
 * The bias holds the mask, the causal triangle and the padding; what may not be attended to has −∞ there. Of grouped queries,
 * the heads that share keys and values are stacked as rows of one product, so that nothing is copied for them.
 */
import { ShapeError } from "../../runtime/errors.ts";
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { reshapeTo } from "../broadcast.ts";
import { transposeLastTwo } from "../movement.ts";
import { constantInput, numberAttribute, requiredInput } from "../onnx-attributes.ts";
import { importersOnly, Unsupported } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "../op.ts";

/**
 * Stands for −∞ where the GPU computes: WGSL need not represent infinities. Next to it every score vanishes in f32, so a row
 * without anything to attend to attends to all alike, where ONNX has NaN.
 */
const FAR_BELOW = -(2 ** 100);

/** [N, S, H·D] as [N, H, S, D]; 4-D inputs are so already. */
function byHeads(x: Value, heads: number, attribute: string, emit: Emitter): Value {
  if (x.shape.length === 4) return x;
  const [n, length, width] = x.shape as [number, number, number];
  if (x.shape.length !== 3) throw new ShapeError(`attention takes three or four axes, found [${x.shape}]`);
  if (heads < 1 || width % heads !== 0) throw new ShapeError(`${attribute} ${heads} does not divide a width of ${width}`);
  const apart = reshapeTo(x, [n, length, heads, width / heads], emit);
  return emit.add("Transpose", [apart], { permutation: [0, 2, 1, 3] });
}

/** Keys or values so far, and the new ones behind them. */
function withPast(past: Value | undefined, present: Value, emit: Emitter): Value {
  return past ? emit.add("Concat", [past, present], { axis: 2 }) : present;
}

/** An attention mask as a bias: truth values say what may be attended to; what the last axis lacks may not. */
function maskBias(mask: Value, length: number, emit: Emitter): Value {
  const blocked = emit.constant([], [mask.data ? -Infinity : FAR_BELOW]);
  const bias = mask.type === "bool" ? emit.add("Where", [mask, emit.constant([], [0]), blocked]) : mask;
  if (mask.type === "int") throw new Unsupported("a mask of integers");
  const missing = length - bias.shape.at(-1)!;
  if (bias.shape.length === 0) return bias;
  if (missing < 0) throw new ShapeError(`a mask [${mask.shape}] for ${length} keys`);
  if (missing === 0 || bias.shape.at(-1) === 1) return bias;
  emit.spend((sizeOf(bias.shape) / bias.shape.at(-1)!) * missing);
  const rest = emit.constant(
    [...bias.shape.slice(0, -1), missing],
    new Float32Array((sizeOf(bias.shape) / bias.shape.at(-1)!) * missing).fill(blocked.data![0]!),
  );
  return emit.add("Concat", [bias, rest], { axis: bias.shape.length - 1 });
}

/** 0 for the keys up to each query's own place, −∞ for those behind. Queries follow `past` earlier keys. */
function causalBias(queries: number, keys: number, past: number, emit: Emitter): Value {
  emit.spend(queries * keys);
  const data = Float32Array.from({ length: queries * keys }, (_, i) => (i % keys > Math.floor(i / keys) + past ? -Infinity : 0));
  return emit.constant([queries, keys], data);
}

/** −∞ for the keys beyond each sample's own number. */
function paddingBias(counts: readonly number[], keys: number, emit: Emitter): Value {
  emit.spend(counts.length * keys);
  const data = Float32Array.from({ length: counts.length * keys }, (_, i) => (i % keys < counts[Math.floor(i / keys)]! ? 0 : -Infinity));
  return emit.constant([counts.length, 1, 1, keys], data);
}

function importAttention(node: OnnxNode, emit: Emitter): readonly Value[] {
  const [q3, k3, v3] = [requiredInput(node, 0), requiredInput(node, 1), requiredInput(node, 2)];
  const q = byHeads(q3, numberAttribute(node, "q_num_heads", 0), "q_num_heads", emit);
  const kvHeads = numberAttribute(node, "kv_num_heads", 0);
  const [pastKey, pastValue] = [node.inputs[4], node.inputs[5]];
  const keys = withPast(pastKey, byHeads(k3, kvHeads, "kv_num_heads", emit), emit);
  const values = withPast(pastValue, byHeads(v3, kvHeads, "kv_num_heads", emit), emit);
  const [n, heads, queries, width] = q.shape as [number, number, number, number];
  const [, shared, length] = keys.shape as [number, number, number];
  if (heads % shared !== 0) throw new ShapeError(`${heads} heads of queries do not share ${shared} of keys`);

  const scale = numberAttribute(node, "scale", 1 / Math.sqrt(width));
  const scaled = scale === 1 ? q : emit.add("Mul", [q, emit.constant([], [scale])]);
  const rows = reshapeTo(scaled, [n, shared, (heads / shared) * queries, width], emit);
  const raw = reshapeTo(emit.add("MatMul", [rows, transposeLastTwo(keys, emit)]), [n, heads, queries, length], emit);

  const softcap = numberAttribute(node, "softcap", 0);
  const cap = (s: Value, c: number) => emit.add("Mul", [s, emit.constant([], [c])]);
  const capped = softcap === 0 ? raw : cap(emit.add("Tanh", [cap(raw, 1 / softcap)]), softcap);

  const past = pastKey?.shape[2] ?? 0;
  const counts = constantInput(node, 6, "nonpad_kv_seqlen");
  const causal = numberAttribute(node, "is_causal", 0) !== 0;
  if (counts && causal) throw new Unsupported("is_causal beside nonpad_kv_seqlen", "is_causal");
  const biases = [
    node.inputs[3] && maskBias(node.inputs[3], length, emit),
    causal ? causalBias(queries, length, past, emit) : undefined,
    counts && paddingBias(counts, length, emit),
  ].filter((bias) => bias !== undefined);
  // Constants first: their sum is a constant.
  biases.sort((a, b) => Number(!a.data) - Number(!b.data));
  const [first, ...others] = biases;
  const bias = first && others.reduce((sum, other) => emit.add("Add", [sum, other]), first);
  const finite = bias && emit.add("Clip", [bias], { alpha: FAR_BELOW, beta: -FAR_BELOW });
  const weights = emit.add("Softmax", [finite ? emit.add("Add", [capped, finite]) : capped], { axis: 3 });

  const grouped = reshapeTo(weights, [n, shared, (heads / shared) * queries, length], emit);
  const attended = reshapeTo(emit.add("MatMul", [grouped, values]), [n, heads, queries, values.shape[3]!], emit);
  const y =
    q3.shape.length === 4
      ? attended
      : reshapeTo(emit.add("Transpose", [attended], { permutation: [0, 2, 1, 3] }), [n, queries, heads * values.shape[3]!], emit);

  const stages = [() => raw, () => capped, () => (bias ? emit.add("Add", [capped, bias]) : capped), () => weights];
  const stage = stages[numberAttribute(node, "qk_matmul_output_mode", 0)];
  if (!stage) throw new Unsupported("an unknown qk_matmul_output_mode", "qk_matmul_output_mode");
  return [y, keys, values, stage()];
}

export const attentionOps: readonly OpDefinition[] = [
  importersOnly("attention", {
    Attention: {
      since: 23,
      acceptsIntegers: true,
      import: importAttention,
      restrictions: "made of MatMul and Softmax; a row that is masked throughout attends to all alike; nonpad_kv_seqlen known at load",
    },
  }),
];
