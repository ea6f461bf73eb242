/** Builds graphs node by node: infers shapes and leads, evaluates what is constant, and names what has no name. */
import { opNamed } from "../../kernels/registry.ts";
import type { Emitter, TensorType } from "../../kernels/op.ts";
import { LimitError, NudgeError, OnnxFormatError, ShapeError } from "../errors.ts";
import { MAX_ELEMENTS, MAX_RANK } from "./budget.ts";
import type { ImportBudget } from "./budget.ts";
import { constant, sizeOf, widestLead } from "./graph.ts";
import type { Attributes, ConstantData, ElementType, Graph, Lead, Node, Value } from "./graph.ts";
import { exactly, integerType } from "./integers.ts";
import { isUnknown, unknownNumbers } from "./unknown.ts";

export class GraphBuilder implements Emitter {
  readonly inputs: Value[] = [];
  readonly nodes: Node[] = [];
  /** Prefix for the names of nodes added next: the ONNX node being imported, or the node being differentiated. */
  scope = "";
  /** The op of that node in the file, where the file is being imported. */
  source = "";
  /** Names that are taken, and the counter that the next of each gets. */
  private readonly taken = new Map<string, number>();

  /** `budget`: what the file justifies, for graphs that come from one. */
  constructor(
    readonly name: string,
    private readonly budget?: ImportBudget,
  ) {}

  /** A name nobody has yet: the scope, then the scope with a counter. */
  private uniqueName(op: string): string {
    const base = this.scope || op;
    let name = base;
    let count = this.taken.get(base) ?? 1;
    while (this.taken.has(name)) name = `${base}#${++count}`;
    this.taken.set(base, count);
    this.taken.set(name, 1);
    return name;
  }

  private where(op: string): string {
    return `node "${this.scope || op}" (${this.source || op})`;
  }

  spend(numbers: number | readonly number[], growth?: number): void {
    const where = this.where("constants");
    if (typeof numbers !== "number") checkShape(numbers, where);
    const count = typeof numbers === "number" ? numbers : sizeOf(numbers);
    this.budget?.spend("growth", growth ?? count, where);
    this.budget?.spend("work", count, where);
  }

  input(name: string, type: TensorType, lead: Lead = "sample"): Value {
    const value: Value = { name, shape: [...type.shape], type: type.type, lead };
    this.inputs.push(value);
    return value;
  }

  constant(shape: readonly number[], data: ConstantData | readonly number[], type: ElementType = "float", onnxType?: number): Value {
    return constant(this.scope || "constant", shape, data, type, onnxType);
  }

