/**
 * Every op the engine knows. What convolutional and dense networks need is here from the start, the core; the rest (rare/) is a
 * module of its own, which nobody downloads before a model asks for one of its ops. Adding an op means adding its definition to
 * one of the two lists.
 */
import { NudgeError } from "../runtime/errors.ts";
import type { Kernel } from "../runtime/gpu/kernel.ts";
import { provideWideFold } from "../runtime/graph/integers.ts";
import { affineOps } from "./affine.ts";
import { binaryOps } from "./binary.ts";
import { conv, convTranspose } from "./conv.ts";
import { gatherOps } from "./gather.ts";
import { matmul } from "./matmul.ts";
import { movementOps } from "./movement.ts";
import { normalisationOps } from "./normalisation.ts";
import type { OnnxBinding, OpDefinition } from "./op.ts";
import { padOps } from "./pad.ts";
import { poolOps } from "./pool.ts";
import { reduceOps } from "./reduce.ts";
import { softmaxOps } from "./softmax.ts";
import { sourceOps } from "./source.ts";
import { splitOps } from "./split.ts";
import { provideWinograd } from "./winograd.ts";
import { mask, slopeKernels, unaryOps, unarySlope } from "./unary.ts";
import { hashOf } from "./variants.ts";

const definitions: OpDefinition[] = [];
const byName = new Map<string, OpDefinition>();
const bindings = new Map<string, OnnxBinding>();

function register(added: readonly OpDefinition[]): void {
  definitions.push(...added);
  for (const definition of added) {
    byName.set(definition.name, definition);
    if (definition.slope) slopeKernels.set(definition.name, definition.slope);
    // The rest replaces some importers of the core by ones that take more forms of their op.
    for (const [name, binding] of Object.entries(definition.onnx ?? {})) bindings.set(name, binding);
  }
}

/** The core, made when an op is first asked for: an app that imports no engine carries none of it. */
const core = (): readonly OpDefinition[] => [
  conv,
  convTranspose,
  matmul,
  ...unaryOps,
  unarySlope,
  mask,
  ...binaryOps,
  ...poolOps,
  ...reduceOps,
  ...softmaxOps,
  ...normalisationOps,
  ...affineOps,
  ...movementOps,
  ...splitOps,
  ...gatherOps,
  ...padOps,
  ...sourceOps,
];

function ensureCore(): void {
  if (definitions.length === 0) register(core());
}

let rare: Promise<void> | undefined;
let loaded = false;

/**
 * Loads the ops that are not in the core. Loading a model does so by itself where it has to; describeModel, which cannot wait,
 * leaves it to its caller. Throws NudgeError where the module cannot be fetched.
 */
export function loadRareOps(): Promise<void> {
  rare ??= import("./rare/ops.ts").then(
    ({ rareOps, winogradPasses, foldWide, handingOn }) => {
      ensureCore();
      register(rareOps);
      provideWideFold(foldWide, handingOn);
      provideWinograd(winogradPasses);
      loaded = true;
    },
    (error: unknown) => {
      rare = undefined;
      throw new NudgeError(`the module of rare ops, which lies beside Nudge's own, cannot be loaded: ${(error as Error).message}`);
    },
  );
  return rare;
}

/** Whether every op there is can be looked up. */
export function rareOpsLoaded(): boolean {
  return loaded;
}

/** Loads the rest where a model holds an ONNX op that the core does not import. Names have their domain before them, unless that is the default. */
export async function ensureOps(names: Iterable<string>): Promise<void> {
  ensureCore();
  for (const name of names) if (!bindings.has(name)) return loadRareOps();
}

/** The definition of a graph op. Throws when there is none: graphs hold only registered ops. */
export function opNamed(name: string): OpDefinition {
  ensureCore();
  const definition = byName.get(name);
  if (!definition) throw new Error(`op ${name} is not registered`);
  return definition;
}

/** How an ONNX op is imported, or undefined where no definition serves it. The name has its domain before it, unless that is the default. */
export function onnxBinding(name: string): OnnxBinding | undefined {
  ensureCore();
  return bindings.get(name);
}

/** The definitions of the core, and, once they are loaded, of the rest. */
export function registeredOps(): readonly OpDefinition[] {
  ensureCore();
  return definitions;
}

/** The kernels of the core between which planners choose, by name. Those of rare ops have the hash of their text in signatures (lines.ts). */
export function variantKernels(): ReadonlyMap<string, Kernel> {
  return new Map(registeredOps().flatMap(({ variants }) => variants?.().map((kernel) => [kernel.name, kernel] as const) ?? []));
}

/** The hash of all variants of the core. What was measured before it changed is stale. */
export function kernelsHash(): string {
  return hashOf([...variantKernels().values()].sort((a, b) => (a.name < b.name ? -1 : 1)));
}
