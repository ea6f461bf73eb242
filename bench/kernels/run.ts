/** Runs the kernel benchmarks on a device: checks each variant's numbers, then times it. The same in Node and in a page. */
import { loadRareOps } from "../../src/kernels/registry.ts";
import { FLOAT16, SMALL_FLOATS, smallFloatFromBits } from "../../src/kernels/element-types.ts";
import type { GpuContext } from "../../src/runtime/gpu/context.ts";
import { Work } from "../../src/runtime/gpu/work.ts";
import type { WeightStorage } from "../../src/index.ts";
import { checkedStorage } from "../../src/runtime/engine.ts";
import { LimitError } from "../../src/runtime/errors.ts";
import { sizeOf } from "../../src/runtime/graph/graph.ts";
import { halves } from "../../src/runtime/plan/half.ts";
import { Program } from "../../src/runtime/plan/program.ts";
import { WeightStore } from "../../src/runtime/plan/weights.ts";
import { costOf, hasWeights } from "./counts.ts";
import { caseOf } from "./graphs.ts";
import type { Case } from "./graphs.ts";
import { betterOf, measurePeaks, microsOf } from "./peaks.ts";
import { elementOf } from "./reference.ts";
import type { Operands } from "./reference.ts";
import type { Environment, Report, ShapeResult, VariantResult } from "./report.ts";
import { kindOf, shapes } from "./shapes.ts";
import type { Shape } from "./shapes.ts";
import { GpuTimer } from "./timer.ts";
import { candidatesFor } from "./variants.ts";
import type { Candidate } from "./variants.ts";

export interface KernelOptions {
  /** A regular expression that `op name source` has to match. */
  readonly only?: string;
  readonly quick?: boolean;
  /** Also shapes that take a software adapter long. */
  readonly large?: boolean;
  /** Also with weights stored as f16, where a shape has weights. */
  readonly f16?: boolean;
  /** Passes timed for each variant. */
  readonly samples?: number;
}

export type Log = (line: string) => void;

/** What a software adapter does in about half a second. */
const LARGE_FLOPS = 1e9;
/** Milliseconds of passes after which a variant has been timed long enough. */
const BUDGET = { quick: 300, usual: 3000 } as const;
const SAMPLES = { quick: 5, usual: 20 } as const;

/** Sums of thousands of products in single precision stay well below this; a wrong index does not. */
const TOLERANCE = 1e-4;
/** Elements of each result that are computed anew in double precision. */
const CHECKED = 48;
const CHECK_STEP = 0.618_033_988_749_895;

export function selectShapes(options: KernelOptions, software: boolean): Shape[] {
  const pattern = new RegExp(options.only ?? "", "i");
  return shapes.filter(
    (shape) =>
      pattern.test(`${shape.op} ${shape.name} ${shape.source}`) &&
      (!options.quick || shape.quick) &&
      (!software || options.large || costOf(shape).flops <= LARGE_FLOPS),
  );
}

/**
 * Runs what the options select. `processorTime` tells milliseconds of processor time of this process, where there is such a
 * figure and the adapter is in this process. Throws RangeError where no shape is selected, AdapterError where f16 is wanted and
 * the adapter has none.
 */
export async function runKernels(
  context: GpuContext,
  environment: Environment,
  options: KernelOptions,
  log: Log = () => {},
  processorTime?: () => number,
): Promise<Report> {
  const selected = selectShapes(options, context.adapter.software);
  if (selected.length === 0) throw new RangeError("no shape is selected");
  if (options.f16) checkedStorage("f16", context.facts.f16);
  await loadRareOps(); // Some of the variants are with them.
  const timer = new GpuTimer(context, context.adapter.software ? processorTime : undefined);
  try {
    log("measuring the adapter's peaks");
    let peaks = await measurePeaks(context, timer);
    const emptySubmit = await timeEmptySubmit(context);
    log(`${peaks.fma.rate.toFixed(1)} GFLOP/s, ${peaks.copy.rate.toFixed(1)} GB/s`);
    const results: ShapeResult[] = [];
    for (const [i, shape] of selected.entries()) {
      log(`${i + 1}/${selected.length} ${shape.op} ${shape.name} (${shape.source})`);
      results.push(await runShape(context, timer, shape, options, log));
    }
    peaks = betterOf(peaks, await measurePeaks(context, timer));
    // Shapes of an op together, those with more work after those with less.
    results.sort((a, b) => a.op.localeCompare(b.op) || Number(a.adjoint) - Number(b.adjoint) || a.flops - b.flops || a.bytes - b.bytes);
    const { timestamps } = timer;
    return { date: new Date().toISOString(), adapter: context.adapter, environment, timestamps, emptySubmit, peaks, results };
  } finally {
    timer.dispose();
  }
}

/** Microseconds, the least of a few. */
async function timeEmptySubmit({ device }: GpuContext): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < 20; i++) {
    const encoder = device.createCommandEncoder();
    encoder.beginComputePass().end();
    const commands = encoder.finish();
    const begin = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    least = Math.min(least, performance.now() - begin);
  }
  return least * 1000;
}

