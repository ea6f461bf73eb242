/**
 * ONNX nodes → nodes of the graph, by the importers of src/kernels. The branch that an If takes and the functions that a
 * model brings along (ModelProto.functions, which PyTorch's newer exporter writes) are imported in place. What is not covered
 * is noted, not thrown, so that a user sees all of it at once.
 */
import { Unsupported } from "../../kernels/op.ts";
import type { OnnxAttribute } from "../../kernels/op.ts";
import { onnxBinding } from "../../kernels/registry.ts";
import { OnnxFormatError, ShapeError } from "../errors.ts";
import type { UnsupportedNode } from "../errors.ts";
import { checkShape } from "../graph/builder.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { constant } from "../graph/graph.ts";
import type { Value } from "../graph/graph.ts";
import { decodeAttribute, decodeTensor, toNumber } from "./decode.ts";
import type { DataSource } from "./decode.ts";
import type { AttributeProto, FunctionProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto } from "./messages.ts";
import { Scope } from "./scope.ts";
import { bodiesOf, checkNames, domainOf, functionKey, namesOf } from "./structure.ts";

/** No version of the standard ops comes near. */
const MAX_OPSET = 10_000;
/** Names of nodes in functions grow by those of the calls around them; a file may give names of megabytes. */
const MAX_NAME = 500;
/** AttributeProto.AttributeType of what no op here reads: graphs, lists of tensors, sparse tensors, types. */
const UNREAD_TYPES = new Set([5, 9, 10, 11, 12, 13, 14]);

export interface ImportState {
  readonly builder: GraphBuilder;
  readonly values: Scope;
  /** Names made by unsupported nodes: what depends on them is passed over, so that the rest can still be checked. */
  readonly unknown: Set<string>;
  readonly unsupported: UnsupportedNode[];
  /** Versions by domain; "" is that of the standard ops. */
  readonly opsets: ReadonlyMap<string, number>;
  /** The model's own functions, by functionKey. */
  readonly functions: ReadonlyMap<string, FunctionProto>;
  readonly source: DataSource;
  /** Shapes that the file declares for float values, by name. */
  readonly declared: ReadonlyMap<string, readonly number[]>;
  /** Inside a function: the attributes of the call, by name. */
  readonly call?: {
    readonly attributes: ReadonlyMap<string, AttributeProto>;
    /** Names of attributes without a default. */
    readonly plain: ReadonlySet<string>;
  };
}

/** Versions by domain. Throws OnnxFormatError for one that is none, and for a domain with two. */
export function domainsOf(imports: readonly OperatorSetIdProto[] | null | undefined): Map<string, number> {
  const versions = new Map<string, number>();
  for (const entry of imports ?? []) {
    const [domain, version] = [domainOf(entry.domain), toNumber(entry.version)];
    if (!Number.isInteger(version) || version < 0 || version > MAX_OPSET)
      throw new OnnxFormatError(`opset ${version} of domain "${domain}" is no version`);
    const other = versions.get(domain);
    if (other !== undefined && other !== version)
      throw new OnnxFormatError(`domain "${domain}" is imported as opset ${other} and as ${version}`);
    versions.set(domain, version);
  }
  return versions;
}

/** An op's name in the registry: its domain stands before it, unless that is the default. */
function opNameOf({ domain, opType }: NodeProto): string {
  const shortened = domainOf(domain);
  return shortened ? `${shortened}.${opType}` : (opType ?? "");
}

/** The ops of a whole file by their names in the registry: of branches and of function bodies too, and not of calls of functions. */
export function opNamesOf(model: ModelProto): Set<string> {
  const own = new Set((model.functions ?? []).map(({ domain, name }) => functionKey(domain, name)));
  const names = new Set<string>();
  for (const { nodes } of bodiesOf(model)) {
    for (const node of nodes) if (!own.has(functionKey(node.domain, node.opType))) names.add(opNameOf(node));
  }
  return names;
}

export function initialiserOf(tensor: TensorProto, source: DataSource): Value {
  const name = tensor.name ?? "";
  const { shape, data, type, onnxType } = decodeTensor(tensor, `initialiser "${name}"`, source);
  checkShape(shape, `initialiser "${name}"`);
  return constant(name, shape, data, type, onnxType);
}

