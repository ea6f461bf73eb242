/**
 * ONNX model → Graph of one sample.
 *
 * The first axis of the inputs is taken as the batch axis and bound to 1 where it is symbolic; a file frozen at batch 1
 * is the same graph. Running N samples maps that graph over a leading axis (graph/graph.ts), so the result is by
 * construction that of N separate runs; batch.ts says whether the file itself would agree.
 */
import { ArgumentError, LimitError, OnnxFormatError, UnsupportedOpError } from "../errors.ts";
import type { UnsupportedNode } from "../errors.ts";
import { ImportBudget, MAX_RANK } from "../graph/budget.ts";
import { checkShape, GraphBuilder } from "../graph/builder.ts";
import { constant, sizeOf, withoutDeadNodes } from "../graph/graph.ts";
import type { ConstantData, ElementType, Graph, Value } from "../graph/graph.ts";
import { toNumber } from "./decode.ts";
import type { DataSource } from "./decode.ts";
import type { ExternalFiles } from "./external-data.ts";
import { isUnknown } from "../graph/unknown.ts";
import { whyNotHeld } from "../graph/integers.ts";
import { batchOf, boundExtent, checkDimensions, declaredAxes } from "./dimensions.ts";
import { domainsOf, importAll, initialiserOf, reachableNodes } from "./import-nodes.ts";
import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from "./messages.ts";
import { Scope } from "./scope.ts";
import { bodiesOf, checkNames, distinctNames, expandedNodes, functionKey, namesOf } from "./structure.ts";

export interface ImportOptions {
  /** Name used in messages. */
  readonly name?: string;
  /** Extents for open axes, by the symbol the file gives them, or by input and axis: { height: 224, "x:3": 192 }. */
  readonly dimensions?: Readonly<Record<string, number>>;
  /** Extent given to a symbolic batch axis. Anything but 1 serves the batch analysis only. */
  readonly batch?: number;
  /** Inputs of the file to bind to constants, by name: weights, shapes and masks that some files leave to the caller. */
  readonly constants?: Readonly<Record<string, ConstantTensor>>;
  /** Files that hold tensors of the model, by the names that it has for them. */
  readonly externalData?: ExternalFiles;
  /** @internal Weights in files that are not given are zeros: for descriptions, which depend on shapes alone. */
  readonly allowMissingFiles?: boolean;
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
  /** Files that hold weights and were not given; none unless ImportOptions.allowMissingFiles. */
  readonly missingFiles: readonly string[];
}

const FLOAT_TYPES = new Set([1, 10, 11, 16]);
const FIRST_OPSET = 6;

