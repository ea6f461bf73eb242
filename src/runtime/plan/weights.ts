/** A model's constants on the GPU, each layout uploaded once and shared by all programs of the model. */
import type { GpuContext } from "../gpu/context.ts";
import type { Value } from "../graph/graph.ts";
import { align } from "./arena.ts";
import type { Operand, Packed } from "./launch.ts";
import { isPacked } from "./plan.ts";

type Upload = Pick<Packed, "source" | "key" | "bytes" | "make">;

interface Slice {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

const PLAIN = "";
const VEC4_BYTES = 16;

export class WeightStore {
  private readonly slices = new Map<Value, Map<string, Slice>>();
  private readonly buffers: GPUBuffer[] = [];
  private total = 0;

  constructor(
    private readonly gpu: GpuContext,
    private readonly label: string,
  ) {}

  get bytes(): number {
    return this.total;
  }

  /**
   * Uploads those operands that are constants and not here yet, into as few buffers as the device allows. Throws LimitError. Returns
   * how to undo it.
   */
  upload(operands: Iterable<Operand>): () => void {
    const wanted: Upload[] = [];
    for (const operand of operands) {
      if (typeof operand === "string") continue;
      const packed = isPacked(operand) ? operand : operand.data ? plain(operand) : undefined;
      if (!packed) continue;
      const { source, key } = packed;
      const known = this.slices.get(source) ?? new Map<string, Slice>();
      this.slices.set(source, known);
      if (known.has(key) || wanted.some((other) => other.source === source && other.key === key)) continue;
      wanted.push(packed);
    }
    const limit = this.gpu.device.limits.maxBufferSize;
    const before = this.buffers.length;
    const undo = () => {
      for (const { source, key } of wanted) this.slices.get(source)?.delete(key);
      for (const buffer of this.buffers.splice(before)) this.gpu.destroyBuffer(buffer);
    };
    try {
      for (let first = 0; first < wanted.length;) {
        let bytes = 0;
        let end = first;
        while (end < wanted.length && (end === first || bytes + align(wanted[end]!.bytes) <= limit)) bytes += align(wanted[end++]!.bytes);
        this.uploadTogether(wanted.slice(first, end), bytes);
        first = end;
      }
      return undo;
    } catch (error) {
      undo();
      throw error;
    }
  }

  private uploadTogether(group: readonly Upload[], bytes: number): void {
    const buffer = this.gpu.createBuffer(`${this.label} weights`, bytes, GPUBufferUsage.STORAGE, true);
    this.buffers.push(buffer);
    this.total += bytes;
    const target = buffer.getMappedRange();
    let offset = 0;
    for (const { source, key, bytes: size, make } of group) {
      const made = make();
      new Uint8Array(target, offset).set(new Uint8Array(made.buffer, made.byteOffset, made.byteLength));
      this.slices.get(source)!.set(key, { buffer, offset, size: Math.ceil(size / VEC4_BYTES) * VEC4_BYTES });
      offset += align(size);
    }
    buffer.unmap();
  }

  binding(operand: Value | Packed): GPUBufferBinding {
    const [source, key] = isPacked(operand) ? [operand.source, operand.key] : [operand, PLAIN];
    const slice = this.slices.get(source)!.get(key)!;
    return { buffer: slice.buffer, offset: slice.offset, size: slice.size };
  }

  dispose(): void {
    for (const buffer of this.buffers) this.gpu.destroyBuffer(buffer);
    this.slices.clear();
  }
}

function plain(value: Value): Upload {
  return { source: value, key: PLAIN, bytes: value.data!.length * 4, make: () => new Float32Array(value.data!) };
}
