/** The buffers of a device with their account: those in use, and those that wait to be used again. */
import { GpuError, LimitError } from "../errors.ts";

export interface MemoryReport {
  /** Buffers in use, their bytes, and the most bytes ever in use. */
  readonly buffers: number;
  readonly bytes: number;
  readonly peakBytes: number;
  /** Bytes of buffers of disposed tensors, and of read-back, that wait to be used again. */
  readonly spareBytes: number;
}

/** Bytes of spare buffers that are kept at most. */
const MOST_SPARE_BYTES = 2 ** 26;

const wholeWords = (bytes: number) => Math.max(16, Math.ceil(bytes / 4) * 4);
const spareKey = (size: number, usage: number) => `${size} ${usage}`;

export class Buffers {
  private readonly live = new Map<GPUBuffer, number>();
  private readonly spare = new Map<string, GPUBuffer[]>();
  private spareBytes = 0;
  private bytes = 0;
  private peakBytes = 0;

  constructor(private readonly device: GPUDevice) {}

  /** Throws LimitError where the device allows no buffer of that size, and GpuError where the host has no memory to map it. */
  create(label: string, bytes: number, usage: number, mapped = false): GPUBuffer {
    const size = wholeWords(bytes);
    const allowed = this.device.limits.maxBufferSize;
    if (!(size <= allowed)) throw new LimitError("maxBufferSize", size, allowed, label);
    try {
      const buffer = this.device.createBuffer({ label, size, usage, mappedAtCreation: mapped });
      this.account(buffer);
      return buffer;
    } catch (error) {
      throw new GpuError(`${label}: ${(error as Error).message}`);
    }
  }

  /** As create, from what recycle() put aside where there is something. Its content is left from before. */
  reuse(label: string, bytes: number, usage: number): GPUBuffer {
    const buffer = this.spare.get(spareKey(wholeWords(bytes), usage))?.pop();
    if (!buffer) return this.create(label, bytes, usage);
    buffer.label = label;
    this.spareBytes -= buffer.size;
    this.account(buffer);
    return buffer;
  }

  /** Takes a buffer out of use, and keeps it for reuse() as long as little is kept. Work under way may still use it. */
  recycle(buffer: GPUBuffer): void {
    if (!this.live.has(buffer)) return;
    if (this.spareBytes + buffer.size > MOST_SPARE_BYTES) return this.destroy(buffer);
    this.forget(buffer);
    this.spareBytes += buffer.size;
    const key = spareKey(buffer.size, buffer.usage);
    const list = this.spare.get(key);
    if (list) list.push(buffer);
    else this.spare.set(key, [buffer]);
  }

  /** A buffer to read so many bytes back with: of a power of two, so that few sizes serve all. Unmapped it is recycled. */
  takeStaging(bytes: number): GPUBuffer {
    const allowed = this.device.limits.maxBufferSize;
    const size = Math.max(wholeWords(bytes), Math.min(2 ** Math.ceil(Math.log2(Math.max(16, bytes))), allowed));
    return this.reuse("readback", size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  }

  destroy(buffer: GPUBuffer): void {
    if (!this.live.has(buffer)) return;
    this.forget(buffer);
    buffer.destroy();
  }

  report(): MemoryReport {
    return { buffers: this.live.size, bytes: this.bytes, peakBytes: this.peakBytes, spareBytes: this.spareBytes };
  }

  destroyAll(): void {
    for (const buffer of [...this.live.keys()]) this.destroy(buffer);
    for (const buffer of [...this.spare.values()].flat()) buffer.destroy();
    this.spare.clear();
    this.spareBytes = 0;
  }

  private account(buffer: GPUBuffer): void {
    this.live.set(buffer, buffer.size);
    this.bytes += buffer.size;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
  }

  private forget(buffer: GPUBuffer): void {
    this.live.delete(buffer);
    this.bytes -= buffer.size;
  }
}
