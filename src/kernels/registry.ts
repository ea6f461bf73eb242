/** Every op the engine knows. Adding an op means adding its definition here. */
import { affineOps } from "./affine.ts";
import { attentionOps } from "./attention.ts";
import { axisMapOps } from "./axis-map.ts";
import { contribOps } from "./contrib.ts";
import { conv, convTranspose } from "./conv.ts";
import { binaryOps } from "./binary.ts";
import { mask, unaryOps, unarySlope } from "./unary.ts";
import { einsumOps } from "./einsum.ts";
import { gatherOps } from "./gather.ts";
import { matmul } from "./matmul.ts";
import { movementOps } from "./movement.ts";
import { padOps } from "./pad.ts";
import { poolOps } from "./pool.ts";
import { quantisationOps } from "./quantisation.ts";
import { rearrangeOps } from "./rearrange.ts";
import { reduceOps } from "./reduce.ts";
import { resizeOps } from "./resize.ts";
import { rotaryOps } from "./rotary.ts";
import { sampleNormalisationOps } from "./sample-normalisation.ts";
import { standardiseOps } from "./standardise.ts";
import { softmaxOps } from "./softmax.ts";
import { normalisationOps } from "./normalisation.ts";
import { sourceOps } from "./source.ts";
import { topKOps } from "./top-k.ts";
import { whereOps } from "./where.ts";
import type { OnnxBinding, OpDefinition } from "./op.ts";

const definitions: readonly OpDefinition[] = [
  conv,
  convTranspose,
  matmul,
  ...unaryOps,
  unarySlope,
  mask,
  ...binaryOps,
  ...whereOps,
  ...poolOps,
  ...reduceOps,
  ...softmaxOps,
  ...topKOps,
  ...einsumOps,
  ...quantisationOps,
  ...normalisationOps,
  ...sampleNormalisationOps,
  ...standardiseOps,
  ...affineOps,
  ...movementOps,
  ...axisMapOps,
  ...gatherOps,
  ...rearrangeOps,
  ...padOps,
  ...resizeOps,
  ...sourceOps,
  ...attentionOps,
  ...rotaryOps,
  ...contribOps,
];

const byName = new Map(definitions.map((definition) => [definition.name, definition]));

const byOnnxName = new Map<string, { definition: OpDefinition; binding: OnnxBinding }>();
for (const definition of definitions) {
  for (const [name, binding] of Object.entries(definition.onnx ?? {})) byOnnxName.set(name, { definition, binding });
}

/** The definition of a graph op. Throws when there is none: graphs hold only registered ops. */
export function opNamed(name: string): OpDefinition {
  const definition = byName.get(name);
  if (!definition) throw new Error(`op ${name} is not registered`);
  return definition;
}

/** How an ONNX op is imported, or undefined where no definition serves it. The name has its domain before it, unless that is the default. */
export function onnxBinding(name: string): OnnxBinding | undefined {
  return byOnnxName.get(name)?.binding;
}

export function registeredOps(): readonly OpDefinition[] {
  return definitions;
}