async function runShape(context: GpuContext, timer: GpuTimer, shape: Shape, options: KernelOptions, log: Log): Promise<ShapeResult> {
  const { flops, bytes, intensity } = costOf(shape);
  const variants: VariantResult[] = [];
  const made = caseOf(shape, context.device.limits.maxStorageBufferBindingSize);
  const storages: readonly WeightStorage[] = options.f16 && hasWeights(shape) ? ["f32", "f16"] : ["f32"];
  const candidates: Candidate[] = [];
  for (const weights of storages) {
    try {
      candidates.push(...candidatesFor(shape, made.graph, context.facts, context.device.limits, weights));
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      variants.push({ variant: "planner", weights, kernels: [], chosen: true, refused: error.message });
    }
  }
  const ready: Ready[] = [];
  try {
    for (const candidate of candidates) {
      const first = ready.find(({ about }) => about.weights === candidate.plan.weights);
      const prepared = await prepare(context, shape, made, candidate, first?.output);
      if ("refused" in prepared) {
        log(`    ${prepared.variant.padEnd(12)} ${prepared.weights} ${prepared.refused}`);
        variants.push(prepared);
      } else ready.push(prepared);
    }
    const pace = options.quick ? "quick" : "usual";
    const timings = await timer.timeAll(
      ready.map(
        ({ program }) =>
          (pass) =>
            program.encode(pass, shape.samples, made.part),
      ),
      { samples: options.samples ?? SAMPLES[pace], budget: BUDGET[pace] },
    );
    for (const [i, timing] of timings.entries()) {
      const micros = microsOf(timing);
      const { about } = ready[i]!;
      const moved = costOf(shape, about.weights).bytes;
      variants.push({ ...about, ...timing, micros, gflops: flops / micros / 1000, gbs: moved / micros / 1000 });
      log(`    ${about.variant.padEnd(12)} ${about.weights} ${micros.toFixed(1)} µs${about.chosen ? " *" : ""}`);
    }
  } finally {
    for (const { dispose } of ready) dispose();
  }
  const { op, name, source, adjoint = false } = shape;
  return { op, kind: kindOf(shape), name, source, adjoint, flops, bytes, intensity, variants };
}

/** A variant whose numbers are right, about to be timed. */
interface Ready {
  readonly about: VariantResult;
  readonly program: Program;
  readonly output: Float32Array;
  readonly dispose: () => void;
}

/** Compiles a variant, runs it once and checks its result; says why where it is not to be timed. */
async function prepare(
  context: GpuContext,
  shape: Shape,
  made: Case,
  { variant, chosen, plan }: Candidate,
  first: Float32Array | undefined,
): Promise<Ready | (VariantResult & { refused: string })> {
  const launches = made.part === "backward" ? plan.launches.slice(plan.forwardLaunches) : plan.launches;
  const storage = plan.weights ?? "f32";
  const about = { variant, weights: storage, chosen, kernels: launches.map(({ kernel }) => kernel.name) };
  const weights = new WeightStore(context, "bench");
  let program: Program;
  try {
    program = await Program.compile(plan, context, weights, "bench");
  } catch (error) {
    weights.dispose();
    return { ...about, refused: `does not compile: ${(error as Error).message.split("\n")[0]}` };
  }
  const dispose = () => {
    program.dispose();
    weights.dispose();
  };
  for (const [value, data] of made.feeds) context.device.queue.writeBuffer(program.port(value), 0, data);
  const work = new Work(context);
  work.submit("bench check", (encoder) => {
    const pass = encoder.beginComputePass();
    program.encode(pass, shape.samples);
    pass.end();
  });
  const size = shape.samples * sizeOf(made.output.shape) * Float32Array.BYTES_PER_ELEMENT;
  const output = new Float32Array(await work.read(program.port(made.output), 0, size));
  const error = errorAgainstReference(shape, made.operands, output);
  // What storage rounds is no fault of the kernel: it has to be right for the numbers that it was given.
  const wrong = storage === "f16" ? errorAgainstReference(shape, withHalvedWeights(made.operands), output) : error;
  const disagreement = first && largestDifference(output, first);
  const checked = { ...about, error, ...(disagreement !== undefined && { disagreement }) };
  const refused = !(wrong <= TOLERANCE)
    ? `wrong by ${wrong.toExponential(1)}`
    : disagreement !== undefined && !(disagreement <= TOLERANCE)
      ? `differs from the first variant by ${disagreement.toExponential(1)}`
      : undefined;
  if (refused === undefined) return { about: checked, program, output, dispose };
  dispose();
  return { ...checked, refused };
}

/** The operands whose weights are rounded to f16. */
function withHalvedWeights(operands: Operands): Operands {
  const half = SMALL_FLOATS[FLOAT16]!;
  return { ...operands, w: Float32Array.from(halves(operands.w!), (bits) => smallFloatFromBits(bits, half)) };
}

/** Of the elements looked at, the first and the last among them. NaN where the result holds NaN. */
function errorAgainstReference(shape: Shape, operands: Operands, output: Float32Array): number {
  let [worst, largest] = [0, 0];
  for (let i = 0; i < CHECKED; i++) {
    const index = i === 0 ? 0 : i === 1 ? output.length - 1 : Math.floor(((i * CHECK_STEP) % 1) * output.length);
    const expected = elementOf(shape, operands, index);
    worst = worst >= Math.abs(output[index]! - expected) ? worst : Math.abs(output[index]! - expected);
    largest = Math.max(largest, Math.abs(expected));
  }
  return worst === 0 ? 0 : worst / largest;
}

function largestDifference(found: Float32Array, expected: Float32Array): number {
  let [worst, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(found[i]! - expected[i]!);
    // A comparison with NaN is false, so NaN stays.
    if (!(difference <= worst)) worst = difference;
    const size = Math.abs(expected[i]!);
    if (size > largest) largest = size;
  }
  return worst === 0 ? 0 : worst / largest;
}
