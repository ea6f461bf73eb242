/**
 * Work of one call on the GPU. What it creates and submits is under error scopes of its own, so that an error belongs to the call
 * that caused it: other calls, and others who use the device, are not concerned.
 */
import { GpuError } from "../errors.ts";
import type { GpuContext } from "./context.ts";

const FILTERS: readonly GPUErrorFilter[] = ["out-of-memory", "internal", "validation"];

export class Work {
  /** The first error of all work so far, once the device has looked at it. Never rejects. */
  private outcome: Promise<GpuError | undefined>;
  /** Scopes are open: what is done within is under them already. In a browser each scope is a message to another process. */
  private open = false;

  /** `inputs`: work whose results this work reads; its errors are this work's too. */
  constructor(
    readonly gpu: GpuContext,
    inputs: readonly Work[] = [],
  ) {
    this.outcome = firstOf(inputs.map(({ outcome }) => outcome));
  }

  /** Creates things on the device; what is wrong with them shows in settled() and read(). Throws what `make` throws. */
  scoped<T>(label: string, make: () => T): T {
    const { device } = this.gpu;
    this.gpu.check();
    if (this.open) return make();
    this.open = true;
    for (const filter of FILTERS) device.pushErrorScope(filter);
    try {
      return make();
    } finally {
      this.open = false;
      // A scope popped on a lost device may reject; the loss shows elsewhere.
      const popped = FILTERS.map(async () => {
        const error = await device.popErrorScope().catch(() => undefined);
        return error ? new GpuError(`${label}: ${error.message}`) : undefined;
      });
      this.outcome = firstOf([this.outcome, ...popped]);
    }
  }

  submit(label: string, encode: (encoder: GPUCommandEncoder) => void): void {
    this.scoped(label, () => {
      const { device } = this.gpu;
      const encoder = device.createCommandEncoder({ label });
      encode(encoder);
      device.queue.submit([encoder.finish({ label })]);
    });
  }

  /** Settles once the device has looked at all work so far. Throws its first error, and what ended the device or the engine. */
  async settled(): Promise<void> {
    const error = await this.outcome;
    if (error) throw await this.gpu.reasonFor(error);
  }

  /** Bytes of a buffer, once all work submitted so far is done. Throws the first error of this work. */
  async read(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    let staging!: GPUBuffer;
    this.submit("readback", (encoder) => {
      staging = this.gpu.takeStaging(bytes);
      encoder.copyBufferToBuffer(buffer, offset, staging, 0, Math.ceil(bytes / 4) * 4);
    });
    // Both are awaited whatever happens, so that neither rejects unheard; an error of the work explains one of the mapping.
    const [settled, mapped] = await Promise.allSettled([this.settled(), this.gpu.map(staging, bytes)]);
    if (settled.status === "rejected") throw settled.reason;
    if (mapped.status === "rejected") throw mapped.reason;
    return mapped.value;
  }
}

async function firstOf(outcomes: readonly Promise<GpuError | undefined>[]): Promise<GpuError | undefined> {
  return (await Promise.all(outcomes)).find((error) => error !== undefined);
}
