/** The programs of a model: a graph's plan at a capacity, compiled when first needed and kept. They share the model's weights. */
import { DisposedError, LimitError, unlessAborted } from "./errors.ts";
import type { GpuContext } from "./gpu/context.ts";
import type { Graph } from "./graph/graph.ts";
import type { WeightStorage } from "./plan/launch.ts";
import { planGraph } from "./plan/plan.ts";
import type { Plan } from "./plan/plan.ts";
import { Program } from "./plan/program.ts";
import type { CompileProgress } from "./plan/program.ts";
import { WeightStore } from "./plan/weights.ts";
import type { TuningTable } from "./tuning.ts";

export interface ProgramSettings {
  /** The model's, for labels and messages. */
  readonly name: string;
  readonly maxBatch: number;
  readonly workingBytes: number;
  readonly weights: WeightStorage;
}

/** Programs of a model that are kept; those used longest ago go first. */
const MOST_PROGRAMS = 24;

interface Entry {
  readonly building: Promise<Program>;
  /** What it resolved to. */
  program?: Program;
}

interface GetOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: CompileProgress | undefined;
}

export class Programs {
  private readonly weights: WeightStore;
  /** The one used last comes last. */
  private readonly made = new Map<string, Entry>();
  private disposed = false;

  /** `choices`: kernel variants as they were measured, for the programs; a plan that is asked for goes without. */
  constructor(
    private readonly gpu: GpuContext,
    private readonly settings: ProgramSettings,
    private readonly choices: TuningTable["choices"] | undefined,
  ) {
    this.weights = new WeightStore(gpu, settings.name);
  }

  /**
   * The program for a graph at the smallest power-of-two capacity that holds `samples`, or the largest that fits. `key` names
   * the graph: it is the same object, or an equal one, whenever the key is the same. Give it back by release(). Throws what
   * compiling throws, and the signal's reason.
   */
  async get(graph: Graph, samples: number, rows: number, key: string, options: GetOptions = {}): Promise<Program> {
    this.check();
    const { signal } = options;
    const wanted = this.capacityFor(samples);
    const id = `${key}@${wanted}x${rows}`;
    const entry = this.made.get(id) ?? this.start(id, this.build(graph, wanted, rows, options.onProgress));
    this.touch(id, entry);
    const program = await unlessAborted(entry.building, signal);
    program.users++;
    this.dropOld();
    return program;
  }

  /** As get(), for a program that is there already. */
  ready(samples: number, rows: number, key: string): Program | undefined {
    this.check();
    const id = `${key}@${this.capacityFor(samples)}x${rows}`;
    const entry = this.made.get(id);
    if (!entry?.program) return undefined;
    this.touch(id, entry);
    entry.program.users++;
    return entry.program;
  }

  release(program: Program): void {
    program.users--;
  }

  private start(id: string, building: Promise<Program>): Entry {
    const entry: Entry = { building };
    building.then(
      (program) => (entry.program = program),
      () => this.made.delete(id),
    );
    return entry;
  }

  private touch(id: string, entry: Entry): void {
    this.made.delete(id);
    this.made.set(id, entry);
  }

  private dropOld(): void {
    for (const [id, { program }] of this.made) {
      if (this.made.size <= MOST_PROGRAMS) return;
      if (!program || program.users > 0) continue;
      this.made.delete(id);
      program.dispose();
    }
  }

  /** The plan of a program with the variants that planners take by themselves. */
  planOf(graph: Graph, samples: number, rows: number): Plan {
    this.check();
    return this.plan(graph, this.capacityFor(samples), rows);
  }

  private capacityFor(samples: number): number {
    return Math.min(2 ** Math.ceil(Math.log2(Math.max(1, samples))), this.settings.maxBatch);
  }

  private async build(graph: Graph, wanted: number, rows: number, onProgress?: CompileProgress): Promise<Program> {
    const plan = this.plan(graph, wanted, rows, this.choices);
    return Program.compile(plan, this.gpu, this.weights, this.settings.name, onProgress);
  }

  /** Plans a graph at the wanted capacity, or at the largest below it that limits and the budget of memory allow. */
  private plan(graph: Graph, wanted: number, rows: number, choices?: TuningTable["choices"]): Plan {
    for (let capacity = wanted; ; capacity = Math.ceil(capacity / 2)) {
      try {
        const plan = planGraph({
          graph,
          capacity,
          rows,
          adapter: this.gpu.facts,
          limits: this.gpu.device.limits,
          weights: this.settings.weights,
          ...(choices && { choices }),
        });
        if (plan.workingBytes <= this.settings.workingBytes || capacity === 1) return plan;
      } catch (error) {
        if (!(error instanceof LimitError) || capacity === 1) throw error;
      }
    }
  }

  /** Throws DisposedError, or what went wrong on the device. */
  check(): void {
    if (this.disposed) throw new DisposedError(`model ${this.settings.name} was disposed`);
    this.gpu.check();
  }

  /** Frees programs and weights. Idempotent. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.weights.dispose();
    for (const { building } of this.made.values()) {
      building.then(
        (program) => program.dispose(),
        () => undefined,
      );
    }
    this.made.clear();
  }
}
