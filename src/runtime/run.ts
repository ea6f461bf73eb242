/** Samples on their way through a program: in from host arrays and tensors, in turns of its capacity, and out into tensors. */
import type { NdArray } from "../data/ndarray.ts";
import { ShapeError, throwIfAborted } from "./errors.ts";
import type { GpuContext } from "./gpu/context.ts";
import { sizeOf } from "./graph/graph.ts";
import type { Value } from "./graph/graph.ts";
import type { Program } from "./plan/program.ts";
import { Tensor } from "./tensor.ts";

const BYTES = 4;

/** The shape of one sample without its batch axis of extent 1; a file frozen at a larger batch keeps it as part of a sample. */
export function sampleShape(value: Value): readonly number[] {
  return value.shape[0] === 1 ? value.shape.slice(1) : value.shape;
}

/** A tensor of a model's, with memory that another has given back where there is some. */
export function createTensor(gpu: GpuContext, model: string, shape: readonly number[], label: string): Tensor {
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  return new Tensor(gpu, shape, gpu.reuseBuffer(`${model} ${label}`, sizeOf(shape) * BYTES, STORAGE | COPY_SRC | COPY_DST));
}

/** What a graph's inputs are given: N samples each. */
export class Feeds {
  /** N. A network whose inputs are all bound to constants is one sample. */
  readonly samples: number;

  /** Throws ShapeError where an array does not fit its value, or their numbers of samples differ. */
  constructor(
    private readonly gpu: GpuContext,
    private readonly model: string,
    private readonly arrays: ReadonlyMap<Value, NdArray | Tensor>,
  ) {
    const counts = [...arrays].map(([value, array]) => samplesIn(`"${value.name}" of ${model}`, sampleShape(value), array));
    this.samples = counts[0] ?? 1;
    if (counts.some((count) => count !== this.samples)) throw new ShapeError(`inputs of ${model} have ${counts.join(" and ")} samples`);
  }

  /** Puts samples into a program's inputs. */
  into(program: Program, first: number, samples: number): void {
    for (const [value, array] of this.arrays) {
      const size = sizeOf(value.shape);
      const port = program.port(value);
      if (array instanceof Tensor) {
        this.gpu.submit(`${this.model} feed`, (encoder) =>
          encoder.copyBufferToBuffer(array.buffer, first * size * BYTES, port, 0, samples * size * BYTES),
        );
      } else {
        const data = array.data as Float32Array<ArrayBuffer>;
        this.gpu.device.queue.writeBuffer(port, 0, data, first * size, samples * size);
      }
    }
  }
}

/** The number of samples in an array [N, ...sample]. Throws ShapeError when it is another, or its data is not that many f32 numbers. */
export function samplesIn(what: string, sample: readonly number[], array: NdArray | Tensor): number {
  const [n = 0, ...rest] = array.shape ?? [];
  if (n < 1 || rest.join() !== sample.join()) {
    const given = array.shape ? `[${array.shape.join(", ")}]` : "what is no { shape, data }";
    throw new ShapeError(`${what} takes [${["N", ...sample].join(", ")}], N ≥ 1, given ${given}`);
  }
  if (array instanceof Tensor) return n;
  const { data } = array;
  const length = n * sizeOf(sample);
  // Bytes or doubles would be taken for f32 numbers without a word.
  if (data?.[Symbol.toStringTag] !== "Float32Array" || data.length !== length) {
    const given = `${Object.prototype.toString.call(data).slice(8, -1)} of ${data?.length}`;
    throw new ShapeError(`${what} of shape [${array.shape.join(", ")}] takes data as Float32Array of ${length}, given ${given}`);
  }
  return n;
}

export interface RunRequest {
  readonly gpu: GpuContext;
  /** The model's name. */
  readonly model: string;
  readonly program: Program;
  readonly feeds: Feeds;
  readonly wanted: readonly Value[];
  readonly signal: AbortSignal | undefined;
  /** Called with the samples that are submitted. */
  readonly onProgress: (done: number) => void;
}

/** Runs a program on all samples and returns the wanted outputs, [N, ...output]. */
export function runInTurns({ gpu, model, program, feeds, wanted, signal, onProgress }: RunRequest): Tensor[] {
  const n = feeds.samples;
  const { capacity } = program.plan;
  const tensors = wanted.map((value) => createTensor(gpu, model, [n, ...sampleShape(value)], value.name));
  for (let first = 0; first < n; first += capacity) {
    throwIfAborted(signal);
    const samples = Math.min(capacity, n - first);
    feeds.into(program, first, samples);
    gpu.submit(`${model} run`, (encoder) => {
      const pass = encoder.beginComputePass({ label: `${model} run` });
      program.encode(pass, samples);
      pass.end();
      wanted.forEach((value, i) => {
        const bytes = sizeOf(value.shape) * BYTES;
        encoder.copyBufferToBuffer(program.port(value), 0, tensors[i]!.buffer, first * bytes, samples * bytes);
      });
    });
    onProgress(first + samples);
  }
  return tensors;
}
