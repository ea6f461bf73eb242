/**
 * What can be said of a model file before any of it is imported: which lists of nodes it holds, in branches and function bodies
 * too, and whether they may be followed by recursion. No function here recurses with the file.
 */
import { LimitError, OnnxFormatError } from "../errors.ts";
import type { GraphProto, ModelProto, NodeProto, TensorProto } from "./messages.ts";

/** Branches within branches, and calls within calls. */
export const MAX_DEPTH = 32;

/** The standard ops' domain has two names. */
const DEFAULT_DOMAINS = new Set(["", "ai.onnx"]);

export const domainOf = (domain: string | null | undefined): string => (DEFAULT_DOMAINS.has(domain ?? "") ? "" : domain!);

export function functionKey(domain: string | null | undefined, name: string | null | undefined): string {
  return `${domainOf(domain)}/${name}`;
}

export const namesOf = (list: readonly { name?: string | null }[] | null | undefined): string[] =>
  (list ?? []).map(({ name }) => name ?? "");

export interface Body {
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
}

/** The graph, the bodies of functions, and the branches in them. Throws LimitError where branches lie too deep in one another. */
export function bodiesOf(model: ModelProto): Body[] {
  const found: Body[] = [];
  const open: {
    readonly nodes: readonly NodeProto[];
    readonly initializers: readonly TensorProto[];
    readonly depth: number;
  }[] = [{ nodes: model.graph?.node ?? [], initializers: model.graph?.initializer ?? [], depth: 0 }];
  for (const { node } of model.functions ?? []) open.push({ nodes: node ?? [], initializers: [], depth: 0 });
  for (let body = open.pop(); body; body = open.pop()) {
    found.push(body);
    for (const { attribute, name, opType } of body.nodes) {
      for (const { g } of attribute ?? []) {
        if (!g) continue;
        const depth = body.depth + 1;
        if (depth > MAX_DEPTH) throw new LimitError("branches within branches", depth, MAX_DEPTH, `node "${name}" (${opType})`);
        open.push({ nodes: g.node ?? [], initializers: g.initializer ?? [], depth });
      }
    }
  }
  return found;
}

/** Nodes that a body becomes when calls are replaced by what they call, branches counted whole; and how deep calls lie in one another. */
interface Expansion {
  readonly nodes: number;
  readonly depth: number;
}

/**
 * How many nodes the model's graph becomes when its functions are written out, and which of its nodes becomes most of them:
 * known before any is written out, as every function is counted once. Throws OnnxFormatError for a function that calls itself, and for calls that lie too deep in one another.
 */
export function expandedNodes(model: ModelProto): { readonly nodes: number; readonly largest: string } {
  const functions = new Map((model.functions ?? []).map((body) => [functionKey(body.domain, body.name), body]));
  const known = new Map<string, Expansion>();
  const countCall = (key: string, depth: number, name: string): Expansion => {
    const done = known.get(key);
    if (done && depth + done.depth - 1 <= MAX_DEPTH) return done;
    if (depth > MAX_DEPTH || done)
      throw new OnnxFormatError(`node "${name}" calls functions more than ${MAX_DEPTH} deep, or one that calls itself`);
    const { nodes, depth: inside } = countNodes(functions.get(key)!.node ?? [], depth);
    const expansion = { nodes, depth: inside + 1 };
    known.set(key, expansion);
    return expansion;
  };
  const countBranch = ({ node }: GraphProto, depth: number, name: string): Expansion => {
    if (depth > MAX_DEPTH) throw new OnnxFormatError(`node "${name}" has branches and calls more than ${MAX_DEPTH} deep`);
    const { nodes, depth: inside } = countNodes(node ?? [], depth);
    return { nodes, depth: inside + 1 };
  };
  const countNodes = (list: readonly NodeProto[], depth: number): Expansion => {
    let nodes = 0;
    let deepest = 0;
    for (const { domain, opType, name, attribute } of list) {
      const key = functionKey(domain, opType);
      const parts = functions.has(key) ? [countCall(key, depth + 1, name ?? "")] : [];
      for (const { g } of attribute ?? []) if (g) parts.push(countBranch(g, depth + 1, name ?? ""));
      nodes++;
      for (const part of parts) {
        nodes += part.nodes;
        deepest = Math.max(deepest, part.depth);
      }
    }
    return { nodes, depth: deepest };
  };
  const each = (model.graph?.node ?? []).map((node, index) => ({
    nodes: countNodes([node], 0).nodes,
    largest: `node "${node.name || `${node.opType}_${index}`}" (${node.opType})`,
  }));
  const largest = each.reduce((most, one) => (one.nodes > most.nodes ? one : most), { nodes: 0, largest: "" });
  return { nodes: each.reduce((sum, { nodes }) => sum + nodes, 0), largest: largest.largest };
}

/** Throws OnnxFormatError where two nodes, or a node and what is given, make one name. */
export function checkNames(nodes: readonly NodeProto[], given: Iterable<string>): void {
  const made = new Set(given);
  for (const { output, name, opType } of nodes) {
    for (const value of output ?? []) {
      if (value === "") continue;
      if (made.has(value)) throw new OnnxFormatError(`node "${name || opType}" makes "${value}", which is made already`);
      made.add(value);
    }
  }
}

/** Names of a list, each of which must be there and be another. */
export function distinctNames(list: readonly { name?: string | null }[] | null | undefined, what: string): Set<string> {
  const names = new Set<string>();
  for (const name of namesOf(list)) {
    if (name === "") throw new OnnxFormatError(`an ${what} has no name`);
    if (names.has(name)) throw new OnnxFormatError(`there are two ${what}s "${name}"`);
    names.add(name);
  }
  return names;
}
