/**
 * ONNX model → Graph of one sample.
 *
 * The first axis of the inputs is taken as the batch axis and bound to 1 where it is symbolic; a file frozen at batch 1
 * is the same graph. Running N samples maps that graph over a leading axis (graph/graph.ts), so the result is by
 * construction that of N separate runs; batch.ts says whether the file itself would agree.
 */
import type { onnx } from "onnx-proto";
import { Unsupported } from "../../kernels/op.ts";
import type { OnnxAttribute, OnnxNode } from "../../kernels/op.ts";
import { onnxBinding } from "../../kernels/registry.ts";
import { ArgumentError, OnnxFormatError, ShapeError, UnsupportedOpError } from "../errors.ts";
import type { UnsupportedNode } from "../errors.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { constant, sizeOf, withoutDeadNodes } from "../graph/graph.ts";
import type { ConstantData, ElementType, Graph, Value } from "../graph/graph.ts";
import { decodeAttribute, decodeTensor, toNumber } from "./decode.ts";

export interface ImportOptions {
  /** Name used in messages. */
  readonly name?: string;
  /** Extents for symbolic axes other than the batch, by the name the file gives them. */
  readonly dimensions?: Readonly<Record<string, number>>;
  /** Extent given to a symbolic batch axis. Anything but 1 serves the batch analysis only. */
  readonly batch?: number;
  /** Inputs of the file to bind to constants, by name: weights, shapes and masks that some files leave to the caller. */
  readonly constants?: Readonly<Record<string, ConstantTensor>>;
}

/** Numbers for an input that is bound to a constant; `type` is "float" unless given. */
export interface ConstantTensor {
  readonly shape: readonly number[];
  readonly data: ConstantData | readonly number[];
  readonly type?: ElementType;
  /** TensorProto.DataType the numbers are meant in; quantised ranges follow from it. */
  readonly onnxType?: number;
}

export interface ImportedModel {
  readonly graph: Graph;
  /** The file's names of graph.outputs, in order. */
  readonly outputNames: readonly string[];
  readonly opset: number;
  /** ONNX nodes by op, as the file has them. */
  readonly ops: Readonly<Record<string, number>>;
  /** Extent of the batch axis in the file: a number where frozen, or the symbol's name. */
  readonly batch: number | string;
  /** How Nudge's treatment of the batch axis differs from the file's, where it may; see batch.ts. */
  readonly note?: string;
}

const FLOAT_TYPES = new Set([1, 10, 11, 16]);
const DEFAULT_DOMAINS = new Set(["", "ai.onnx"]);
const FIRST_OPSET = 6;

/** @internal Builds the graph. Throws OnnxFormatError, ShapeError, or UnsupportedOpError listing everything that is not covered. */
export function importModel(model: onnx.ModelProto, options: ImportOptions = {}): ImportedModel {
  const proto = model.graph!;
  const opset = defaultOpset(model);
  const builder = new GraphBuilder(options.name ?? (proto.name || "model"));
  const values = new Map<string, Value>();
  for (const initializer of proto.initializer ?? []) {
    const name = initializer.name ?? "";
    const { shape, data, type } = decodeTensor(initializer, `initialiser "${name}"`);
    values.set(name, constant(name, shape, data, type, initializer.dataType ?? undefined));
  }
  for (const [name, given] of Object.entries(options.constants ?? {})) {
    if (!(proto.input ?? []).some((input) => input.name === name)) throw new ArgumentError(`there is no input "${name}" to bind`);
    values.set(name, constant(name, given.shape, given.data, given.type, given.onnxType));
  }
  let batch: number | string | undefined;
  for (const input of proto.input ?? []) {
    if (values.has(input.name ?? "")) continue;
    const declared = declaredShape(input);
    batch ??= declared[0] ?? 1;
    values.set(input.name!, builder.input(input.name!, { shape: bindShape(input.name!, declared, options), type: "float" }));
  }
  if (builder.inputs.length === 0 && !options.constants) throw new OnnxFormatError("the model has no inputs");

  const nodes = reachableNodes(proto);
  const unsupported: UnsupportedNode[] = [];
  const unknown = new Set<string>();
  for (const [index, node] of nodes.entries()) {
    importNode(node, node.name || `${node.opType}_${index}`, { builder, values, unknown, unsupported, opset });
  }
  if (unsupported.length > 0) throw new UnsupportedOpError(unsupported, nodes.length);

  const outputs = (proto.output ?? []).map(({ name }) => {
    const value = values.get(name ?? "");
    if (!value && unknown.has(name ?? "")) throw new OnnxFormatError(`output "${name}" is an optional output that is not covered`);
    if (!value) throw new OnnxFormatError(`output "${name}" is made by no node`);
    return value;
  });
  const ops: Record<string, number> = {};
  for (const { opType } of nodes) ops[opType ?? "?"] = (ops[opType ?? "?"] ?? 0) + 1;
  const graph = withoutDeadNodes(distinctOutputs(builder.build(outputs)));
  const empty = graph.nodes.filter((node) => [...node.inputs, ...node.outputs].some((value) => value && sizeOf(value.shape) === 0));
  if (empty.length > 0) {
    throw new UnsupportedOpError(
      empty.map(({ op, name }) => ({ op, opset, node: name, reason: "a tensor without elements" })),
      nodes.length,
    );
  }
  const outputNames = (proto.output ?? []).map(({ name }) => name ?? "");
  return { graph, outputNames, opset, ops, batch: batch ?? 1 };
}