/** Nodes that the outputs depend on, in the file's order (which ONNX requires to be topological). */
export function reachableNodes(nodes: readonly NodeProto[], outputs: readonly string[]): NodeProto[] {
  const wanted = new Set(outputs);
  const kept: NodeProto[] = [];
  for (const node of [...nodes].reverse()) {
    if (!(node.output ?? []).some((name) => name && wanted.has(name))) continue;
    kept.push(node);
    for (const name of namesRead(node)) wanted.add(name);
  }
  return kept.reverse();
}

/** What a node reads: its inputs, and whatever the branches of an If may take from around them. */
function namesRead(node: NodeProto): string[] {
  const branches = (node.attribute ?? []).flatMap(({ g }) => (g ? [g] : []));
  const inside = branches.flatMap((graph) => [
    ...(graph.node ?? []).flatMap(namesRead),
    ...(graph.output ?? []).map(({ name }) => name ?? ""),
  ]);
  return [...(node.input ?? []), ...inside];
}

/** The attributes of a node; inside a function, those that refer to the call's are the call's. */
function attributesOf(proto: NodeProto, { call }: ImportState): AttributeProto[] {
  return (proto.attribute ?? []).flatMap((attribute) => {
    if (!attribute.refAttrName) return [attribute];
    const given = call?.attributes.get(attribute.refAttrName);
    // FunctionProto.attribute_proto, where defaults stand, is younger than the decoder.
    if (!given && !call?.plain.has(attribute.refAttrName))
      throw new Unsupported(`the default of a function's attribute ${attribute.refAttrName}`, attribute.refAttrName);
    return given ? [{ ...given, name: attribute.name }] : [];
  });
}

export function importNode(proto: NodeProto, name: string, state: ImportState): void {
  const { builder, values, unknown, unsupported, functions, source } = state;
  const domain = domainOf(proto.domain);
  const op = opNameOf(proto);
  const opset = state.opsets.get(domain) ?? 1;
  const where = `node "${name}" (${op})`;
  const give = (outputs: readonly (Value | undefined)[] | undefined) =>
    (proto.output ?? []).forEach((output, i) => {
      if (output && outputs?.[i]) values.set(output, outputs[i]);
      else if (output) unknown.add(output);
    });
  const refuse = (reason: string, attribute?: string) => {
    unsupported.push({ op, opset, node: name, reason, ...(attribute && { attribute }) });
    for (const output of proto.output ?? []) {
      // What follows can still be checked where the file says what comes out of here. The graph is not going to be used.
      const shape = state.call ? undefined : state.declared.get(output);
      if (shape) values.set(output, { name: output, shape, type: "float", lead: "sample" });
      else if (output) unknown.add(output);
    }
  };
  const body = functions.get(functionKey(domain, proto.opType));
  const binding = onnxBinding(op);
  if (!body && !binding) return refuse("has no kernel");
  if (!body && binding!.since > opset) return refuse(`opset ${binding!.since} is the first that is covered`);
  const lost = (proto.input ?? []).find((input) => unknown.has(input));
  if (lost !== undefined) {
    // Behind an unsupported node this is its fault; otherwise an optional output that its op does not make is read.
    if (unsupported.length === 0)
      unsupported.push({ op, opset, node: name, reason: `reads "${lost}", an optional output that is not covered` });
    return give(undefined);
  }
  const inputs = (proto.input ?? []).map((input) => {
    const value = values.get(input);
    if (input && !value) throw new OnnxFormatError(`${where} reads "${input}", which nothing before it makes`);
    if (value) checkShape(value.shape, where);
    return value;
  });
  try {
    const protos = attributesOf(proto, state);
    if (body) return give(importCall(body, name, inputs, protos, state));
    if (op === "If") return give(importBranch(name, inputs, protos, state));
    // Without a prototype: a file may name an attribute "constructor".
    const attributes = Object.create(null) as Record<string, OnnxAttribute>;
    for (const attribute of protos) {
      const key = attribute.name ?? "";
      const value = decodeAttribute(attribute, `${where} attribute ${key}`, source);
      if (value === undefined && !UNREAD_TYPES.has(attribute.type ?? 0))
        throw new OnnxFormatError(`${where} attribute ${key} has type ${attribute.type ?? 0}, or no value`);
      if (key in attributes) throw new OnnxFormatError(`${where} has two attributes ${key}`);
      if (value !== undefined) attributes[key] = value;
    }
    const outputCount = (proto.output ?? []).filter((output) => output).length;
    builder.scope = name;
    builder.source = op;
    const computed = inputs.find((input) => input && input.type !== "float" && !input.data);
    if (computed && !binding!.acceptsIntegers)
      throw new Unsupported(`takes ${computed.type === "bool" ? "truth values" : "integers"} computed from the network's input`);
    give(binding!.import({ op, opset, name, inputs, outputCount, attributes }, builder));
  } catch (error) {
    if (error instanceof Unsupported) return refuse(error.message, error.attribute);
    if (!(error instanceof ShapeError)) throw error;
    // Behind an unsupported node the shapes are only what the file declares.
    if (unsupported.length > 0) return give(undefined);
    if (!error.message.startsWith("node ")) throw new ShapeError(`${where}: ${error.message}`);
    throw error;
  }
}

