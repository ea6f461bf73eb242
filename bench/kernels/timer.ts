/** Times pieces of GPU work in turns, by the tuner's stopwatch. */
import type { GpuContext } from "../../src/runtime/gpu/context.ts";
import { prepare } from "../../src/tuning/duel.ts";
import { Stopwatch } from "../../src/tuning/stopwatch.ts";
import type { Encode, Lap, Stamps } from "../../src/tuning/stopwatch.ts";
import { quantumOf, spreadOf } from "./statistics.ts";
import type { Spread } from "./statistics.ts";

export interface Timing {
  /** Microseconds of one repetition by timestamps; absent where there are none, or too few to be believed. */
  readonly gpu?: Spread;
  /** Microseconds of one repetition by the host's clock, submission and waiting included. */
  readonly wall: Spread;
  /** Microseconds of processor time of one repetition, all cores together: what a software adapter costs, whatever else runs. */
  readonly processor?: Spread;
  /** Repetitions in one pass. */
  readonly repeats: number;
}

export interface TimerOptions {
  readonly samples: number;
  /** Milliseconds for each piece of work after which three samples are enough. */
  readonly budget: number;
}

const LEAST_SAMPLES = 3;

interface Subject {
  readonly encode: Encode;
  readonly repeats: number;
  readonly laps: Lap[];
  readonly slow: boolean;
}

function timingOf({ laps, repeats }: Subject): Timing {
  const spread = (time: (lap: Lap) => number | undefined) =>
    spreadOf(laps.flatMap((lap) => time(lap) ?? []).map((millis) => (millis * 1000) / repeats));
  const [gpu, processor] = [spread((lap) => lap.gpu), spread((lap) => lap.processor)];
  return {
    ...(2 * gpu.samples > laps.length && { gpu }),
    wall: spread((lap) => lap.wall),
    ...(processor.samples > 0 && { processor }),
    repeats,
  };
}

export class GpuTimer {
  private readonly stopwatch: Stopwatch;
  private readonly stamps: Stamps[] = [];

  /** `processorTime` tells milliseconds of processor time of this process so far. */
  constructor(
    private readonly context: GpuContext,
    processorTime?: () => number,
  ) {
    this.stopwatch = new Stopwatch(context, processorTime);
  }

  /** What is known of the adapter's timestamps from those seen so far. */
  get timestamps(): string {
    if (!this.context.device.features.has("timestamp-query")) return "none";
    if (this.stamps.length === 0) return "unused";
    const quantum = quantumOf(this.stamps);
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
    for (const encode of encoders) subjects.push(await this.subject(encode, options.budget));
    const started = performance.now();
    for (let round = 0; round < options.samples; round++) {
      for (const { encode, repeats, laps, slow } of subjects) if (!slow) laps.push(await this.lap(encode, repeats));
      if (round + 1 >= LEAST_SAMPLES && performance.now() - started > options.budget * encoders.length) break;
    }
    return subjects.map(timingOf);
  }

  private async subject(encode: Encode, budget: number): Promise<Subject> {
    const first = await this.lap(encode, 1);
    if (first.wall > budget) return { encode, repeats: 1, laps: [first], slow: true };
    const { repeats } = await prepare(this.stopwatch, encode);
    return { encode, repeats, laps: [], slow: false };
  }

  private async lap(encode: Encode, repeats: number): Promise<Lap> {
    const lap = await this.stopwatch.lap(encode, repeats);
    if (lap.stamps) this.stamps.push(lap.stamps);
    return lap;
  }

  dispose(): void {
    this.stopwatch.dispose();
  }
}