function defaultOpset(model: onnx.ModelProto): number {
  const entry = (model.opsetImport ?? []).find(({ domain }) => DEFAULT_DOMAINS.has(domain ?? ""));
  const version = entry ? toNumber(entry.version) : 1;
  if (version < FIRST_OPSET) throw new OnnxFormatError(`opset ${version} is older than ${FIRST_OPSET}, the first that is covered`);
  return version;
}

function declaredShape(input: onnx.IValueInfoProto): (number | string)[] {
  const tensor = input.type?.tensorType;
  if (!tensor?.shape) throw new OnnxFormatError(`input "${input.name}" has no declared tensor shape`);
  if (!FLOAT_TYPES.has(tensor.elemType ?? 1)) {
    throw new OnnxFormatError(`input "${input.name}" has element type ${tensor.elemType}; networks of floats are covered`);
  }
  return (tensor.shape.dim ?? []).map((dim, axis) => {
    const extent = toNumber(dim.dimValue);
    return extent > 0 ? extent : (dim.dimParam ?? "") || `axis ${axis}`;
  });
}

function bindShape(input: string, declared: readonly (number | string)[], options: ImportOptions): number[] {
  return declared.map((extent, axis) => {
    if (typeof extent === "number") return extent;
    if (axis === 0) return options.batch ?? 1;
    const bound = options.dimensions?.[extent];
    if (bound === undefined) {
      throw new ShapeError(`input "${input}" leaves axis ${axis} ("${extent}") open; give its extent in options.dimensions`);
    }
    return bound;
  });
}

/** Nodes that the outputs depend on, in the file's order (which ONNX requires to be topological). */
function reachableNodes(proto: onnx.IGraphProto): onnx.INodeProto[] {
  const wanted = new Set((proto.output ?? []).map(({ name }) => name ?? ""));
  const kept: onnx.INodeProto[] = [];
  for (const node of [...(proto.node ?? [])].reverse()) {
    if (!(node.output ?? []).some((name) => name && wanted.has(name))) continue;
    kept.push(node);
    for (const name of namesRead(node)) wanted.add(name);
  }
  return kept.reverse();
}

/** What a node reads: its inputs, and whatever the branches of an If may take from around them. */
function namesRead(node: onnx.INodeProto): string[] {
  const branches = (node.attribute ?? []).flatMap(({ g }) => (g ? [g] : []));
  const inside = branches.flatMap((graph) => [
    ...(graph.node ?? []).flatMap(namesRead),
    ...(graph.output ?? []).map(({ name }) => name ?? ""),
  ]);
  return [...(node.input ?? []), ...inside];
}

interface ImportState {
  readonly builder: GraphBuilder;
  readonly values: Map<string, Value>;
  /** Names made by unsupported nodes: what depends on them is passed over, so that the rest can still be checked. */
  readonly unknown: Set<string>;
  readonly unsupported: UnsupportedNode[];
  readonly opset: number;
}

