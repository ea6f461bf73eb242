/**
 * Which kernel variants are fastest on this device, found by running them. Planners choose by rules that are good everywhere;
 * a tuner knows better on one adapter. What it finds is a plain table, used by loading the model again with it.
 */
// Values come from the library's own entry: the published tuner imports them from the library it is used with.
import { ArgumentError, deepfoolDefaults, LimitError, loadRareOps, ShaderCompileError } from "../index.ts";
import { checkOptions, display } from "../options/fields.ts";
import { tuneFields } from "../options/tune.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Model, PlannedCall } from "../runtime/model.ts";
import type { NodeSite, Plan } from "../runtime/plan/plan.ts";
import type { TuningTable } from "../runtime/tuning.ts";
import { duel, prepare } from "./duel.ts";
import type { Contender } from "./duel.ts";
import { Stopwatch } from "./stopwatch.ts";
import { agree, Trial } from "./trial.ts";

export interface TuneProgress {
  /** Shapes that are done, and all of them. */
  readonly done: number;
  readonly total: number;
  /** The shape that was timed last: op, facts and copies. */
  readonly signature: string;
  /** The variant that the planner takes by itself, and the one to take. */
  readonly usual: string;
  readonly chosen: string;
  /** Microseconds of one launch by variant. Variants that fail here, or compute something else, are missing. */
  readonly micros: Readonly<Record<string, number>>;
}

export interface TuneOptions {
  /** Numbers of samples to tune for, each rounded up to the capacity a call would run at; default [1, 32]. */
  readonly samples?: readonly number[];
  /** Whether to tune derivatives by the first input too: vjp, jvp, and rows of the Jacobian; default true. */
  readonly derivatives?: boolean;
  /** Rows per sample; default 1 (vjp), as many as jacobian() takes at once (up to 16), and one less than DeepFool's candidates. */
  readonly rows?: readonly number[];
  /** Milliseconds after which no further shape is timed; default 60,000. Shapes with the most work come first. */
  readonly budgetMs?: number;
  readonly onProgress?: (progress: TuneProgress) => void;
  readonly signal?: AbortSignal;
}

/** Options where none are given. */
export const tuneDefaults = { samples: [1, 32], derivatives: true, budgetMs: 60_000 } as const;

const MOST_ROWS = 16;

/** A variant has to be so many times faster than the planner's own to be taken instead. */
const CLEARLY = 1.1;

/** No variant is tried on all samples that, by its time on one, would keep the GPU for longer, in milliseconds … */
const SAFE_MS = 1000;
/** … unless the planner's own needs nearly as long. */
const SAFE_RATIO = 4;

interface Task {
  readonly plan: Plan;
  readonly site: NodeSite;
  readonly work: number;
}

/**
 * Times every legal variant of every distinct shape among the launches of a model's programs, one node at a time, each against
 * the planner's own variant, and takes another only where it is more than 10 % faster and computes the same. The model itself
 * stays as it is: load it again with `tuning` set to the table. Meanwhile the device should have nothing else to do. Memory: two
 * copies of one node's inputs, outputs and weights at a time.
 *
 * Throws ArgumentError for options out of range, UnsupportedOpError where an op has no derivative (then ask for
 * `derivatives: false`), DisposedError, DeviceLostError, and the signal's reason.
 */
export async function tune(model: Model, given: TuneOptions = {}): Promise<TuningTable> {
  if (typeof (model as Model | undefined)?.planOf !== "function")
    throw new ArgumentError(`tune: the model is ${display(model)}, expected one that engine.load gave`);
  const options = checkOptions<TuneOptions>("tune", tuneFields, given);
  await loadRareOps(); // Some variants are there.
  const tasks = distinct(plansOf(model, options));
  const deadline = performance.now() + (options.budgetMs ?? tuneDefaults.budgetMs);
  const choices: Record<string, string> = {};
  await model.exclusively(async () => {
    const stopwatch = new Stopwatch(model.context);
    try {
      for (const [i, task] of tasks.entries()) {
        if (performance.now() > deadline) break;
        const { usual, signature } = task.site;
        const verdict = await timeVariants(model, task, stopwatch, deadline, options.signal);
        const chosen = verdict.fastest ?? usual;
        if (verdict.measured) choices[signature] = chosen;
        options.onProgress?.({ done: i + 1, total: tasks.length, signature, usual, chosen, micros: verdict.times });
      }
    } finally {
      stopwatch.dispose();
    }
  }, options.signal);
  return { ...(await model.emptyTuning()), choices };
}

