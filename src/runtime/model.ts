/** A loaded network: its inputs and outputs, its derivatives' graphs, and the calls that run them. */
import type { NdArray } from "../data/ndarray.ts";
import { describeGraph } from "./describe.ts";
import type { ModelDescription } from "./describe.ts";
import { derivativeFields, forwardFields, jacobianFields, runFields } from "../options/run.ts";
import { checkField, checkOptions, object } from "../options/fields.ts";
import { ArgumentError, DisposedError, LimitError, throwIfAborted, unlessAborted } from "./errors.ts";
import type { GpuContext } from "./gpu/context.ts";
import { Work } from "./gpu/work.ts";
import { jvpGraph, vjpGraph } from "./graph/differentiate.ts";
import type { DerivativeGraph } from "./graph/differentiate.ts";
import { sizeOf, withoutDeadNodes } from "./graph/graph.ts";
import type { Graph, Node, Value } from "./graph/graph.ts";
import { withPreprocessing } from "./graph/preprocess.ts";
import type { PixelTransform } from "./graph/preprocess.ts";
import { fuseEpilogues } from "./graph/passes/fuse-epilogues.ts";
import { maskBeforePool } from "./graph/passes/mask-before-pool.ts";
import { attach } from "./graph/head.ts";
import type { AttachPoint } from "./graph/head.ts";
import { chooseRows, computeRows } from "./jacobian.ts";
import type { JacobianRows } from "./jacobian.ts";
import type { ModelIdentity } from "./identity.ts";
import type { ImportedModel } from "./onnx/import.ts";
import type { Plan } from "./plan/plan.ts";
import type { CompileProgress, Program } from "./plan/program.ts";
import { Programs } from "./programs.ts";
import type { ProgramSettings } from "./programs.ts";
import { createTensor, Feeds, runInTurns, sampleShape } from "./run.ts";
import type { Tensor } from "./tensor.ts";
import { rareParts } from "./rare-parts.ts";
import type { NodeProgram } from "./rare/node-program.ts";
import type { TuningStatus, TuningTable } from "./tuning.ts";

/** An input or output of a model: its name and the shape of one sample, without the batch axis. */
export interface ModelPort {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface Progress {
  readonly phase: "compile" | "run";
  readonly done: number;
  readonly total: number;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface ForwardOptions extends RunOptions {
  /**
   * "finite": after the call, every value of the network is computed once more and looked at on the host, which is slow. Throws
   * NonFiniteError, which names the first node that gives a NaN or an infinity.
   */
  readonly check?: "finite";
}

export interface DerivativeOptions extends RunOptions {
  /** Name of the output to differentiate; default the first. "logits" are the scores that attacks attach to. */
  readonly output?: string;
  /** Name of the input to differentiate by; default the first. */
  readonly input?: string;
  /** The other inputs of a network with several, by name, each [N, ...]. */
  readonly inputs?: Readonly<Record<string, NdArray | Tensor>>;
}

export interface JacobianOptions extends DerivativeOptions {
  readonly rows: JacobianRows;
}

export interface ModelSettings extends ProgramSettings {
  readonly preprocessing: PixelTransform | undefined;
  readonly tuning: TuningTable | undefined;
  readonly tuningStatus: TuningStatus | undefined;
}

/** @internal A call that a tuner asks about: what runs, on how many samples, with how many rows a sample. */
export interface PlannedCall {
  readonly kind: "run" | "vjp" | "jvp";
  readonly samples: number;
  readonly rows: number;
  readonly output?: "logits";
}

/** Rows of the Jacobian that are computed at once: enough to fill a tile, few enough to bound memory. */
const ROWS_AT_ONCE = 16;
const BYTES = 4;

export class Model {
  readonly inputs: readonly ModelPort[];
  readonly outputs: readonly ModelPort[];
  /**
   * What attacks attach to: the input of a final Softmax, LogSoftmax or Sigmoid, also where Clip, Reshape and the like follow; else
   * the first output. Of a network with one output, its two classes.
   */
  readonly logits: ModelPort;
  /** Where in the network that is. */
  readonly attachedTo: AttachPoint;
  /** Whether the table given with the option `tuning` is used, and why not; undefined where none was given. */
  readonly tuning: TuningStatus | undefined;
  private readonly logitsValue: Value;
  /** With the nodes that make two classes of one output. */
  private readonly extended: Graph;
  private whole: Graph | undefined;
  private programs: Programs;
  private readonly derivatives = new Map<string, DerivativeGraph & { readonly key: string }>();
  private readonly kept = new Map<string, { readonly key: string; readonly value: { dispose(): void } }>();
  private turn: Promise<void> = Promise.resolve();
  /** Calls under way: memory goes when the last one ends. */
  private active = 0;
  private disposed = false;

