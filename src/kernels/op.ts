/**
 * The contract between an op and the rest of the engine. One declaration per op says which ONNX ops it serves, which shape
 * it makes, which kernels compute it, and what its derivatives are; nothing else in the engine knows an op by name.
 */
import type { Attributes, ConstantData, ElementType, Node, Value } from "../runtime/graph/graph.ts";
import type { ConstantValue, Kernel, ParamValue } from "../runtime/gpu/kernel.ts";
import type { Grid, Operand, Packed, PackedWeights, WeightStorage } from "../runtime/plan/launch.ts";
import type { VariantSite } from "./variants.ts";

export interface TensorType {
  readonly shape: readonly number[];
  readonly type: ElementType;
}

/** Adds nodes to a graph under construction; what an importer, a derivative rule and a pass have in common. */
export interface Emitter {
  /** Adds a node and returns its first output. A node whose inputs are all constants is evaluated instead. */
  add(op: string, inputs: readonly (Value | undefined)[], attributes?: Attributes): Value;
  /** As add, for nodes with several outputs. */
  addAll(op: string, inputs: readonly (Value | undefined)[], attributes?: Attributes): readonly Value[];
  /** `onnxType`: the TensorProto.DataType that the numbers are meant in, where it matters. */
  constant(shape: readonly number[], data: ConstantData | readonly number[], type?: ElementType, onnxType?: number): Value;
  /**
   * Accounts for numbers that an importer is about to visit on the host, so many or those of a shape, and for how many of them
   * it makes anew (all, unless given). To be called before the loop or the allocation. Throws LimitError where the file does not
   * justify them.
   */
  spend(numbers: number | readonly number[], growth?: number): void;
}

/** An ONNX node as an importer sees it: decoded attributes, resolved inputs, no protobuf. */
export interface OnnxNode {
  readonly op: string;
  readonly opset: number;
  readonly name: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputCount: number;
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly shape: readonly number[]; readonly data: ConstantData; readonly type: ElementType; readonly onnxType: number };

/** Thrown by an importer for a form of its op that no kernel covers; collected and reported for the whole graph at once. */
export class Unsupported extends Error {
  constructor(
    message: string,
    readonly attribute?: string,
  ) {
    super(message);
  }
}

export interface OnnxBinding {
  /** First opset version this importer reads. */
  readonly since: number;
  /** Turns the node into nodes of the graph; returns its outputs. Throws Unsupported or ShapeError. */
  readonly import: (node: OnnxNode, emit: Emitter) => readonly Value[];
  /** One line for docs/operators.md on what is not covered. */
  readonly restrictions?: string;
  /**
   * Whether inputs may be integers or truth values that the network computes. On the GPU they are f32, exact up to 2²⁴; an
   * importer that says nothing is not asked to take them.
   */
  readonly acceptsIntegers?: boolean;
  /** For docs/operators.md where the derivative is not the function's own: "0", "none", "straight-through", … */
  readonly derivative?: string;
}

export interface LaunchRequest {
  readonly kernel: Kernel;
  readonly constants: Readonly<Record<string, ConstantValue>>;
  readonly bindings: Readonly<Record<string, Operand>>;
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly grid: Grid;
  readonly macs?: number;
}

/** Facts a planner may depend on. Plain data, so that variants are chosen, and tested, without a GPU. */
export interface AdapterFacts {
  /** A CPU pretending to be a GPU (SwiftShader, llvmpipe, WARP). */
  readonly software: boolean;
  readonly vendor: string;
  readonly architecture: string;
  readonly maxInvocations: number;
  readonly maxWorkgroupBytes: number;
  /** Invocations of the smallest subgroup, within which they can exchange values; 0 where they cannot. */
  readonly subgroupSize: number;
  /** Whether kernels may read f16 (the feature shader-f16). */
  readonly f16: boolean;
}