/** The plans of what a user of these samples and rows would run. */
function plansOf(model: Model, options: TuneOptions): Plan[] {
  const { samples = tuneDefaults.samples, derivatives = tuneDefaults.derivatives, rows = usualRows(model) } = options;
  const calls = [...new Set(samples)].flatMap((count): PlannedCall[] => {
    const run: PlannedCall = { kind: "run", samples: count, rows: 1 };
    if (!derivatives) return [run];
    const adjoints = [...new Set(rows)].flatMap((row): PlannedCall[] => [
      { kind: "vjp", samples: count, rows: row },
      { kind: "vjp", samples: count, rows: row, output: "logits" },
    ]);
    return [run, { kind: "jvp", samples: count, rows: 1 }, ...adjoints];
  });
  return calls.map((call) => model.planOf(call));
}

/** Those of vjp, of whole slices of the Jacobian, and of DeepFool with its default candidates. */
function usualRows(model: Model): number[] {
  const classes = sizeOf(model.logits.shape);
  const attackRows = Math.min(deepfoolDefaults.candidates, classes) - 1;
  return [1, Math.min(MOST_ROWS, classes), ...(attackRows > 0 ? [attackRows] : [])];
}

/** Sites with a choice, each signature once, those with the most work first. */
function distinct(plans: readonly Plan[]): Task[] {
  const tasks = new Map<string, Task>();
  for (const plan of plans) {
    for (const site of plan.sites) {
      if (site.legal.length < 2 || tasks.has(site.signature)) continue;
      tasks.set(site.signature, { plan, site, work: workOf(plan, site) });
    }
  }
  return [...tasks.values()].sort((a, b) => b.work - a.work);
}

/** Multiply-adds of a node's launches and elements it reads: no time, but an order. */
function workOf(plan: Plan, { node }: NodeSite): number {
  const macs = plan.launches.map((launch) => (launch.node === node.name ? launch.macs * plan.copiesOf(launch.grid.lead) : 0));
  const elements = node.inputs.map((input) => (input ? plan.bytesOf(input) / 4 : 0));
  return [...macs, ...elements].reduce((sum, part) => sum + part, 0);
}

interface Verdict {
  readonly fastest: string | undefined;
  readonly times: Record<string, number>;
  /** Whether any variant was timed beside the usual one. */
  readonly measured: boolean;
}

async function timeVariants(
  model: Model,
  { plan, site }: Task,
  stopwatch: Stopwatch,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  const times: Record<string, number> = {};
  let [fastest, most] = [undefined as string | undefined, CLEARLY];
  const usual = await Trial.make(model, plan, site, site.usual);
  try {
    signal?.throwIfAborted();
    await stopwatch.lap(usual.all, 1);
    const holder = await prepare(stopwatch, usual.all);
    const expected = await usual.outputs();
    for (const variant of site.legal) {
      if (variant === site.usual) continue;
      signal?.throwIfAborted();
      const trial = await Trial.make(model, plan, site, variant).catch(unlessUnusable);
      if (!trial) continue;
      try {
        const challenger = await contender(stopwatch, trial, holder, plan.capacity, expected);
        if (!challenger) continue;
        const { gain, ...spent } = await duel(stopwatch, holder, challenger, deadline);
        times[site.usual] = spent.holder * 1000;
        times[variant] = spent.challenger * 1000;
        if (gain > most) [fastest, most] = [variant, gain];
      } finally {
        trial.dispose();
      }
    }
  } finally {
    usual.dispose();
  }
  return { fastest, times, measured: site.usual in times };
}

/** A variant that this driver does not compile, or whose weights do not fit, is no choice; whatever else happens is thrown. */
function unlessUnusable(error: unknown): undefined {
  if (!(error instanceof ShaderCompileError || error instanceof LimitError)) throw error;
}

/** A variant ready to be timed; undefined where it would be too slow to be tried, or computes something else. */
async function contender(
  stopwatch: Stopwatch,
  trial: Trial,
  holder: Contender,
  capacity: number,
  expected: readonly Float32Array[],
): Promise<Contender | undefined> {
  const tastes = [await stopwatch.lap(trial.one, 1), await stopwatch.lap(trial.one, 1)];
  if (Math.min(...tastes.map(({ wall }) => wall)) * capacity > Math.max(SAFE_MS, SAFE_RATIO * holder.estimate)) return undefined;
  const challenger = await prepare(stopwatch, trial.all);
  return agree(await trial.outputs(), expected) ? challenger : undefined;
}