  /** @internal Models are made by Engine.load. `onDispose` lets the engine forget the model. */
  constructor(
    private gpu: GpuContext,
    private readonly imported: ImportedModel,
    private readonly graph: Graph,
    private readonly settings: ModelSettings,
    private readonly onDispose: (model: Model) => void,
  ) {
    this.tuning = settings.tuningStatus;
    this.programs = this.newPrograms();
    this.inputs = graph.inputs.map((value) => ({ name: value.name, shape: sampleShape(value) }));
    this.outputs = graph.outputs.map((value, i) => ({ name: imported.outputNames[i]!, shape: sampleShape(value) }));
    const { logits, graph: extended, attachedTo } = attach(graph);
    this.logitsValue = logits;
    this.extended = extended;
    this.attachedTo = attachedTo;
    this.logits = { name: logits === graph.outputs[0] ? this.outputs[0]!.name : "logits", shape: sampleShape(logits) };
  }

  private newPrograms(): Programs {
    return new Programs(this.gpu, this.settings, this.tuning?.used ? this.settings.tuning!.choices : undefined);
  }

  /** @internal Goes on on another device: programs and weights are made anew from the host's copy when they are needed. */
  moveTo(gpu: GpuContext): void {
    this.free();
    this.gpu = gpu;
    this.programs = this.newPrograms();
  }

  get name(): string {
    return this.settings.name;
  }

  /** Ops, parameters and how they are stored, multiply-adds, memory and launches of this model. */
  describe(): ModelDescription {
    return describeGraph(this.imported, this.graph, { adapter: this.gpu.facts, weights: this.settings.weights });
  }

  /** @internal What the numbers of this model follow from, on one adapter: for checkpoints. */
  async identity(): Promise<ModelIdentity> {
    return (await rareParts()).identityOf(this.graph, this.settings, this.tuning?.used ?? false);
  }

  /** @internal The context algorithms run their own kernels in. */
  get context(): GpuContext {
    this.programs.check();
    return this.gpu;
  }

  /** Throws DisposedError and DeviceLostError; counts the call as long as it lasts, so that dispose() waits for it. */
  private async during<T>(call: () => Promise<T>): Promise<T> {
    this.check();
    this.active++;
    try {
      return await call();
    } finally {
      this.active--;
      if (this.disposed && this.active === 0) this.free();
    }
  }

  private check(): void {
    if (this.disposed) throw new DisposedError(`model ${this.name} was disposed`);
    this.gpu.check();
  }

  /**
   * Runs the network on N samples, x [N, ...input]. Returns the first output, [N, ...output], on the GPU. As with every call, x is
   * taken when the call is made: the caller may write over it at once.
   */
  async forward(x: NdArray | Tensor, options: ForwardOptions = {}): Promise<Tensor> {
    checkOptions<ForwardOptions>("forward", forwardFields, options);
    const [input] = this.graph.inputs;
    if (this.graph.inputs.length > 1) throw new ArgumentError(`${this.name} has ${this.graph.inputs.length} inputs; use run()`);
    const arrays = new Map([[input!, x]]);
    const [output] = await this.execute(this.graph, arrays, [this.graph.outputs[0]!], options);
    return output!;
  }

  /** The logits of N samples, [N, ...logits]. */
  async logitsOf(x: NdArray | Tensor, options: RunOptions = {}): Promise<Tensor> {
    checkOptions<RunOptions>("logitsOf", runFields, options);
    return this.scores(x, { ...options, output: "logits" });
  }

