/** Times GPU work: by the GPU's clock where it has one that can be believed, else by the host's. */
import type { GpuContext } from "../runtime/gpu/context.ts";

export type Encode = (pass: GPUComputePassEncoder) => void;

/** Milliseconds of one pass: by the host's clock, submission and waiting included, and by the GPU's. */
export interface Lap {
  readonly wall: number;
  readonly gpu: number | undefined;
}

const PAIR_BYTES = 16;
const NANOSECONDS = 1e-6;

/** The GPU's clock is believed where it moved and did not claim more than passed on the host's, rounding apart. */
const PLAUSIBLE = 1.1;

export class Stopwatch {
  private readonly queries: GPUQuerySet | undefined;
  private readonly stamps: GPUBuffer | undefined;

  constructor(private readonly context: GpuContext) {
    if (!context.device.features.has("timestamp-query")) return;
    this.queries = context.device.createQuerySet({ label: "stopwatch", type: "timestamp", count: 2 });
    this.stamps = context.createBuffer("stopwatch", PAIR_BYTES, GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC);
  }

  /** Runs `repeats` repetitions in one pass and waits for them. Throws what went wrong on the device. */
  async lap(encode: Encode, repeats: number): Promise<Lap> {
    const { context, queries, stamps } = this;
    const timestampWrites = queries && { querySet: queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    let begin = 0;
    context.submit("stopwatch", (encoder) => {
      const pass = encoder.beginComputePass({ label: "stopwatch", ...(timestampWrites && { timestampWrites }) });
      for (let i = 0; i < repeats; i++) encode(pass);
      pass.end();
      if (queries && stamps) encoder.resolveQuerySet(queries, 0, 2, stamps, 0);
      begin = performance.now(); // What encoding costs is no kernel's fault.
    });
    await context.device.queue.onSubmittedWorkDone();
    const wall = performance.now() - begin;
    if (!stamps) {
      context.check();
      return { wall, gpu: undefined };
    }
    const [first, last] = new BigUint64Array(await context.read(stamps, 0, PAIR_BYTES));
    const gpu = Number(last! - first!) * NANOSECONDS;
    return { wall, gpu: gpu > 0 && gpu <= wall * PLAUSIBLE ? gpu : undefined };
  }

  dispose(): void {
    this.queries?.destroy();
    if (this.stamps) this.context.destroyBuffer(this.stamps);
  }
}
