/** Times GPU work: by the GPU's clock where it has one that can be believed, else by the host's. */
import type { GpuContext } from "../runtime/gpu/context.ts";
import { Work } from "../runtime/gpu/work.ts";

export type Encode = (pass: GPUComputePassEncoder) => void;

/** Nanoseconds by the GPU's clock. */
export interface Stamps {
  readonly begin: bigint;
  readonly end: bigint;
}

/** Milliseconds of one pass. */
export interface Lap {
  /** By the host's clock, submission and waiting included. */
  readonly wall: number;
  /** By the GPU's clock, where it can be believed. */
  readonly gpu: number | undefined;
  /** What the GPU's clock said, believed or not; absent where it has none. */
  readonly stamps?: Stamps;
  /** Processor time; absent where nobody told it. */
  readonly processor?: number;
}

const PAIR_BYTES = 16;
const NANOSECONDS = 1e-6;

/** The GPU's clock is believed where it moved and did not claim more than passed on the host's, rounding apart. */
const PLAUSIBLE = 1.1;

/** Milliseconds between two stamps, or undefined; `wall` passed on the host's clock meanwhile. */
export function believed({ begin, end }: Stamps, wall: number): number | undefined {
  const gpu = Number(end - begin) * NANOSECONDS;
  return gpu > 0 && gpu <= wall * PLAUSIBLE ? gpu : undefined;
}

export class Stopwatch {
  private readonly queries: GPUQuerySet | undefined;
  private readonly stamps: GPUBuffer | undefined;

  /** `processorTime` tells milliseconds of processor time so far. */
  constructor(
    private readonly context: GpuContext,
    private readonly processorTime?: () => number,
  ) {
    if (!context.device.features.has("timestamp-query")) return;
    this.queries = context.device.createQuerySet({ label: "stopwatch", type: "timestamp", count: 2 });
    this.stamps = context.createBuffer("stopwatch", PAIR_BYTES, GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC);
  }

  /** Runs `repeats` repetitions in one pass and waits for them. Throws what went wrong on the device. */
  async lap(encode: Encode, repeats: number): Promise<Lap> {
    const { context, queries, stamps, processorTime } = this;
    const timestampWrites = queries && { querySet: queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    let [begin, used] = [0, 0];
    const work = new Work(context);
    work.submit("stopwatch", (encoder) => {
      const pass = encoder.beginComputePass({ label: "stopwatch", ...(timestampWrites && { timestampWrites }) });
      for (let i = 0; i < repeats; i++) encode(pass);
      pass.end();
      if (queries && stamps) encoder.resolveQuerySet(queries, 0, 2, stamps, 0);
      // What encoding costs is no kernel's fault.
      used = processorTime?.() ?? 0;
      begin = performance.now();
    });
    await context.device.queue.onSubmittedWorkDone();
    const wall = performance.now() - begin;
    const processor = processorTime && { processor: processorTime() - used };
    if (!stamps) {
      await work.settled();
      context.check();
      return { wall, gpu: undefined, ...processor };
    }
    const [first, last] = new BigUint64Array(await work.read(stamps, 0, PAIR_BYTES));
    const pair = { begin: first!, end: last! };
    return { wall, gpu: believed(pair, wall), stamps: pair, ...processor };
  }

  dispose(): void {
    this.queries?.destroy();
    if (this.stamps) this.context.destroyBuffer(this.stamps);
  }
}
