/** Attention and rotary embeddings in double precision, head by head and query by query, as their pages in the ONNX manual say. */
import { number, required } from "./context.ts";
import type { NodeContext, ReferenceKernel } from "./context.ts";
import { EPSILON, flatIndex, forEachIndex, tensor } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";

/** Where element d of place s of head h lies: [N, H, S, D], or [N, S, H·D]. */
function headwise(x: Tensor, heads: number) {
  const four = x.shape.length === 4;
  const [n, s] = four ? [x.shape[0]!, x.shape[2]!] : [x.shape[0]!, x.shape[1]!];
  const [h, d] = four ? [x.shape[1]!, x.shape[3]!] : [heads, x.shape[2]! / heads];
  const at = (sample: number, head: number, place: number, feature: number) =>
    flatIndex(four ? [sample, head, place, feature] : [sample, place, head * d + feature], x.shape);
  return { x, n, h, s, d, at };
}

type Headwise = ReturnType<typeof headwise>;

/** Keys or values, the earlier ones before the new ones. */
function extended(past: Headwise | undefined, now: Headwise) {
  const before = past?.s ?? 0;
  const read = (sample: number, head: number, place: number, feature: number) => {
    const [{ x, at }, from] = past && place < before ? [past, place] : [now, place - before];
    const i = at(sample, head, from, feature);
    return { value: x.data[i]!, bound: x.bound[i]! };
  };
  return { h: now.h, s: before + now.s, d: now.d, read };
}

const attention: ReferenceKernel = (context: NodeContext): Tensor => {
  const q = headwise(required(context, 0), number(context, "q_num_heads", 0));
  const kvHeads = number(context, "kv_num_heads", 0);
  const past = (index: number) => context.inputs[index] && headwise(context.inputs[index], kvHeads);
  const k = extended(past(4), headwise(required(context, 1), kvHeads));
  const v = extended(past(5), headwise(required(context, 2), kvHeads));
  const mask = context.inputs[3];
  const offset = past(4)?.s ?? 0;
  const scale = number(context, "scale", 1 / Math.sqrt(q.d));
  const cap = number(context, "softcap", 0);
  const causal = number(context, "is_causal", 0) !== 0;
  const y = tensor(q.x.shape.length === 4 ? [q.n, q.h, q.s, v.d] : [q.n, q.s, q.h * v.d]);
  const out = headwise(y, q.h);
  for (let n = 0; n < q.n; n++) {
    for (let h = 0; h < q.h; h++) {
      const shared = Math.floor((h * k.h) / q.h);
      for (let i = 0; i < q.s; i++) {
        const scores: number[] = [];
        let scoreBound = 0;
        for (let j = 0; j < k.s; j++) {
          let [sum, absolute, carried] = [0, 0, 0];
          for (let d = 0; d < q.d; d++) {
            const [a, b] = [q.at(n, h, i, d), k.read(n, shared, j, d)];
            sum += q.x.data[a]! * b.value;
            absolute += Math.abs(q.x.data[a]! * b.value);
            carried += q.x.bound[a]! * Math.abs(b.value) + Math.abs(q.x.data[a]!) * b.bound;
          }
          const raw = sum * scale;
          const bias = mask ? mask.data[flatIndex([i, j], mask.shape)]! : 0;
          const capped = cap === 0 ? raw : cap * Math.tanh(raw / cap);
          scores.push(causal && j > i + offset ? -Infinity : capped + bias);
          scoreBound = Math.max(scoreBound, scale * (carried + (Math.sqrt(q.d) + 2) * EPSILON * absolute) + 4 * EPSILON * Math.abs(capped));
        }
        const largest = Math.max(...scores);
        const weights = scores.map((s) => Math.exp(s - largest));
        const total = weights.reduce((a, b) => a + b, 0);
        const relative = 2 * scoreBound + (8 + Math.sqrt(k.s)) * EPSILON;
        for (let d = 0; d < v.d; d++) {
          let [sum, bound] = [0, 0];
          for (let j = 0; j < k.s; j++) {
            const p = weights[j]! / total;
            const { value, bound: own } = v.read(n, shared, j, d);
            sum += p * value;
            bound += p * ((relative + Math.sqrt(k.s) * EPSILON) * Math.abs(value) + own);
          }
          const at = out.at(n, h, i, d);
          y.data[at] = sum;
          y.bound[at] = bound;
        }
      }
    }
  }
  return y;
};

const rotaryEmbedding: ReferenceKernel = (context) => {
  const x = headwise(required(context, 0), number(context, "num_heads", 0));
  const [cos, sin] = [required(context, 1), required(context, 2)];
  const ids = context.inputs[3];
  const turning = number(context, "rotary_embedding_dim", 0) || x.d;
  const half = turning / 2;
  const interleaved = number(context, "interleaved", 0) !== 0;
  const y = tensor(x.x.shape);
  forEachIndex([x.n, x.h, x.s, x.d], ([n, h, s, d]) => {
    const at = (feature: number) => x.at(n!, h!, s!, feature);
    const into = at(d!);
    if (d! >= turning) {
      y.data[into] = x.x.data[into]!;
      y.bound[into] = x.x.bound[into]!;
      return;
    }
    const pair = interleaved ? Math.floor(d! / 2) : d! % half;
    const second = interleaved ? d! % 2 === 1 : d! >= half;
    const [a, b] = interleaved ? [at(2 * pair), at(2 * pair + 1)] : [at(pair), at(pair + half)];
    const row = ids ? [ids.data[flatIndex([n!, s!], ids.shape)]!, pair] : [n!, s!, pair];
    const [c, t] = [cos.data[flatIndex(row, cos.shape)]!, sin.data[flatIndex(row, sin.shape)]!];
    const [p, q] = second ? [t * x.x.data[a]!, c * x.x.data[b]!] : [c * x.x.data[a]!, -t * x.x.data[b]!];
    y.data[into] = p + q;
    y.bound[into] =
      Math.abs(c) * x.x.bound[second ? b : a]! + Math.abs(t) * x.x.bound[second ? a : b]! + 2 * EPSILON * (Math.abs(p) + Math.abs(q));
  });
  return y;
};

export const attentionKernels: Readonly<Record<string, ReferenceKernel>> = { Attention: attention, RotaryEmbedding: rotaryEmbedding };
