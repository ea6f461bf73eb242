/** One device and what every program on it shares: adapter facts, buffers with their account, pipelines, and its end. */
import type { AdapterFacts } from "../../kernels/op.ts";
import { DeviceLostError, DisposedError, GpuError } from "../errors.ts";
import { factsOf, openDevice } from "./adapter.ts";
import type { AdapterDescription, DeviceOptions, OpenDevice } from "./adapter.ts";
import { Buffers } from "./buffers.ts";
import type { MemoryReport } from "./buffers.ts";
import { hastened } from "./hasten.ts";
import { PipelineCache } from "./pipelines.ts";

/** Elsewhere Dawn is asked at every turn of the event loop. */
const inBrowser = () => globalThis.navigator?.gpu !== undefined;

/** How long a failed promise waits for the news that the device is gone, in milliseconds. */
const NEWS_OF_LOSS = 100;

const later = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

export class GpuContext {
  readonly device: GPUDevice;
  readonly adapter: AdapterDescription;
  readonly pipelines: PipelineCache;
  readonly facts: AdapterFacts;
  /** Stands for kernel inputs that are declared but not read. */
  readonly nothing: GPUBuffer;
  /** Resolves with the reason when the device is lost; never rejects. */
  readonly lost: Promise<DeviceLostError>;
  private readonly buffers: Buffers;
  private loss: DeviceLostError | undefined;
  private disposed = false;

  private constructor(private readonly opened: OpenDevice) {
    const { device } = opened;
    this.device = device;
    this.adapter = opened.adapter;
    this.facts = factsOf(opened);
    this.buffers = new Buffers(device);
    this.pipelines = new PipelineCache(device, (error) => this.reasonFor(error));
    this.nothing = this.createBuffer("nothing", 256, GPUBufferUsage.STORAGE);
    this.lost = device.lost.then(({ reason, message }) => {
      const error = new DeviceLostError(`the GPU device was lost (${reason})${message && `: ${message}`}`);
      // Our own dispose() is no loss to those who ask later.
      if (!this.disposed) this.loss = error;
      return error;
    });
  }

  /** Opens a device. Throws AdapterError when there is no WebGPU, no adapter, or none that fits. */
  static async open(options: DeviceOptions = {}): Promise<GpuContext> {
    return new GpuContext(await openDevice(options));
  }

  /** Whether the device is known to be lost. */
  get isLost(): boolean {
    return this.loss !== undefined;
  }

  createBuffer(label: string, bytes: number, usage: number, mapped = false): GPUBuffer {
    this.check();
    return this.buffers.create(label, bytes, usage, mapped);
  }

  /** As createBuffer, from what recycleBuffer put aside where there is something. Its content is left from before. */
  reuseBuffer(label: string, bytes: number, usage: number): GPUBuffer {
    this.check();
    return this.buffers.reuse(label, bytes, usage);
  }

  /** Takes a buffer out of use, and keeps it for reuseBuffer as long as little is kept. Work under way may still use it. */
  recycleBuffer(buffer: GPUBuffer): void {
    if (this.isLost) this.buffers.destroy(buffer);
    else this.buffers.recycle(buffer);
  }

  destroyBuffer(buffer: GPUBuffer): void {
    this.buffers.destroy(buffer);
  }

  /** A buffer that `map` reads back, at least so large. */
  takeStaging(bytes: number): GPUBuffer {
    this.check();
    return this.buffers.takeStaging(bytes);
  }

  /** The first bytes of a buffer from takeStaging, once the work submitted so far is done. Takes the buffer back. */
  async map(staging: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const padded = Math.ceil(bytes / 4) * 4;
    try {
      await this.soon(staging.mapAsync(GPUMapMode.READ, 0, padded));
      const copy = staging.getMappedRange(0, padded).slice(0, bytes);
      staging.unmap();
      this.recycleBuffer(staging);
      return copy;
    } catch (error) {
      this.buffers.destroy(staging);
      throw await this.reasonFor(error);
    }
  }

  /** Settles when the work submitted so far is done, or the device is gone. */
  async idle(): Promise<void> {
    await this.soon(this.device.queue.onSubmittedWorkDone()).catch(() => undefined);
  }

  private soon<T>(work: Promise<T>): Promise<T> {
    return inBrowser() ? hastened(work, this.device.queue) : work;
  }

  memory(): MemoryReport {
    return this.buffers.report();
  }

  /** Throws DeviceLostError once the device is lost, and DisposedError after dispose(). */
  check(): void {
    if (this.loss) throw this.loss;
    if (this.disposed) throw new DisposedError("the engine was disposed");
  }

  /** Why a promise of the GPU's was rejected: after dispose() and loss of the device that is the reason, and not what it says. */
  async reasonFor(error: unknown): Promise<Error> {
    if (!this.disposed) await Promise.race([this.lost, later(NEWS_OF_LOSS)]);
    try {
      this.check();
    } catch (reason) {
      return reason as Error;
    }
    return error instanceof GpuError ? error : new GpuError((error as Error).message);
  }

  /** Destroys every buffer, and the device if it is ours, once it is at rest. Idempotent. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.buffers.destroyAll();
    if (this.opened.owned) void this.destroyDevice();
  }

  /** Drivers have crashed where a device went while they compiled or ran something on it. */
  private async destroyDevice(): Promise<void> {
    await Promise.all([this.pipelines.settled(), this.idle()]);
    this.device.destroy();
  }
}

export type { AdapterChoice, AdapterDescription, DeviceOptions } from "./adapter.ts";
export type { MemoryReport } from "./buffers.ts";
