/** What a model is and what it costs, told without a GPU. */
import type { AdapterFacts } from "../kernels/op.ts";
import { rareOpsLoaded } from "../kernels/registry.ts";
import { takeContents } from "./contents.ts";
import { describeFields } from "../options/engine.ts";
import { checkOptions, display } from "../options/fields.ts";
import { ArgumentError, UnsupportedOpError } from "./errors.ts";
import type { UnsupportedNode } from "./errors.ts";
import type { Graph } from "./graph/graph.ts";
import { attach } from "./graph/head.ts";
import { simplify } from "./graph/simplify.ts";
import { decodeModel } from "./onnx/decode.ts";
import { batchNote } from "./onnx/batch.ts";
import { countedOps, importModel } from "./onnx/import.ts";
import type { ImportedModel, ImportOptions } from "./onnx/import.ts";
import type { ModelProto } from "./onnx/messages.ts";
import { HALF_MAX } from "./plan/half.ts";
import type { PackedWeights, WeightStorage } from "./plan/launch.ts";
import { planGraph } from "./plan/plan.ts";
import type { Plan } from "./plan/plan.ts";

export interface ModelDescription {
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly outputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly opset: number;
  /** ONNX nodes by op, as the file has them. */
  readonly ops: Readonly<Record<string, number>>;
  /** Numbers in the file's float constants that the network uses. */
  readonly parameters: number;
  /** Multiply-adds of one forward pass of one sample. */
  readonly macs: number;
  /** Dispatches of a forward pass: one per graph node that computes, before and after fusion. */
  readonly launches: { readonly before: number; readonly after: number };
  /** Working memory of a forward pass of one sample, weights apart, in bytes. */
  readonly memoryBytes: number;
  /** Bytes of the parameters as the GPU stores them, without padding, and of them by type: f16 where a model is loaded so. */
  readonly weightBytes: number;
  readonly weightBytesByType: Readonly<Record<WeightStorage, number>>;
  /** What a user should know: how the batch axis is treated, where attacks attach, which weights f16 cannot hold. */
  readonly notes: readonly string[];
}

/** As LoadOptions, as far as they bear on what a model is. */
export interface DescribeOptions extends Pick<ImportOptions, "name" | "dimensions" | "constants" | "externalData"> {
  readonly weights?: WeightStorage;
}

/** What is planned for where no adapter is at hand: a CPU that stands in for a GPU. */
export const SOFTWARE_ADAPTER: AdapterFacts = {
  software: true,
  vendor: "",
  architecture: "",
  maxInvocations: 256,
  maxWorkgroupBytes: 16_384,
  subgroupSize: 4,
  f16: true,
};
const NO_LIMITS = { maxStorageBufferBindingSize: Infinity, maxBufferSize: Infinity };

const BYTES: Readonly<Record<WeightStorage, number>> = { f32: 4, f16: 2 };

export interface Setting {
  readonly adapter?: AdapterFacts;
  readonly weights?: WeightStorage | undefined;
}

export function describeGraph(
  imported: ImportedModel,
  graph: Graph,
  { adapter = SOFTWARE_ADAPTER, weights = "f32" }: Setting = {},
): ModelDescription {
  const planned = (wanted: Graph) => planGraph({ graph: wanted, capacity: 1, rows: 1, adapter, limits: NO_LIMITS, weights });
  const plan = planned(graph);
  const packed = packedWeights(plan);
  const halved = new Set(packed.filter(({ storage }) => storage === "f16").map(({ source }) => source));
  const constants = new Set(graph.nodes.flatMap(({ inputs }) => inputs.filter((input) => input?.data)));
  const parameters = [...constants].reduce((sum, value) => sum + value!.data!.length, 0);
  const bytesAs = (type: WeightStorage) =>
    [...constants].reduce((sum, value) => sum + (halved.has(value!) === (type === "f16") ? value!.data!.length * BYTES[type] : 0), 0);
  const weightBytesByType = { f32: bytesAs("f32"), f16: bytesAs("f16") };
  const port = (name: string, shape: readonly number[]) => ({ name, shape: shape[0] === 1 ? shape.slice(1) : shape });
  return {
    inputs: graph.inputs.map(({ name, shape }) => port(name, shape)),
    outputs: graph.outputs.map(({ shape }, i) => port(imported.outputNames[i]!, shape)),
    opset: imported.opset,
    ops: imported.ops,
    parameters,
    macs: plan.launches.reduce((sum, { macs }) => sum + macs, 0),
    launches: { before: planned(imported.graph).launches.length, after: plan.launches.length },
    memoryBytes: plan.workingBytes,
    weightBytes: weightBytesByType.f32 + weightBytesByType.f16,
    weightBytesByType,
    notes: [...notesOn(imported, graph), ...(weights === "f16" ? noteOnRange(packed) : [])],
  };
}

