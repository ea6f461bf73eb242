/**
 * Graph → Plan: the launches of every node, and a place in memory for every value. Pure: no GPU is touched, so plans can be
 * printed, compared and tested anywhere.
 */
import { opNamed } from "../../kernels/registry.ts";
import type { AdapterFacts, LaunchRequest, Lowering } from "../../kernels/op.ts";
import type { VariantSite } from "../../kernels/variants.ts";
import { LimitError, ShapeError } from "../errors.ts";
import { sizeOf } from "../graph/graph.ts";
import type { Graph, Lead, Node, Value } from "../graph/graph.ts";
import { planArena } from "./arena.ts";
import type { ArenaPlan, Interval, Placement } from "./arena.ts";
import { fitsHalf, halves } from "./half.ts";
import type { Launch, Operand, Packed, PackedWeights, WeightStorage } from "./launch.ts";

export interface PlanLimits {
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
}

export interface PlanRequest {
  readonly graph: Graph;
  /** Samples the program can take at once. */
  readonly capacity: number;
  /** Rows per sample of row values. */
  readonly rows: number;
  readonly adapter: AdapterFacts;
  readonly limits: PlanLimits;
  /**
   * How the constant weights of convolutions and matrix products are stored; default f32. With f16, weights that leave its range
   * stay f32, all of a constant together. Whether one does depends on its numbers alone: forward and adjoint agree.
   */
  readonly weights?: WeightStorage;
  /** Forces kernel variants by name, for benchmarks and tests: one for every node, or chosen node by node. */
  readonly forcedVariant?: string | ((node: Node) => string | undefined);
  /** Variants by the signature of a node, as measured (src/tuning); one that is not legal is passed over. */
  readonly choices?: Readonly<Record<string, string>>;
}

export interface Plan extends PlanRequest {
  /** The nodes that several kernels can compute. */
  readonly sites: readonly NodeSite[];
  /** Launches that write no row value come first: the forward pass. */
  readonly launches: readonly Launch[];
  readonly forwardLaunches: number;
  /** The value whose memory a value is a name for; itself, unless a reshape made it. */
  readonly rootOf: (value: Value) => Value;
  /** Values with buffers of their own, because the host or an algorithm's kernels write or read them. */
  readonly ports: ReadonlySet<Value>;
  readonly arena: ArenaPlan;
  readonly placementOf: (root: Value) => Placement;
  /** Bytes of a value at capacity, padded to whole vec4. */
  readonly bytesOf: (value: Value) => number;
  readonly copiesOf: (lead: Lead) => number;
  /** Bytes of arena and ports; weights not included. */
  readonly workingBytes: number;
}

export interface NodeSite extends VariantSite {
  readonly node: Node;
}

const BYTES = 4;
const HALF_BYTES = 2;
const VEC4_BYTES = 16;

/** Plans a graph. Throws LimitError when a value is larger than a binding may be: plan again with a smaller capacity. */
export function planGraph(request: PlanRequest): Plan {
  const { graph, capacity, rows, limits } = request;
  const copiesOf = (lead: Lead) => (lead === "shared" ? 1 : lead === "sample" ? capacity : capacity * rows);
  const bytesOf = (value: Value) => Math.ceil((copiesOf(value.lead) * sizeOf(value.shape) * BYTES) / VEC4_BYTES) * VEC4_BYTES;
  const aliases = new Map<Value, Value>();
  const rootOf = (value: Value): Value => {
    let root = value;
    for (let next = aliases.get(root); next; next = aliases.get(root)) root = next;
    return root;
  };

  const reads = countReads(graph);
  const inGraphOrder: Launch[] = [];
  const sites: NodeSite[] = [];
  for (const node of graph.nodes) lower(node, loweringOf(node, request, copiesOf, reads, inGraphOrder, sites, aliases));
  // A derivative rule may need forward values of its own (a transposed operand, a quotient). They belong to the forward pass:
  // its launches run on all samples, those that follow perhaps on fewer, and perhaps several times.
  const ofRows = ({ grid }: Launch) => grid.lead === "row";
  const launches = [...inGraphOrder.filter((launch) => !ofRows(launch)), ...inGraphOrder.filter(ofRows)];
  const forwardLaunches = launches.length - inGraphOrder.filter(ofRows).length;

  const ports = new Set([...graph.inputs, ...graph.outputs].map(rootOf));
  const intervals = lifetimes(launches, forwardLaunches, rootOf, ports, bytesOf);
  const arena = planArena([...intervals.values()], limits.maxBufferSize);
  const ids = new Map([...intervals.entries()].map(([value, { id }]) => [value, id]));
  const plan: Plan = {
    ...request,
    sites,
    launches,
    forwardLaunches,
    rootOf,
    ports,
    arena,
    placementOf: (root) => arena.placements.get(ids.get(root)!)!,
    bytesOf,
    copiesOf,
    workingBytes: arena.buffers.reduce((a, b) => a + b, 0) + [...ports].reduce((sum, value) => sum + bytesOf(value), 0),
  };
  checkLimits(plan);
  return plan;
}

