import { node, uniform } from "./build.ts";
import type { OpCase } from "./build.ts";

const three = { q: [1, 5, 12], k: [1, 7, 12], v: [1, 7, 18] } as const;

export const attentions: readonly OpCase[] = [
  {
    name: "four axes, values of another width",
    opset: 23,
    operands: { q: [1, 2, 4, 6], k: [1, 2, 5, 6], v: [1, 2, 5, 3] },
    nodes: [node("Attention", ["q", "k", "v"])],
  },
  {
    name: "three axes, six heads that share three, a mask, a scale and a soft cap",
    opset: 24,
    operands: { q: [1, 5, 24], k: three.k, v: three.v },
    constants: { m: uniform([5, 7], -2, 2) },
    nodes: [node("Attention", ["q", "k", "v", "m"], { q_num_heads: 6, kv_num_heads: 3, scale: 0.7, softcap: 1.5 })],
  },
  {
    name: "causal, behind earlier keys",
    opset: 23,
    operands: { q: [1, 2, 3, 4], k: [1, 2, 3, 4], v: [1, 2, 3, 4], p: [1, 2, 2, 4], r: [1, 2, 2, 4] },
    notInOrt: "asks for the outputs present_key and present_value, which no one reads here",
    nodes: [node("Attention", ["q", "k", "v", "", "p", "r"], { is_causal: 1 })],
  },
  {
    name: "queries of constant keys and values",
    opset: 23,
    operands: { q: three.q },
    constants: { k: uniform(three.k), v: uniform(three.v) },
    nodes: [node("Attention", ["q", "k", "v"], { q_num_heads: 2, kv_num_heads: 2 })],
  },
];

export const rotations: readonly OpCase[] = [
  {
    name: "halves, by position",
    opset: 23,
    operands: { x: [1, 2, 3, 8] },
    constants: { c: uniform([9, 4]), s: uniform([9, 4]), i: { shape: [1, 3], data: [7, 0, 2], type: "int64" } },
    nodes: [node("RotaryEmbedding", ["x", "c", "s", "i"])],
  },
  {
    name: "pairs, three axes, a part of the features",
    opset: 23,
    operands: { x: [1, 3, 20] },
    constants: { c: uniform([1, 3, 2]), s: uniform([1, 3, 2]) },
    nodes: [node("RotaryEmbedding", ["x", "c", "s"], { interleaved: 1, num_heads: 2, rotary_embedding_dim: 4 })],
  },
];