/** The weights of convolutions and products. */
function packedWeights({ launches }: Plan): PackedWeights[] {
  const operands = launches.flatMap(({ bindings }) => Object.values(bindings));
  return operands.filter((operand): operand is PackedWeights => typeof operand === "object" && "storage" in operand);
}

function noteOnRange(packed: readonly PackedWeights[]): string[] {
  const names = new Set(packed.filter(({ storage }) => storage === "f32").map(({ source }) => JSON.stringify(source.name)));
  return names.size === 0 ? [] : [`weights that stay f32, because f16 ends at ±${HALF_MAX}: ${[...names].join(", ")}`];
}

function notesOn({ note, missingFiles }: ImportedModel, graph: Graph): string[] {
  const notes = note ? [note] : [];
  if (missingFiles.length > 0) notes.push(`weights lie in ${missingFiles.map((file) => JSON.stringify(file)).join(", ")}, not given here`);
  const { node, head, binary } = attach(graph).attachedTo;
  if (head.length > 0) notes.push(`attacks attach to the logits, the output of "${node}" before ${head.join(" → ")}`);
  if (binary) notes.push("one output: classes 0 and 1, class 1 where the logit is positive");
  return notes;
}

/** Imports a model and adds what a user should know about its batch axis. */
export function importNoted(proto: ModelProto, options: ImportOptions): ImportedModel {
  const imported = importModel(proto, options);
  return { ...imported, note: batchNote(proto, options, imported.batch) };
}

/**
 * Reads a model's bytes and describes it without a GPU. Unsupported nodes are listed instead of thrown. Files that hold the
 * model's weights need not be given; those that are, are checked. Throws OnnxFormatError and ShapeError, and ArgumentError for
 * wrong options and for a model with ops that few networks need before these are loaded, as it cannot wait for them: await loadRareOps() first.
 */
export function describeModel(
  bytes: Uint8Array,
  given: DescribeOptions = {},
): ModelDescription & { readonly unsupported: readonly UnsupportedNode[] } {
  const of = "describeModel";
  const options = takeContents(of, checkOptions<DescribeOptions>(of, describeFields, given));
  if (!(bytes instanceof Uint8Array)) throw new ArgumentError(`${of}: the model is ${display(bytes)}, expected a Uint8Array`);
  const proto = decodeModel(bytes);
  try {
    const imported = importNoted(proto, { ...options, allowMissingFiles: true });
    return { ...describeGraph(imported, simplify(imported.graph), { weights: options.weights }), unsupported: [] };
  } catch (error) {
    if (!(error instanceof UnsupportedOpError)) throw error;
    if (!rareOpsLoaded()) {
      const names = [...new Set(error.unsupported.map(({ op }) => op))].join(", ");
      throw new ArgumentError(`to describe a model with ${names}, await loadRareOps() before describeModel()`);
    }
    const ops = countedOps(proto.graph?.node ?? []);
    const empty = { inputs: [], outputs: [], opset: error.opset, parameters: 0, macs: 0, memoryBytes: 0, weightBytes: 0, notes: [] };
    return { ...empty, weightBytesByType: { f32: 0, f16: 0 }, ops, launches: { before: 0, after: 0 }, unsupported: error.unsupported };
  }
}