  private async scores(x: NdArray | Tensor, options: DerivativeOptions): Promise<Tensor> {
    const output = this.outputOf(options);
    const graph = withoutDeadNodes({ ...this.extended, outputs: [output] });
    const [tensor] = await this.execute(graph, this.arrays(x, options), [output], options, `scores:${output.name}`);
    return tensor!;
  }

  /** Runs the network on N samples by named inputs, each [N, ...]. Returns every output by name, on the host. */
  async run(feeds: Readonly<Record<string, NdArray>>, options: ForwardOptions = {}): Promise<Record<string, NdArray>> {
    checkOptions<ForwardOptions>("run", forwardFields, options);
    checkField("run", "feeds", object, feeds);
    const given = new Map<Value, NdArray>();
    for (const [name, array] of Object.entries(feeds)) given.set(this.find(this.graph.inputs, this.inputs, name, "input"), array);
    const tensors = await this.execute(this.graph, given, this.graph.outputs, options);
    try {
      const arrays = await Promise.all(tensors.map((tensor) => tensor.read()));
      return Object.fromEntries(arrays.map((array, i) => [this.outputs[i]!.name, array]));
    } finally {
      for (const tensor of tensors) tensor.dispose();
    }
  }

  /** Cotangent of the input, given that of an output: x [N, ...input], cotangent [N, ...output] → [N, ...input]. */
  async vjp(x: NdArray | Tensor, cotangent: NdArray | Tensor, options: DerivativeOptions = {}): Promise<Tensor> {
    return this.directional("vjp", x, cotangent, options);
  }

  /** Tangent of an output, given that of the input: x, tangent [N, ...input] → [N, ...output]. */
  async jvp(x: NdArray | Tensor, tangent: NdArray | Tensor, options: DerivativeOptions = {}): Promise<Tensor> {
    return this.directional("jvp", x, tangent, options);
  }

  private async directional(
    kind: "vjp" | "jvp",
    x: NdArray | Tensor,
    direction: NdArray | Tensor,
    options: DerivativeOptions,
  ): Promise<Tensor> {
    checkOptions<DerivativeOptions>(kind, derivativeFields, options);
    const { graph, seed, result, key } = this.derivative(kind, options);
    const feeds = this.arrays(x, options).set(seed, direction);
    const [tensor] = await this.execute(graph, feeds, [result], options, key);
    return tensor!;
  }

  /** Rows of the Jacobian: x [N, ...input] → [N, R, ...input] on the GPU. One forward pass serves up to 16 rows. */
  async jacobian(x: NdArray | Tensor, options: JacobianOptions): Promise<Tensor> {
    return this.during(async () => {
      checkOptions<JacobianOptions>("jacobian", jacobianFields, options);
      const { signal } = options ?? {};
      throwIfAborted(signal);
      const [input, output] = [this.inputOf(options ?? {}), this.outputOf(options ?? {})];
      const choice = chooseRows(options?.rows, sizeOf(output.shape), this.name);
      const { gpu, programs } = this;
      const derivative = this.derivative("vjp", options);
      const missing = derivative.graph.inputs.find((other) => other !== input && other !== derivative.seed);
      if (missing) throw new ArgumentError(`input "${missing.name}" of ${this.name} is not given; a Jacobian takes one input`);
      const feeds = new Feeds(gpu, this.name, this.arrays(x, options));
      // Other work may use the program first.
      feeds.keep();
      const n = feeds.samples;
      const work = new Work(gpu, feeds.inputs);
      let program: Program | undefined;
      let jacobian: Tensor | undefined;
      try {
        checkSize(gpu, `${this.name} jacobian`, n * choice.count * sizeOf(input.shape) * BYTES);
        const chunk = Math.min(choice.count, ROWS_AT_ONCE);
        const found = await programs.get(derivative.graph, n, chunk, `jacobian:${derivative.key}`, {
          signal,
          onProgress: compiling(options),
        });
        program = found;
        const { capacity } = found.plan;
        const made = createTensor(work, this.name, [n, choice.count, ...sampleShape(input)], "jacobian");
        jacobian = made;
        const sampleBytes = choice.count * sizeOf(input.shape) * BYTES;
        // The largest outputs are read in between, and another call must not use the program's buffers meanwhile.
        await this.exclusively(async () => {
          for (let first = 0; first < n; first += capacity) {
            if (first > 0) await gpu.idle();
            throwIfAborted(signal);
            const samples = Math.min(capacity, n - first);
            feeds.into(work, found, first, samples);
            await computeRows({
              work,
              label: `${this.name} jacobian`,
              program: found,
              derivative,
              output: derivative.graph.outputs[0]!,
              choice,
              samples,
              target: made.buffer,
              offset: first * sampleBytes,
              signal,
            });
          }
        }, signal);
        return made;
      } catch (error) {
        jacobian?.dispose();
        throw error;
      } finally {
        feeds.release();
        if (program) programs.release(program);
      }
    });
  }