/** What lowering may ask and say. */
export interface Lowering {
  readonly node: Node;
  readonly adapter: AdapterFacts;
  /** Rows per sample of row values. */
  readonly rows: number;
  /** Copies of a value at the program's capacity: 1, N, or N · rows. */
  copies(value: Value): number;
  /** How an operand's copy is found from the output's copy, for kernels with A_LEAD / B_LEAD: 0 only, 1 same, 2 by slots. */
  leadOf(operand: Value, output: Value): 0 | 1 | 2;
  /** Whether anybody reads this output. */
  isRead(value: Value): boolean;
  /**
   * What a kernel binds for an output that may be unread: itself, or four bytes of its own, because a kernel may not bind one
   * buffer twice for writing.
   */
  boundOutput(value: Value): Value;
  launch(request: LaunchRequest): void;
  /** Makes `output` another name for `input`'s memory (reshape). */
  alias(output: Value, input: Value): void;
  /** A constant in another layout. `key` names the layout. */
  pack(source: Value, key: string, elements: number, make: (data: ConstantData) => Float32Array): Packed;
  /** How packWeights stores a constant; what the network computes is f32. */
  weightStorage(source: Value): WeightStorage;
  /** As pack, for weights of kernels that are linked for each storage (weights.ts): as f16 where the plan wants it and all fit. */
  packWeights(source: Value, key: string, elements: number, make: (data: ConstantData) => Float32Array): PackedWeights;
  /** A value private to this node, with the given lead of another value and its own shape. */
  scratch(like: Value, shape: readonly number[]): Value;
  /** The variant to take for the node: one forced by name, legal or not, else the measured choice where it is legal, else the usual. */
  variantFor(site: VariantSite): string;
}

/** The node that makes a value; none makes an input or a constant. */
export type Maker = (value: Value | undefined) => Node | undefined;

export type Epilogue = "clamp" | "mask" | "add";

export interface DerivativeContext {
  readonly node: Node;
  readonly emit: Emitter;
}

export interface OpDefinition {
  readonly name: string;
  readonly onnx?: Readonly<Record<string, OnnxBinding>>;
  /** Output types for given inputs. Throws ShapeError with a reason that makes sense after the node's name. */
  infer(inputs: readonly (Value | undefined)[], attributes: Attributes): readonly TensorType[];
  /** Evaluates the op on constants while the graph is built. */
  fold?(inputs: readonly (Value | undefined)[], attributes: Attributes, outputs: readonly TensorType[]): readonly ConstantData[];
  /** Emits launches that write every output that is read. */
  lower(lowering: Lowering): void;
  /**
   * Cotangents of the inputs, given that of the first output. `undefined` where an input gets none. Every rule must use
   * its cotangent: what an op returns is multiplied into what came after it.
   */
  vjp?(context: DerivativeContext, cotangent: Value): readonly (Value | undefined)[];
  /** Tangent of the first output, given those of the inputs (undefined: constant). */
  jvp?(context: DerivativeContext, tangents: readonly (Value | undefined)[]): Value;
  /** True where every output element depends on one element of each input, which broadcast. */
  readonly elementwise?: boolean;
  /**
   * Finds the op where an exporter wrote its function out in others, by the last of these; `maker` gives the node that makes a
   * value. Every writing must hold an op of the same module (rare/), so that what is found does not depend on what is loaded.
   */
  readonly recognise?: (node: Node, maker: Maker) => { readonly x: Value; readonly attributes?: Attributes } | undefined;
  /** What the op's kernels can do to their result: "clamp" it (ReLU, Clip), "mask" it (a clamp's derivative), "add" to it. */
  readonly epilogues?: readonly Epilogue[];
  /** For functions of one argument: the kernel of d · f′(x), which UnarySlope launches. */
  readonly slope?: Kernel;
  /** Kernels of the core between which a planner chooses: what a tuner measured goes by their text (registry.ts, kernelsHash). */
  readonly variants?: () => readonly Kernel[];
}

/** What nothing uses of the ops, bundlers may drop: an app that takes an error class alone carries no kernel. */
/* @__NO_SIDE_EFFECTS__ */
export function defineOp(definition: OpDefinition): OpDefinition {
  return definition;
}

/** Carries importers of ONNX ops that become other ops; no graph holds it. */
/* @__NO_SIDE_EFFECTS__ */
export function importersOnly(name: string, onnx: Readonly<Record<string, OnnxBinding>>): OpDefinition {
  return {
    name,
    onnx,
    infer: () => [],
    lower: () => {
      throw new Error(`${name} are imported as other ops`);
    },
  };
}
