/**
 * The ops that few networks need, and the whole of common ops of which the core has the usual forms: a module of its own, which
 * registry.ts loads when a model asks for it.
 */
import type { OpDefinition } from "../op.ts";
import { argReduceOps } from "./arg-reduce.ts";
import { attentionOps } from "./attention.ts";
import { axisMapOps } from "./axis-map.ts";
import { castOps } from "./cast.ts";
import { contribOps } from "./contrib.ts";
import { conv3dOps } from "./conv3d.ts";
import { einsumOps } from "./einsum.ts";
import { logicOps } from "./logic.ts";
import { lpPoolOps } from "./lp-pool.ts";
import { rarePadOps } from "./pad.ts";
import { poolIndicesOps } from "./pool-indices.ts";
import { powerOps } from "./power.ts";
import { quantisationOps } from "./quantisation.ts";
import { rearrangeOps } from "./rearrange.ts";
import { rareReductions } from "./reductions.ts";
import { resizeOps } from "./resize.ts";
import { rotaryOps } from "./rotary.ts";
import { sampleNormalisationOps } from "./sample-normalisation.ts";
import { scatterOps } from "./scatter.ts";
import { rareSourceOps } from "./sources.ts";
import { standardiseOps } from "./standardise.ts";
import { topKOps } from "./top-k.ts";
import { rareUnaryOps } from "./unary-functions.ts";
import { whereOps } from "./where.ts";

export { foldWide, handingOn } from "./wide-integers.ts";
export { winogradPasses } from "./winograd.ts";

export const rareOps: readonly OpDefinition[] = [
  ...rareUnaryOps,
  ...logicOps,
  ...whereOps,
  ...argReduceOps,
  ...powerOps,
  ...lpPoolOps,
  ...conv3dOps,
  ...poolIndicesOps,
  ...axisMapOps,
  ...rarePadOps,
  ...castOps,
  ...topKOps,
  ...einsumOps,
  ...quantisationOps,
  ...standardiseOps,
  ...sampleNormalisationOps,
  ...scatterOps,
  ...rearrangeOps,
  ...rareReductions,
  ...resizeOps,
  ...rareSourceOps,
  ...attentionOps,
  ...rotaryOps,
  ...contribOps,
];