  /**
   * @internal A program for up to `samples` samples whose graph runs the forward pass to the logits and the adjoint back to
   * the input with R rows. Algorithms encode its two parts themselves.
   */
  async attackProgram(
    samples: number,
    rows: number,
    options: RunOptions = {},
  ): Promise<{ program: Program; derivative: DerivativeGraph; input: Value; release: () => void }> {
    this.check();
    const { programs } = this;
    const derivative = this.derivative("vjp", { output: "logits" });
    const { signal } = options;
    const program = await programs.get(derivative.graph, samples, rows, "attack", { signal, onProgress: compiling(options) });
    return { program, derivative, input: this.graph.inputs[0]!, release: () => programs.release(program) };
  }

  /** @internal The plan of a call with the variants that planners take by themselves, at the capacity that the call would run at. */
  planOf({ kind, samples, rows, output }: PlannedCall): Plan {
    const graph = kind === "run" ? this.graph : this.derivative(kind, output ? { output } : {}).graph;
    return this.programs.planOf(graph, samples, rows);
  }

  /** @internal One node of a plan as a program by itself, with variants by `choices`. */
  async nodeProgram(plan: Plan, node: Node, choices: TuningTable["choices"]): Promise<NodeProgram> {
    return (await rareParts()).nodeProgram(plan, node, choices, this.context);
  }

  /** @internal A tuning table for this adapter and these kernels, without choices. */
  async emptyTuning(): Promise<TuningTable> {
    return (await rareParts()).emptyTable(this.gpu.adapter);
  }

  /**
   * @internal What an algorithm keeps with the model from one call to the next, by a name of its own. Made anew, and what was kept
   * disposed of, when the key differs; disposed of with the model. Call it within exclusively().
   */
  async keep<T extends { dispose(): void }>(name: string, key: string, make: () => Promise<T>): Promise<T> {
    const known = this.kept.get(name);
    if (known?.key === key) return known.value as T;
    known?.value.dispose();
    this.kept.delete(name);
    const value = await make();
    this.kept.set(name, { key, value });
    return value;
  }

  /** @internal Runs work that uses a program's buffers across awaits; such work queues. An abort is heard in the queue, too. */
  async exclusively<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.turn;
    const mine = this.during(async () => {
      await unlessAborted(before, signal);
      this.check();
      return work();
    });
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.turn = before.then(() => settled);
    return mine;
  }

  private find(values: readonly Value[], ports: readonly ModelPort[], name: string | undefined, kind: string): Value {
    const index = name === undefined ? 0 : ports.findIndex((port) => port.name === name);
    if (index < 0)
      throw new ArgumentError(`${this.name} has no ${kind} "${name}"; it has ${ports.map((port) => `"${port.name}"`).join(", ")}`);
    return values[index]!;
  }

  /** The input that is differentiated by, and the others as options.inputs gives them. */
  private arrays(x: NdArray | Tensor, options: DerivativeOptions): Map<Value, NdArray | Tensor> {
    const others = Object.entries(options.inputs ?? {}).map(
      ([name, array]) => [this.find(this.graph.inputs, this.inputs, name, "input"), array] as const,
    );
    return new Map([...others, [this.inputOf(options), x]]);
  }

  private inputOf(options: DerivativeOptions): Value {
    return this.find(this.graph.inputs, this.inputs, options.input, "input");
  }

  private outputOf(options: DerivativeOptions): Value {
    if (options.output === "logits" && !this.outputs.some(({ name }) => name === "logits")) return this.logitsValue;
    return this.find(this.graph.outputs, this.outputs, options.output, "output");
  }

