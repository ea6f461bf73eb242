/** One node, by one variant, with buffers of its own and something in them: what is timed, and compared for its numbers. */
import type { GpuContext } from "../runtime/gpu/context.ts";
import { Work } from "../runtime/gpu/work.ts";
import type { Value } from "../runtime/graph/graph.ts";
import type { Model } from "../runtime/model.ts";
import type { NodeSite, Plan } from "../runtime/plan/plan.ts";
import type { Program } from "../runtime/plan/program.ts";
import type { Encode } from "./stopwatch.ts";

/** Elements of an input that are written at once, and of an output that are compared. */
const BLOCK = 2 ** 16;

/** Sums of thousands of products in single precision differ by far less; a wrong index by far more. */
const TOLERANCE = 1e-3;

export class Trial {
  private constructor(
    private readonly context: GpuContext,
    private readonly program: Program,
    readonly dispose: () => void,
  ) {}

  /** Compiles a site's node with a variant and fills its inputs, the same for every variant. */
  static async make(model: Model, plan: Plan, site: NodeSite, variant: string): Promise<Trial> {
    const { program, dispose } = await model.nodeProgram(plan, site.node, { [site.signature]: variant });
    try {
      for (const input of program.plan.graph.inputs) fill(model.context, program, input);
    } catch (error) {
      dispose();
      throw error;
    }
    return new Trial(model.context, program, dispose);
  }

  /** The node on as many samples as the plan's capacity. */
  readonly all: Encode = (pass) => this.program.encode(pass, this.program.plan.capacity);

  /** The node on a single sample: a first taste of a variant that may be slow enough for a driver to lose its patience. */
  readonly one: Encode = (pass) => this.program.encode(pass, 1);

  /** The first numbers of every output, once the node has run. */
  async outputs(): Promise<Float32Array[]> {
    const { plan } = this.program;
    const read = async (value: Value) =>
      new Float32Array(await new Work(this.context).read(this.program.port(value), 0, Math.min(plan.bytesOf(value), BLOCK * 4)));
    const results: Float32Array[] = [];
    for (const output of plan.graph.outputs) results.push(await read(output));
    return results;
  }
}

/** Numbers in [−½, ½) without a pattern: multiples of the golden ratio. Integers and truth values stay 0. */
function fill({ device }: GpuContext, program: Program, input: Value): void {
  if (input.type !== "float") return;
  const elements = program.plan.bytesOf(input) / 4;
  const block = Float32Array.from({ length: Math.min(elements, BLOCK) }, (_, i) => ((i * 0.6180339887498949) % 1) - 0.5);
  for (let first = 0; first < elements; first += BLOCK) {
    device.queue.writeBuffer(program.port(input), first * 4, block, 0, Math.min(BLOCK, elements - first));
  }
}

/** Whether two variants computed the same, rounding apart. */
export function agree(found: readonly Float32Array[], expected: readonly Float32Array[]): boolean {
  return expected.every((array, i) => {
    const other = found[i]!;
    const finite = array.filter(Number.isFinite);
    const bound = TOLERANCE * finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return array.every((value, j) => Object.is(value, other[j]) || Math.abs(value - other[j]!) <= bound);
  });
}
