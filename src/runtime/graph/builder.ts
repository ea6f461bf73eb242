/** Builds graphs node by node: infers shapes and leads, evaluates what is constant, and names what has no name. */
import { opNamed } from "../../kernels/registry.ts";
import type { Emitter, TensorType } from "../../kernels/op.ts";
import { NudgeError, ShapeError } from "../errors.ts";
import { constant, widestLead } from "./graph.ts";
import type { Attributes, ConstantData, ElementType, Graph, Lead, Node, Value } from "./graph.ts";

export class GraphBuilder implements Emitter {
  readonly inputs: Value[] = [];
  readonly nodes: Node[] = [];
  /** Prefix for the names of nodes added next: the ONNX node being imported, or the node being differentiated. */
  scope = "";
  private readonly taken = new Set<string>();

  constructor(readonly name: string) {}

  /** A name nobody has yet: the scope, then the scope with a counter. */
  private uniqueName(op: string): string {
    const base = this.scope || op;
    let name = base;
    for (let count = 2; this.taken.has(name); count++) name = `${base}#${count}`;
    this.taken.add(name);
    return name;
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
      if (error instanceof ShapeError) throw new ShapeError(`node "${this.scope || op}" (${op}): ${error.message}`);
      throw error;
    }
    if (attributes["perSample"] === true) return this.push(op, inputs, types, attributes, "sample");
    const lead = widestLead(inputs);
    if (lead === "shared" && definition.fold) {
      const data = definition.fold(inputs, attributes, types);
      return types.map((type, i) => constant(`${this.scope || op}:${i}`, type.shape, data[i]!, type.type));
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

  private push(
    op: string,
    inputs: readonly (Value | undefined)[],
    types: readonly TensorType[],
    attributes: Attributes,
    lead: Lead,
  ): readonly Value[] {
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
