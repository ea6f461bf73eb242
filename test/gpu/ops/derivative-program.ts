/**
 * Runs the adjoint or tangent program of a model the way Model does, with the choices of the planner in the test's hand: a
 * software adapter picks the direct kernels, a GPU the tiled ones, and both must be right wherever the tests run.
 */
import { Work } from "../../../src/runtime/gpu/work.ts";
import type { GpuContext } from "../../../src/runtime/gpu/context.ts";
import { sizeOf } from "../../../src/runtime/graph/graph.ts";
import type { Graph, Value } from "../../../src/runtime/graph/graph.ts";
import type { Plan } from "../../../src/runtime/plan/plan.ts";
import { Program } from "../../../src/runtime/plan/program.ts";
import { WeightStore } from "../../../src/runtime/plan/weights.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { sharedEngine } from "../engine.ts";
import { derivativeGraph, loadedGraph, planOf } from "./variant.ts";
import type { Variant } from "./variant.ts";

let context: Promise<GpuContext> | undefined;

/** The context of the shared engine, through the least of models. */
export function gpuContext(): Promise<GpuContext> {
  context ??= sharedEngine().then(async (engine) => {
    const identity = encodeModel({
      opset: 17,
      inputs: [{ name: "x", shape: [1, 1] }],
      nodes: [{ op: "Neg", inputs: ["x"], outputs: ["y"] }],
      constants: {},
      outputs: ["y"],
    });
    return (await engine.load(identity)).context;
  });
  return context;
}

export interface DerivativeRequest {
  readonly bytes: Uint8Array;
  readonly kind: "vjp" | "jvp";
  readonly input: string;
  /** Index of the output; default 0. */
  readonly output?: number;
  readonly samples: number;
  readonly rows: number;
  readonly variant: Variant;
}

export interface DerivativeResult {
  /** [N, ...output] */
  readonly output: Float32Array;
  /** [N, R, ...input] of a vjp, [N, R, ...output] of a jvp */
  readonly result: Float32Array;
}

export class DerivativeProgram {
  private constructor(
    private readonly context: GpuContext,
    private readonly program: Program,
    private readonly weights: WeightStore,
    private readonly graph: Graph,
  ) {}

  static async make(request: DerivativeRequest): Promise<DerivativeProgram> {
    const { bytes, kind, samples, rows, variant } = request;
    const context = await gpuContext();
    const loaded = loadedGraph(bytes);
    const input = loaded.inputs.find(({ name }) => name === request.input)!;
    const graph = derivativeGraph(loaded, kind, loaded.outputs[request.output ?? 0]!, input);
    const plan = planOf(graph, variant, samples, rows, context.facts, context.device.limits);
    const weights = new WeightStore(context, "test");
    return new DerivativeProgram(context, await Program.compile(plan, context, weights, "test"), weights, graph);
  }

  get plan(): Plan {
    return this.program.plan;
  }

  /** Names of the kernels that run, each once. */
  get kernels(): string[] {
    return [...new Set(this.plan.launches.map(({ kernel }) => kernel.name))];
  }

  /**
   * Runs on as many samples as are fed, at most those the program was made for: feeds by name, and directions [N, R, ...],
   * the cotangents or tangents.
   */
  async run(feeds: Readonly<Record<string, Float32Array>>, directions: Float32Array): Promise<DerivativeResult> {
    const samples = this.feed(feeds, directions);
    this.submit((pass) => this.program.encode(pass, samples));
    const [output, result] = this.graph.outputs as [Value, Value];
    return { output: await this.read(output, samples), result: await this.read(result, samples * this.plan.rows) };
  }

  /**
   * Runs the forward pass on all samples fed and the rest on those that `active` lists, in its order, as DeepFool does when
   * samples are finished: directions and result are [active.length, R, ...].
   */
  async runActive(
    feeds: Readonly<Record<string, Float32Array>>,
    active: readonly number[],
    directions: Float32Array,
  ): Promise<Float32Array> {
    const samples = this.feed(feeds, directions);
    this.submit((pass) => this.program.encode(pass, samples, "forward"));
    this.context.device.queue.writeBuffer(this.program.slots, 0, Uint32Array.from(active));
    this.submit((pass) => this.program.encode(pass, active.length, "backward"));
    this.context.device.queue.writeBuffer(
      this.program.slots,
      0,
      Uint32Array.from({ length: this.plan.capacity }, (_, i) => i),
    );
    return this.read(this.graph.outputs[1]!, active.length * this.plan.rows);
  }

  private feed(feeds: Readonly<Record<string, Float32Array>>, directions: Float32Array): number {
    const { queue } = this.context.device;
    const inputs = this.graph.inputs.slice(0, -1);
    const seed = this.graph.inputs.at(-1)!;
    for (const input of inputs) queue.writeBuffer(this.program.port(input), 0, feeds[input.name]! as Float32Array<ArrayBuffer>);
    queue.writeBuffer(this.program.port(seed), 0, directions as Float32Array<ArrayBuffer>);
    return feeds[inputs[0]!.name]!.length / sizeOf(inputs[0]!.shape);
  }

  private submit(encode: (pass: GPUComputePassEncoder) => void): void {
    new Work(this.context).submit("test", (encoder) => {
      const pass = encoder.beginComputePass();
      encode(pass);
      pass.end();
    });
  }

  private async read(value: Value, copies: number): Promise<Float32Array> {
    return new Float32Array(
      await new Work(this.context).read(this.program.port(value), 0, copies * sizeOf(value.shape) * Float32Array.BYTES_PER_ELEMENT),
    );
  }

  dispose(): void {
    this.program.dispose();
    this.weights.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