function importNode(proto: onnx.INodeProto, name: string, state: ImportState): void {
  const { builder, values, unknown, unsupported, opset } = state;
  const op = proto.opType ?? "";
  const domain = proto.domain ?? "";
  const binding = DEFAULT_DOMAINS.has(domain) ? onnxBinding(op) : undefined;
  const give = (outputs: readonly Value[] | undefined) =>
    (proto.output ?? []).forEach((output, i) => {
      if (output && outputs?.[i]) values.set(output, outputs[i]);
      else if (output) unknown.add(output);
    });
  if (!binding) {
    unsupported.push({ op: domain ? `${domain}.${op}` : op, opset, node: name, reason: "has no kernel" });
    return give(undefined);
  }
  if (binding.since > opset) {
    unsupported.push({ op, opset, node: name, reason: `opset ${binding.since} is the first that is covered` });
    return give(undefined);
  }
  const lost = (proto.input ?? []).find((input) => unknown.has(input));
  if (lost !== undefined) {
    // Behind an unsupported node this is its fault; otherwise an optional output that its op does not make is read.
    if (unsupported.length === 0)
      unsupported.push({ op, opset, node: name, reason: `reads "${lost}", an optional output that is not covered` });
    return give(undefined);
  }

  if (op === "If") return give(importBranch(proto, name, state));

  const inputs = (proto.input ?? []).map((input) => {
    const value = values.get(input);
    if (input && !value) throw new OnnxFormatError(`node "${name}" (${op}) reads "${input}", which nothing before it makes`);
    return value;
  });
  const attributes: Record<string, OnnxAttribute> = {};
  for (const attribute of proto.attribute ?? []) {
    const value = decodeAttribute(attribute, `node "${name}" (${op}) attribute ${attribute.name}`);
    if (value !== undefined) attributes[attribute.name ?? ""] = value;
  }
  const outputCount = (proto.output ?? []).filter((output) => output).length;
  builder.scope = name;
  try {
    const node: OnnxNode = { op, opset, name, inputs, outputCount, attributes };
    const computed = inputs.find((input) => input && input.type !== "float" && !input.data);
    if (computed && !binding.acceptsIntegers)
      throw new Unsupported(`takes ${computed.type === "bool" ? "truth values" : "integers"} computed from the network's input`);
    give(binding.import(node, builder));
  } catch (error) {
    if (error instanceof Unsupported) {
      unsupported.push({ op, opset, node: name, reason: error.message, ...(error.attribute && { attribute: error.attribute }) });
      return give(undefined);
    }
    if (error instanceof ShapeError && !error.message.startsWith("node ")) throw new ShapeError(`node "${name}" (${op}): ${error.message}`);
    throw error;
  }
}

/** The outputs of the branch that an If takes; undefined, and the node listed as unsupported, where that is open. */
function importBranch(proto: onnx.INodeProto, name: string, state: ImportState): readonly Value[] | undefined {
  const condition = state.values.get(proto.input?.[0] ?? "");
  if (!condition?.data) {
    state.unsupported.push({ op: "If", opset: state.opset, node: name, reason: "takes a branch that depends on the network's input" });
    return undefined;
  }
  const taken = condition.data[0] ? "then_branch" : "else_branch";
  const branch = (proto.attribute ?? []).find((attribute) => attribute.name === taken)?.g;
  if (!branch) throw new OnnxFormatError(`node "${name}" (If) has no ${taken}`);
  const values = new Map(state.values);
  for (const initializer of branch.initializer ?? []) {
    const { shape, data, type } = decodeTensor(initializer, `initialiser "${initializer.name}"`);
    values.set(initializer.name ?? "", constant(initializer.name ?? "", shape, data, type, initializer.dataType ?? undefined));
  }
  for (const [index, node] of (branch.node ?? []).entries()) {
    importNode(node, `${name}/${node.name || `${node.opType}_${index}`}`, { ...state, values });
  }
  const outputs = (branch.output ?? []).map((output) => values.get(output.name ?? ""));
  return outputs.every((output) => output !== undefined) ? outputs : undefined;
}

/** Gives an output that is an input, a constant, or listed twice a node of its own: outputs are distinct computed values. */
function distinctOutputs(graph: Graph): Graph {
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  const nodes = [...graph.nodes];
  const outputs = graph.outputs.map((output, i) => {
    if (made.has(output) && graph.outputs.indexOf(output) === i) return output;
    const copy: Value = { name: `output ${i}`, shape: output.shape, type: output.type, lead: "sample" };
    nodes.push({ op: "Copy", name: copy.name, inputs: [output], outputs: [copy], attributes: {} });
    return copy;
  });
  return { ...graph, nodes, outputs };
}
