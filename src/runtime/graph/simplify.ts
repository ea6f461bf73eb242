/** The passes every loaded graph goes through, and what they found. */
import type { Graph } from "./graph.ts";
import { foldAffine } from "./passes/fold-affine.ts";
import { fuseAffine } from "./passes/fuse-affine.ts";
import { fuseEpilogues } from "./passes/fuse-epilogues.ts";
import { recognise } from "./passes/recognise.ts";

export function simplify(graph: Graph): Graph {
  return fuseEpilogues(fuseAffine(foldAffine(recognise(graph)))).graph;
}