/** Kernels have bounds of their own (the axes they address): what they say gets the node's name. */
function lower(node: Node, lowering: Lowering): void {
  try {
    opNamed(node.op).lower(lowering);
  } catch (error) {
    if (error instanceof ShapeError) throw new ShapeError(`node "${node.name}" (${node.op}): ${error.message}`);
    throw error;
  }
}

function countReads(graph: Graph): ReadonlySet<Value> {
  const reads = new Set<Value>(graph.outputs);
  for (const node of graph.nodes) for (const input of node.inputs) if (input) reads.add(input);
  return reads;
}

function loweringOf(
  node: Node,
  request: PlanRequest,
  copiesOf: (lead: Lead) => number,
  reads: ReadonlySet<Value>,
  launches: Launch[],
  sites: NodeSite[],
  aliases: Map<Value, Value>,
): Lowering {
  const { forcedVariant, choices } = request;
  const forced = typeof forcedVariant === "function" ? forcedVariant(node) : forcedVariant;
  const scratch = (like: Value, shape: readonly number[]): Value => ({
    name: `${node.name}/scratch`,
    shape: [...shape],
    type: "float",
    lead: like.lead,
  });
  const storageOf = (weights: Value): WeightStorage => (request.weights === "f16" && fitsHalf(weights.data!) ? "f16" : "f32");
  return {
    node,
    adapter: request.adapter,
    rows: request.rows,
    variantFor: (site) => {
      sites.push(Object.assign(site, { node })); // Not a copy, which would ask for all that a site finds when asked.
      if (forced !== undefined) return forced;
      const choice = choices && choices[site.signature];
      return choice !== undefined && site.legal.includes(choice) ? choice : site.usual;
    },
    copies: (value) => copiesOf(value.lead),
    leadOf: (operand, output) => (operand.lead === "shared" ? 0 : operand.lead === output.lead ? 1 : 2),
    isRead: (value) => reads.has(value),
    boundOutput: (value) => (reads.has(value) ? value : scratch({ ...value, lead: "shared" }, [1])),
    launch: ({ macs = 0, ...rest }: LaunchRequest) => launches.push({ node: node.name, macs, ...rest }),
    alias: (output, input) => aliases.set(output, input),
    pack: (source, key, elements, make): Packed => ({
      packed: true,
      key,
      source,
      bytes: elements * BYTES,
      make: () => make(source.data!),
    }),
    storageOf,
    packWeights: (source, key, elements, make): PackedWeights =>
      storageOf(source) === "f16"
        ? {
            packed: true,
            storage: "f16",
            key: `${key}-f16`,
            source,
            bytes: elements * HALF_BYTES,
            make: () => halves(make(source.data!)),
          }
        : { packed: true, storage: "f32", key, source, bytes: elements * BYTES, make: () => make(source.data!) },
    scratch,
  };
}

export function isPacked(operand: Operand): operand is Packed | PackedWeights {
  return typeof operand === "object" && "packed" in operand;
}

/** An operand that lives in the arena or in a port, as opposed to constants and specials. */
export function isComputed(operand: Operand): operand is Value {
  return typeof operand === "object" && !isPacked(operand) && operand.data === undefined;
}

/** Values of the forward pass that the rest reads stay to the end, because the rest may run again without it. */
function lifetimes(
  launches: readonly Launch[],
  forwardLaunches: number,
  rootOf: (value: Value) => Value,
  ports: ReadonlySet<Value>,
  bytesOf: (value: Value) => number,
): Map<Value, Interval> {
  interface Growing {
    id: number;
    bytes: number;
    start: number;
    end: number;
    conflicts: Set<number>;
  }
  const intervals = new Map<Value, Growing>();
  launches.forEach((launch, at) => {
    const touched = { read: [] as Growing[], write: [] as Growing[] };
    for (const { name, kind } of launch.kernel.bindings) {
      const operand = launch.bindings[name];
      if (operand === undefined || kind === "uniform" || !isComputed(operand)) continue;
      const root = rootOf(operand);
      if (ports.has(root)) continue;
      const interval = intervals.get(root) ?? { id: intervals.size, bytes: bytesOf(root), start: at, end: at, conflicts: new Set() };
      interval.end = at >= forwardLaunches && interval.start < forwardLaunches ? launches.length - 1 : at;
      intervals.set(root, interval);
      touched[kind].push(interval);
    }
    for (const reader of touched.read) {
      for (const writer of touched.write) {
        reader.conflicts.add(writer.id);
        writer.conflicts.add(reader.id);
      }
    }
  });
  return intervals;
}

function checkLimits({ launches, limits, bytesOf, rootOf }: Plan): void {
  for (const launch of launches) {
    for (const operand of Object.values(launch.bindings)) {
      if (typeof operand === "string") continue;
      const bytes = isPacked(operand) ? operand.bytes : bytesOf(rootOf(operand));
      if (bytes > limits.maxStorageBufferBindingSize) {
        throw new LimitError(
          "maxStorageBufferBindingSize",
          bytes,
          limits.maxStorageBufferBindingSize,
          `node "${launch.node}" (${launch.kernel.name})`,
        );
      }
    }
  }
}