/** @internal Builds the graph. Throws OnnxFormatError, ShapeError, or UnsupportedOpError listing everything that is not covered. */
export function importModel(model: ModelProto, options: ImportOptions = {}): ImportedModel {
  const proto = model.graph!;
  const opsets = domainsOf(model.opsetImport);
  const opset = opsets.get("") ?? 1;
  if (opset < FIRST_OPSET) throw new OnnxFormatError(`opset ${opset} is older than ${FIRST_OPSET}, the first that is covered`);
  const missingFiles = new Set<string>();
  const source: DataSource = {
    externalData: options.externalData,
    ...(options.allowMissingFiles && { onMissingFile: (file) => missingFiles.add(file) }),
  };
  const written = bodiesOf(model).reduce((sum, { nodes }) => sum + nodes.length, 0);
  const budget = new ImportBudget(written);
  const name = options.name ?? (proto.name || "model");
  const { nodes: expanded, largest } = expandedNodes(model);
  budget.spend("nodes", expanded, largest);
  const builder = new GraphBuilder(name, budget);
  const values = new Scope();
  const initialisers = distinctNames(proto.initializer, "initialiser");
  const inputNames = distinctNames(proto.input, "input");
  checkNames(proto.node ?? [], [...initialisers, ...inputNames]);
  for (const initializer of proto.initializer ?? []) {
    const value = initialiserOf(initializer, source);
    if (!isUnknown(value.data)) budget.justify(value.data!.length);
    values.set(value.name, value);
  }
  for (const [name, given] of Object.entries(options.constants ?? {})) {
    if (!inputNames.has(name)) throw new ArgumentError(`there is no input "${name}" to bind`);
    values.set(name, constant(name, given.shape, given.data, given.type, given.onnxType));
  }
  const free = (proto.input ?? [])
    .filter(({ name }) => !values.has(name ?? ""))
    .map((input) => ({ name: input.name ?? "", declared: declaredShape(input) }));
  const declared = (proto.input ?? []).map((input) => ({ name: input.name ?? "", declared: declaredAxes(input) }));
  checkDimensions(declared, (name) => values.has(name), options);
  for (const input of free) {
    const { name } = input;
    const shape = input.declared.map((_, axis) => boundExtent(input, axis, options)!);
    if (shape.length > MAX_RANK) throw new LimitError("axes of a tensor", shape.length, MAX_RANK, `input "${name}"`);
    values.set(name, builder.input(name, { shape, type: "float" }));
  }
  const batch = free[0] && batchOf(free[0], options);
  if (builder.inputs.length === 0 && !options.constants) throw new OnnxFormatError("the model has no inputs");

  const outputNames = namesOf(proto.output);
  const nodes = reachableNodes(proto.node ?? [], outputNames);
  const unsupported: UnsupportedNode[] = [];
  const unknown = new Set<string>();
  const functions = new Map((model.functions ?? []).map((body) => [functionKey(body.domain, body.name), body]));
  const state = { builder, values, unknown, unsupported, opsets, functions, source, declared: declaredValues(proto, options) };
  const made = importAll(nodes, outputNames, "", state);
  if (unsupported.length > 0) throw new UnsupportedOpError(unsupported, nodes.length);

  const outputs = made.map((value, i) => {
    const name = outputNames[i]!;
    if (!value && unknown.has(name)) throw new OnnxFormatError(`output "${name}" is an optional output that is not covered`);
    if (!value) throw new OnnxFormatError(`output "${name}" is made by no node`);
    return value;
  });
  for (const { name, shape } of builder.inputs) checkShape(shape, `input "${name}"`);
  const ops = countedOps(nodes);
  const graph = withoutDeadNodes(distinctOutputs(builder.build(outputs)));
  const empty = graph.nodes.filter((node) => [...node.inputs, ...node.outputs].some((value) => value && sizeOf(value.shape) === 0));
  if (empty.length > 0) {
    throw new UnsupportedOpError(
      empty.map(({ op, name }) => ({ op, opset, node: name, reason: "a tensor without elements" })),
      nodes.length,
    );
  }
  const rounded = graph.nodes.flatMap(({ op, name, inputs }) => {
    const reason = inputs.map((input) => input && whyNotHeld(input)).find((why) => why !== undefined);
    return reason === undefined ? [] : [{ op, opset, node: name, reason }];
  });
  if (rounded.length > 0) throw new UnsupportedOpError(rounded, nodes.length);
  return { graph, outputNames, opset, ops, batch: batch ?? 1, missingFiles: [...missingFiles] };
}

/** Nodes by op. */
export function countedOps(nodes: readonly NodeProto[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { opType } of nodes) counts.set(opType ?? "?", (counts.get(opType ?? "?") ?? 0) + 1);
  return Object.fromEntries(counts);
}

/** What the file says of the values between its nodes, as far as it is static: stands in for what an unsupported node makes. */
function declaredValues(proto: GraphProto, options: ImportOptions): ReadonlyMap<string, readonly number[]> {
  const declared = new Map<string, readonly number[]>();
  for (const { name, type } of [...(proto.valueInfo ?? []), ...(proto.output ?? [])]) {
    const { shape, elemType } = type?.tensorType ?? {};
    if (!shape || !FLOAT_TYPES.has(elemType ?? 0)) continue;
    const extents = (shape.dim ?? []).map(
      (dim, axis) => toNumber(dim.dimValue) || options.dimensions?.[dim.dimParam || ""] || (axis === 0 ? (options.batch ?? 1) : 0),
    );
    if (extents.every((extent) => extent > 0)) declared.set(name ?? "", extents);
  }
  return declared;
}

function declaredShape(input: ValueInfoProto): (number | string)[] {
  const tensor = input.type?.tensorType;
  if (!tensor?.shape) throw new OnnxFormatError(`input "${input.name}" has no declared tensor shape`);
  const code = tensor.elemType ?? 0;
  if (!FLOAT_TYPES.has(code)) {
    throw new OnnxFormatError(`input "${input.name}" has element type ${code}; networks of floats are covered`);
  }
  return declaredAxes(input);
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