  add(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value {
    return this.addAll(op, inputs, attributes)[0]!;
  }

  addAll(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): readonly Value[] {
    const definition = opNamed(op);
    let types: readonly TensorType[];
    try {
      types = definition.infer(inputs, attributes);
    } catch (error) {
      if (error instanceof ShapeError) throw new ShapeError(`${this.where(op)}: ${error.message}`);
      throw error;
    }
    for (const { shape } of types) checkShape(shape, this.where(op));
    if (attributes["perSample"] === true) return this.push(op, inputs, types, attributes, "sample");
    const lead = widestLead(inputs);
    if (lead === "shared" && definition.fold) {
      return folded(op, inputs, attributes, () => {
        if (inputs.some((input) => isUnknown(input?.data))) return types.map((type) => this.unknown(op, type));
        const read = sum(inputs);
        const made = sum(types);
        this.spend(read + made, Math.max(0, made - read));
        const data = definition.fold!(inputs, attributes, types);
        // What an op of the file computes wraps around in its element type; importers compute in wide integers.
        const onnxType = this.source === op ? integerType(inputs) : undefined;
        return types.map((type, i) => {
          const exact = exactly(op, inputs, attributes, type, data[i]!, onnxType);
          return constant(`${this.scope || op}:${i}`, type.shape, exact, type.type, type.type === "int" ? onnxType : undefined);
        });
      });
    }
    if (lead === "shared" && inputs[0]) {
      // A node of constants without a fold rule is computed on the GPU, once per sample (rare, and never wrong): kernels
      // expect their first input in as many copies as their output.
      const [first, ...rest] = inputs;
      const copies = this.add("Expand", [first], { shape: [...first.shape], perSample: true });
      return this.addAll(op, [copies, ...rest], attributes);
    }
    return this.push(op, inputs, types, attributes, lead);
  }

  /** Throws OnnxFormatError for integers, which may be shapes. */
  private unknown(op: string, { shape, type }: TensorType): Value {
    if (type === "int") throw new OnnxFormatError(`${this.where(op)}: computes integers from a file that is not given`);
    return constant(this.scope || op, shape, unknownNumbers(sizeOf(shape)), type);
  }

  private push(
    op: string,
    inputs: readonly (Value | undefined)[],
    types: readonly TensorType[],
    attributes: Attributes,
    lead: Lead,
  ): readonly Value[] {
    this.budget?.spend("nodes", 1, this.where(op));
    const name = this.uniqueName(op);
    const outputs = types.map((type, i) => ({
      name: types.length === 1 ? name : `${name}:${i}`,
      shape: [...type.shape],
      type: type.type,
      lead,
    }));
    this.nodes.push({ op, name, inputs: [...inputs], outputs, attributes });
    return outputs;
  }

  /** Adds an existing node with other inputs, keeping its name. Returns its new outputs. */
  copy(node: Node, inputs: readonly (Value | undefined)[], attributes: Attributes = node.attributes): readonly Value[] {
    const scope = this.scope;
    this.scope = node.name;
    try {
      return this.addAll(node.op, inputs, attributes);
    } finally {
      this.scope = scope;
    }
  }

  build(outputs: readonly Value[]): Graph {
    if (outputs.length === 0) throw new NudgeError(`graph ${this.name} has no outputs`);
    return { name: this.name, inputs: this.inputs, outputs, nodes: this.nodes };
  }
}

/**
 * What ops made of constants, by the first of these: a weight that a network uses a hundred times is transposed once, and lies on
 * the GPU once. Entries go with their constants.
 */
const folds = new WeakMap<Value, Map<string, readonly Value[]>>();
const identities = new WeakMap<Value, number>();
let identified = 0;

function identityOf(value: Value | undefined): number {
  if (!value) return 0;
  const known = identities.get(value) ?? ++identified;
  identities.set(value, known);
  return known;
}

/** Constants of so few numbers count by their numbers. */
const FEW = 4;

function keyOf(value: Value | undefined): string {
  const { data, shape, type } = value ?? {};
  return data && data.length <= FEW && !isUnknown(data)
    ? `${type}[${shape}](${[...data].map((n) => (Object.is(n, -0) ? "-0" : n)).join()})`
    : `#${identityOf(value)}`;
}

function folded(
  op: string,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
  evaluate: () => readonly Value[],
): readonly Value[] {
  const largest = inputs.reduce((a, b) => ((b?.data?.length ?? 0) > (a?.data?.length ?? 0) ? b : a), inputs[0]);
  if (!largest || largest.data!.length <= FEW) return evaluate();
  const known = folds.get(largest) ?? new Map<string, readonly Value[]>();
  folds.set(largest, known);
  const key = `${op} ${inputs.map(keyOf).join(" ")} ${Object.entries(attributes)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(";")}`;
  const made = known.get(key) ?? evaluate();
  known.set(key, made);
  return made;
}

const sum = (types: readonly ({ readonly shape: readonly number[] } | undefined)[]): number =>
  types.reduce((total, type) => total + (type ? sizeOf(type.shape) : 0), 0);

/** Throws ShapeError for a shape that is none, and LimitError for one that no adapter could hold. `where` names what has it. */
export function checkShape(shape: readonly number[], where: string): void {
  if (shape.length > MAX_RANK) throw new LimitError("axes of a tensor", shape.length, MAX_RANK, where);
  if (shape.some((extent) => !Number.isInteger(extent) || extent < 0))
    throw new ShapeError(`${where}: makes the impossible shape [${shape}]`);
  const elements = sizeOf(shape);
  if (elements > MAX_ELEMENTS) throw new LimitError("elements of one tensor", elements, MAX_ELEMENTS, where);
}

/**
 * Rebuilds a graph, letting `visit` replace nodes. `visit` gets each node with its inputs already rewritten, and returns
 * the values that stand for its outputs, or undefined to keep it. `current` gives what stands for any value so far.
 */
export function rewrite(
  graph: Graph,
  visit: (
    node: Node,
    inputs: readonly (Value | undefined)[],
    builder: GraphBuilder,
    current: (value: Value) => Value,
  ) => readonly Value[] | undefined,
): { graph: Graph; replaced: ReadonlyMap<Value, Value> } {
  const builder = new GraphBuilder(graph.name);
  builder.inputs.push(...graph.inputs);
  const replaced = new Map<Value, Value>();
  const current = (value: Value) => replaced.get(value) ?? value;
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((value) => value && current(value));
    builder.scope = node.name;
    const outputs = visit(node, inputs, builder, current) ?? builder.copy(node, inputs);
    node.outputs.forEach((output, i) => {
      if (outputs[i]) replaced.set(output, outputs[i]);
    });
  }
  return { graph: builder.build(graph.outputs.map(current)), replaced };
}
