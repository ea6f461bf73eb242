/** A float32 array on the GPU. */
import type { NdArray } from "../data/ndarray.ts";
import { ArgumentError, DisposedError } from "./errors.ts";
import type { GpuContext } from "./gpu/context.ts";
import { Work } from "./gpu/work.ts";
import { sizeOf } from "./graph/graph.ts";

export class Tensor {
  private disposed = false;
  /** Calls that have taken this tensor as input and have not copied it yet. */
  private readers = 0;

  /** @internal Made by models; the tensor owns its buffer. `work` is what computes it. */
  constructor(
    private readonly gpu: GpuContext,
    readonly shape: readonly number[],
    private readonly storage: GPUBuffer,
    private readonly work = new Work(gpu),
  ) {}

  /** The GPU memory: row-major f32, usage STORAGE | COPY_SRC | COPY_DST. Valid until dispose(): then it may become another tensor's. */
  get buffer(): GPUBuffer {
    if (this.disposed) throw new DisposedError("the tensor was disposed");
    return this.storage;
  }

  /**
   * Copies the elements to the host once the work that makes them is done. Throws what went wrong in that work, DisposedError, and
   * DeviceLostError.
   */
  async read(): Promise<NdArray> {
    const bytes = sizeOf(this.shape) * Float32Array.BYTES_PER_ELEMENT;
    const data = await new Work(this.gpu, [this.work]).read(this.buffer, 0, bytes);
    return { shape: this.shape, data: new Float32Array(data) };
  }

  /** @internal Throws ArgumentError for a tensor of another engine, DisposedError, and DeviceLostError for one of a lost device. */
  check(what: string, gpu: GpuContext): void {
    if (this.disposed) throw new DisposedError(`${what}: the tensor was disposed`);
    this.gpu.check();
    if (this.gpu !== gpu) throw new ArgumentError(`${what}: the tensor belongs to another engine; pass what read() returns`);
  }

  /** @internal Keeps the memory from being used again until `release`, also beyond dispose(). Returns the memory and what fills it. */
  hold(): { readonly buffer: GPUBuffer; readonly work: Work; readonly release: () => void } {
    const { buffer, work } = this;
    this.readers++;
    let held = true;
    const release = () => {
      if (held && --this.readers === 0 && this.disposed) this.gpu.recycleBuffer(buffer);
      held = false;
    };
    return { buffer, work, release };
  }

  /** Gives the GPU memory back: the next tensor of the same size takes it over. Idempotent. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    if (this.readers === 0) this.gpu.recycleBuffer(this.storage);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
