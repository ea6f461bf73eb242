/**
 * Nodes that several kernels can compute, told in plain data: what a tuner times, and under which name it keeps what it finds
 * (docs/architecture.md, "Tuning"). Planners say it; nothing here knows an op.
 */
import { ArgumentError } from "../runtime/errors.ts";
import type { ConstantValue, Kernel } from "../runtime/gpu/kernel.ts";
import type { AdapterFacts } from "./op.ts";

export interface VariantSite {
  /** Op, shape, storage of weights, and copies at the program's capacity: equal for nodes of which a variant's time is the same. */
  readonly signature: string;
  /** Names of the variants that can compute the node on this adapter. */
  readonly legal: readonly string[];
  /** The one that the planner takes where nothing was measured; it is legal. */
  readonly usual: string;
}

type Fact = string | number | boolean | readonly number[];

/** "conv channels=64 columns=196 …": every fact by name, in the order of names, so that the order they are given in is free. */
export function signatureOf(op: string, facts: Readonly<Record<string, Fact>>): string {
  const entries = Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1));
  return [op, ...entries.map(([name, fact]) => `${name}=${typeof fact === "object" ? fact.join("x") : fact}`)].join(" ");
}

/** A site whose signature and legal variants are found when they are asked for: loading without a tuning table never asks. */
export function siteOf(
  op: string,
  facts: Readonly<Record<string, Fact>>,
  usual: string,
  legalVariants: () => readonly string[],
): VariantSite {
  return {
    usual,
    get signature() {
      return signatureOf(op, facts);
    },
    get legal() {
      return legalVariants();
    },
  };
}

/** That a variant cannot compute a node, or is none. What each needs, the planners' conditions say. */
export const refusedVariant = (variant: string | undefined): ArgumentError =>
  new ArgumentError(`no kernel "${variant}" computes this on this adapter`);

/**
 * The variants that a planner does not refuse with an ArgumentError and whose workgroups (constant LANES) the adapter can run.
 * A planner thus states in one place, its refusal, what a variant needs.
 */
export function legalAmong<Name extends string>(
  names: readonly Name[],
  { maxInvocations }: AdapterFacts,
  plan: (name: Name) => { readonly constants: Readonly<Record<string, ConstantValue>> },
): Name[] {
  return names.filter((name) => {
    try {
      return Number(plan(name).constants["LANES"]) <= maxInvocations;
    } catch (error) {
      if (error instanceof ArgumentError) return false;
      throw error;
    }
  });
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Eight hexadecimal digits that change when the WGSL text of a kernel does (FNV-1a). */
export function hashOf(kernels: Iterable<Pick<Kernel, "name" | "source">>): string {
  let hash = FNV_OFFSET;
  for (const { name, source } of kernels) {
    const text = `${name}\n${source}\n`;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}