  /** The adjoint or tangent graph, made once; its graph.outputs are [output, result]. */
  private derivative(kind: "vjp" | "jvp", options: DerivativeOptions): DerivativeGraph & { readonly key: string } {
    const [input, output] = [this.inputOf(options), this.outputOf(options)];
    const key = `${kind}:${this.graph.inputs.indexOf(input)}:${this.graph.outputs.indexOf(output)}`;
    const known = this.derivatives.get(key);
    if (known) return known;
    const forward = withoutDeadNodes({ ...this.extended, outputs: [output] });
    const raw = kind === "vjp" ? vjpGraph(forward, output, input) : jvpGraph(forward, output, input);
    const { graph } = fuseEpilogues(maskBeforePool(raw.graph));
    const made = { ...raw, graph, result: graph.outputs[1]!, key };
    this.derivatives.set(key, made);
    return made;
  }

  /** Runs a graph on N samples and returns the wanted outputs as tensors. `key` names the graph among the model's. */
  private async execute(
    graph: Graph,
    arrays: ReadonlyMap<Value, NdArray | Tensor>,
    wanted: readonly Value[],
    options: ForwardOptions,
    key = "run",
  ): Promise<Tensor[]> {
    return this.during(async () => {
      const { signal, onProgress, check } = options;
      throwIfAborted(signal);
      const missing = graph.inputs.find((input) => !arrays.has(input));
      if (missing) throw new ArgumentError(`input "${missing.name}" of ${this.name} is not given`);
      const { gpu, programs } = this;
      const feeds = new Feeds(gpu, this.name, arrays);
      const total = feeds.samples;
      let program: Program | undefined;
      try {
        for (const value of wanted) checkSize(gpu, `${this.name} ${value.name}`, total * sizeOf(value.shape) * BYTES);
        program = programs.ready(total, 1, key);
        // Host arrays are read before this call returns its promise, or copied.
        if (!program || check) feeds.keep();
        program ??= await programs.get(graph, total, 1, key, { signal, onProgress: compiling(options) });
        if (check) await this.checkFinite(feeds, signal);
        return await runInTurns({
          gpu,
          model: this.name,
          program,
          feeds,
          wanted,
          signal,
          onProgress: (done) => onProgress?.({ phase: "run", done, total }),
        });
      } finally {
        feeds.release();
        if (program) programs.release(program);
      }
    });
  }

  /** Throws NonFiniteError for the first node with a NaN or an infinity. Hidden values are read sample by sample. */
  private async checkFinite(feeds: Feeds, signal: AbortSignal | undefined): Promise<void> {
    const { gpu, programs } = this;
    const { everyValue, findNonFinite, splitLarge } = await rareParts();
    const graph = (this.whole ??= everyValue(splitLarge(this.unfused(), gpu.device.limits.maxStorageBufferBindingSize)));
    const program = await programs.get(graph, 1, 1, "finite", { signal });
    try {
      await this.exclusively(() => findNonFinite(new Work(gpu, feeds.inputs), program, graph, feeds, signal), signal);
    } finally {
      programs.release(program);
    }
  }

  /** The network before fusion: an activation inside another node could hide what that gives. */
  private unfused(): Graph {
    const { preprocessing } = this.settings;
    const { graph } = this.imported;
    return preprocessing ? withPreprocessing(graph, preprocessing) : graph;
  }

  /**
   * Frees the model's GPU memory, as soon as calls under way are done; these finish, or reject with DisposedError. Idempotent.
   */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.onDispose(this);
    if (this.active === 0) this.free();
  }

  private free(): void {
    for (const { value } of this.kept.values()) value.dispose();
    this.kept.clear();
    this.programs.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Throws LimitError where a result is larger than a buffer of the device may be, or than a kernel could be given. */
function checkSize({ device: { limits } }: GpuContext, where: string, bytes: number): void {
  for (const name of ["maxBufferSize", "maxStorageBufferBindingSize"] as const)
    if (bytes > limits[name]) throw new LimitError(name, bytes, limits[name], where);
}

function compiling({ onProgress }: RunOptions): CompileProgress {
  return (done, total) => onProgress?.({ phase: "compile", done, total });
}