/** Imports the nodes that the outputs depend on; `around` begins their names. Constants go as soon as nobody reads them any more. */
export function importAll(
  nodes: readonly NodeProto[],
  outputs: readonly string[],
  around: string,
  state: ImportState,
): (Value | undefined)[] {
  checkNames(nodes, []);
  const kept = reachableNodes(nodes, outputs);
  const lastRead = new Map<string, number>();
  kept.forEach((node, index) => {
    for (const name of namesRead(node)) lastRead.set(name, index);
  });
  for (const name of outputs) lastRead.set(name, Infinity);
  kept.forEach((node, index) => {
    importNode(node, `${around}${node.name || `${node.opType}_${index}`}`.slice(-MAX_NAME), state);
    for (const name of namesRead(node)) if (lastRead.get(name) === index) state.values.delete(name);
  });
  return outputs.map((output) => state.values.get(output));
}

/** The outputs of the branch that an If takes. */
function importBranch(
  name: string,
  [condition]: readonly (Value | undefined)[],
  attributes: readonly AttributeProto[],
  state: ImportState,
): readonly (Value | undefined)[] {
  if (!condition?.data) throw new Unsupported("takes a branch that depends on the network's input");
  const taken = condition.data[0] ? "then_branch" : "else_branch";
  const branch = attributes.find((attribute) => attribute.name === taken)?.g;
  if (!branch) throw new OnnxFormatError(`node "${name}" (If) has no ${taken}`);
  const values = new Scope(state.values);
  for (const initializer of branch.initializer ?? []) values.set(initializer.name ?? "", initialiserOf(initializer, state.source));
  return importAll(branch.node ?? [], namesOf(branch.output), `${name}/`, { ...state, values });
}

/** The outputs of a call of one of the model's own functions. Names in its body are its own; it sees nothing around it. */
function importCall(
  body: FunctionProto,
  name: string,
  inputs: readonly (Value | undefined)[],
  attributes: readonly AttributeProto[],
  state: ImportState,
): readonly (Value | undefined)[] {
  const values = new Scope();
  (body.input ?? []).forEach((input, i) => {
    if (inputs[i]) values.set(input, inputs[i]);
  });
  const opsets = body.opsetImport?.length ? domainsOf(body.opsetImport) : state.opsets;
  const call = {
    attributes: new Map(attributes.map((attribute) => [attribute.name ?? "", attribute])),
    plain: new Set(body.attribute),
  };
  // What the caller leaves out is left out of the nodes inside that read it.
  const absent = new Set((body.input ?? []).filter((_, i) => !inputs[i]));
  const nodes = (body.node ?? []).map((node) => ({ ...node, input: node.input?.map((input) => (absent.has(input) ? "" : input)) }));
  return importAll(nodes, body.output ?? [], `${name}/`, { ...state, values, unknown: new Set(), opsets, call });
}
