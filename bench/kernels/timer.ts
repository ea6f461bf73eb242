/** Times GPU work: by the GPU's own clock where the adapter has timestamps, and always by the host's. */
import type { GpuContext } from "../../src/runtime/gpu/context.ts";
import { believable, quantumOf, spreadOf } from "./statistics.ts";
import type { Spread, TimestampPair } from "./statistics.ts";

export interface Timing {
  /** Microseconds of one repetition by timestamps; absent where there are none, or none to be believed. */
  readonly gpu?: Spread;
  /** Microseconds of one repetition by the host's clock, submission and waiting included. */
  readonly wall: Spread;
  /** Microseconds of processor time of one repetition, all cores together: what a software adapter costs, whatever else runs. */
  readonly processor?: Spread;
  /** Repetitions in one pass. */
  readonly repeats: number;
  /** Timestamp pairs that stood still or ran backwards. */
  readonly rejected: number;
}

export interface TimerOptions {
  readonly samples: number;
  /** Milliseconds for each piece of work after which three samples are enough. */
  readonly budget: number;
}

/** A pass should last so many milliseconds: long beside submission and beside the steps that browsers round timestamps to. */
const LEAST_PASS = 10;
const MOST_REPEATS = 20_000;
const LEAST_SAMPLES = 3;
const PAIR_BYTES = 16;
/** Timestamps that claim more time than passed on the host's clock are of another clock. */
const PLAUSIBLE = 1.1;

export type Encode = (pass: GPUComputePassEncoder) => void;

interface Pass {
  /** Milliseconds. */
  readonly wall: number;
  readonly processor?: number;
  readonly pair?: TimestampPair;
}

interface Subject {
  readonly encode: Encode;
  readonly repeats: number;
  readonly passes: Pass[];
  readonly slow: boolean;
}

function timingOf({ passes, repeats }: Subject): Timing {
  const spread = (values: readonly number[], toMicros: number) => spreadOf(values.map((value) => (value * toMicros) / repeats));
  const pairs = passes.flatMap(({ pair }) => pair ?? []);
  const times = believable(pairs);
  const wall = spread(
    passes.map((pass) => pass.wall),
    1000,
  );
  const gpu = spread(times, 0.001);
  const processor = passes.flatMap((pass) => pass.processor ?? []);
  const plausible = 2 * times.length > passes.length && gpu.median <= wall.median * PLAUSIBLE;
  return {
    ...(plausible && { gpu }),
    wall,
    ...(processor.length > 0 && { processor: spread(processor, 1000) }),
    repeats,
    rejected: pairs.length - times.length,
  };
}

export class GpuTimer {
  private readonly queries: GPUQuerySet | undefined;
  private readonly resolved: GPUBuffer | undefined;
  private readonly staging: GPUBuffer | undefined;
  private readonly pairs: TimestampPair[] = [];

  /** `processorTime` tells milliseconds of processor time of this process so far. */
  constructor(
    private readonly context: GpuContext,
    private readonly processorTime?: () => number,
  ) {
    const { device } = context;
    if (!device.features.has("timestamp-query")) return;
    this.queries = device.createQuerySet({ label: "timer", type: "timestamp", count: 2 });
    this.resolved = context.createBuffer("timer", PAIR_BYTES, GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC);
    this.staging = context.createBuffer("timer readback", PAIR_BYTES, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  }

  /** What is known of the adapter's timestamps from those seen so far. */
  get timestamps(): string {
    if (!this.queries) return "none";
    if (this.pairs.length === 0) return "unused";
    const quantum = quantumOf(this.pairs);
    return quantum === undefined ? "unrounded" : `rounded to ${quantum / 1000} µs`;
  }

  /** Times one repetition of what `encode` puts into a pass. Throws what went wrong on the device. */
  async time(encode: Encode, options: TimerOptions): Promise<Timing> {
    return (await this.timeAll([encode], options))[0]!;
  }

  /**
   * Times several pieces of work in turns, A B C A B C …, so that what else the machine does meanwhile meets all of them.
   * One whose single repetition outlasts the budget is timed once.
   */
  async timeAll(encoders: readonly Encode[], options: TimerOptions): Promise<Timing[]> {
    const subjects: Subject[] = [];
    for (const encode of encoders) subjects.push(await this.prepare(encode, options.budget));
    const started = performance.now();
    for (let round = 0; round < options.samples; round++) {
      for (const { encode, repeats, passes, slow } of subjects) if (!slow) passes.push(await this.run(encode, repeats));
      if (round + 1 >= LEAST_SAMPLES && performance.now() - started > options.budget * encoders.length) break;
    }
    this.context.check();
    return subjects.map(timingOf);
  }

  /** Warms up, and finds how many repetitions make a pass long enough. */
  private async prepare(encode: Encode, budget: number): Promise<Subject> {
    const first = await this.run(encode, 1);
    if (first.wall > budget) return { encode, repeats: 1, passes: [first], slow: true };
    let repeats = 1;
    for (
      let { wall } = await this.run(encode, 1);
      wall < LEAST_PASS && repeats < MOST_REPEATS;
      { wall } = await this.run(encode, repeats)
    ) {
      // Waiting has a price of its own, so what few repetitions took says little: approach the length in steps.
      const wanted = Math.ceil((repeats * LEAST_PASS * 1.2) / Math.max(wall, 0.1));
      repeats = Math.min(MOST_REPEATS, Math.max(repeats + 1, Math.min(wanted, repeats * 16)));
    }
    return { encode, repeats, passes: [], slow: false };
  }

  private async run(encode: Encode, repeats: number): Promise<Pass> {
    const { device } = this.context;
    const encoder = device.createCommandEncoder({ label: "timer" });
    const { queries, resolved, staging } = this;
    const timestampWrites = queries && { querySet: queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    const pass = encoder.beginComputePass({ label: "timer", ...(timestampWrites && { timestampWrites }) });
    for (let i = 0; i < repeats; i++) encode(pass);
    pass.end();
    if (queries && resolved && staging) {
      encoder.resolveQuerySet(queries, 0, 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, PAIR_BYTES);
    }
    const commands = encoder.finish();
    const used = this.processorTime?.();
    const begin = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    const wall = performance.now() - begin;
    const host = { wall, ...(used !== undefined && { processor: this.processorTime!() - used }) };
    if (!staging) return host;
    await staging.mapAsync(GPUMapMode.READ);
    const [first, last] = new BigUint64Array(staging.getMappedRange());
    const pair = { begin: first!, end: last! };
    staging.unmap();
    this.pairs.push(pair);
    return { ...host, pair };
  }

  dispose(): void {
    this.queries?.destroy();
    for (const buffer of [this.resolved, this.staging]) if (buffer) this.context.destroyBuffer(buffer);
  }
}
