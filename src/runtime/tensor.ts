/** A float32 array on the GPU. */
import type { NdArray } from "../data/ndarray.ts";
import { DisposedError } from "./errors.ts";
import type { GpuContext } from "./gpu/context.ts";
import { sizeOf } from "./graph/graph.ts";

export class Tensor {
  private disposed = false;

  /** @internal Made by models; the tensor owns its buffer. */
  constructor(
    private readonly gpu: GpuContext,
    readonly shape: readonly number[],
    private readonly storage: GPUBuffer,
  ) {}

  /** The GPU memory: row-major f32, usage STORAGE | COPY_SRC | COPY_DST. Valid until dispose(): then it may become another tensor's. */
  get buffer(): GPUBuffer {
    if (this.disposed) throw new DisposedError("the tensor was disposed");
    return this.storage;
  }

  /** Copies the elements to the host once the work that makes them is done. Throws what went wrong on the device. */
  async read(): Promise<NdArray> {
    const bytes = sizeOf(this.shape) * Float32Array.BYTES_PER_ELEMENT;
    return { shape: this.shape, data: new Float32Array(await this.gpu.read(this.buffer, 0, bytes)) };
  }

  /** Gives the GPU memory back: the next tensor of the same size takes it over. Idempotent. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.gpu.recycleBuffer(this.storage);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
