/** Samples on their way through a program: in from host arrays and tensors, in turns of its capacity, and out into tensors. */
import type { NdArray } from "../data/ndarray.ts";
import { checkArray, isUnsafe } from "./arrays.ts";
import { ShapeError, throwIfAborted } from "./errors.ts";
import type { GpuContext } from "./gpu/context.ts";
import { Work } from "./gpu/work.ts";
import { sizeOf } from "./graph/graph.ts";
import type { Value } from "./graph/graph.ts";
import type { Program } from "./plan/program.ts";
import { Tensor } from "./tensor.ts";

const BYTES = 4;

/** Turns under way at once: the GPU has work while the host prepares more, and an abort is heard soon. */
const TURNS_AHEAD = 2;

/** The shape of one sample without its batch axis of extent 1; a file frozen at a larger batch keeps it as part of a sample. */
export function sampleShape(value: Value): readonly number[] {
  return value.shape[0] === 1 ? value.shape.slice(1) : value.shape;
}

/** A tensor that `work` fills, with memory that another has given back where there is some. Throws LimitError. */
export function createTensor(work: Work, model: string, shape: readonly number[], label: string): Tensor {
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const name = `${model} ${label}`;
  const buffer = work.scoped(name, () => work.gpu.reuseBuffer(name, sizeOf(shape) * BYTES, STORAGE | COPY_SRC | COPY_DST));
  return new Tensor(work.gpu, shape, buffer, work);
}

/** What an input is given: host data, or the memory of a tensor that is held until it has been copied. */
type Source = { data: Float32Array } | ReturnType<Tensor["hold"]>;

/**
 * What a graph's inputs are given, N samples each. Tensors are held until release(). Host arrays are read when samples are put into a
 * program: at once, in the same turn of the event loop, or else after keep() has copied them.
 */
export class Feeds {
  /** N. A network whose inputs are all bound to constants is one sample. */
  readonly samples: number;
  private readonly sources = new Map<Value, Source>();

  /** Throws ArgumentError for what is no array or tensor, and ShapeError where one does not fit, or their numbers of samples differ. */
  constructor(
    gpu: GpuContext,
    private readonly model: string,
    arrays: ReadonlyMap<Value, NdArray | Tensor>,
  ) {
    const taken = [...arrays].map(([value, array]) => {
      const what = `"${value.name}" of ${model}`;
      if (array instanceof Tensor) array.check(what, gpu);
      const { shape, data } = array instanceof Tensor ? { shape: array.shape, data: undefined } : checkArray(what, array);
      const [n = 0, ...rest] = shape;
      const sample = sampleShape(value);
      if (n < 1 || rest.join() !== sample.join())
        throw new ShapeError(`${what} takes [${["N", ...sample].join(", ")}], N ≥ 1, given [${shape.join(", ")}]`);
      return { value, n, source: data ? { data: isUnsafe(data) ? data.slice() : data } : array };
    });
    const counts = taken.map(({ n }) => n);
    this.samples = counts[0] ?? 1;
    if (counts.some((count) => count !== this.samples)) throw new ShapeError(`inputs of ${model} have ${counts.join(" and ")} samples`);
    // Held last, so that nothing is held where another input is refused.
    for (const { value, source } of taken) this.sources.set(value, source instanceof Tensor ? source.hold() : source);
  }

  /** The work that makes the tensors among the inputs. */
  get inputs(): readonly Work[] {
    return [...this.sources.values()].flatMap((source) => ("work" in source ? [source.work] : []));
  }

  /** Copies what host arrays hold, so that the caller may write over them. */
  keep(): void {
    for (const [value, source] of this.sources) if ("data" in source) this.sources.set(value, { data: source.data.slice() });
  }

  /** Puts samples into a program's inputs. */
  into(work: Work, program: Program, first: number, samples: number): void {
    const { queue } = work.gpu.device;
    for (const [value, source] of this.sources) {
      const size = sizeOf(value.shape);
      const port = program.port(value);
      if ("data" in source) {
        const data = source.data as Float32Array<ArrayBuffer>;
        work.scoped(`${this.model} feed`, () => queue.writeBuffer(port, 0, data, first * size, samples * size));
      } else {
        const { buffer } = source;
        work.submit(`${this.model} feed`, (encoder) =>
          encoder.copyBufferToBuffer(buffer, first * size * BYTES, port, 0, samples * size * BYTES),
        );
      }
    }
  }

  /** Lets go of the tensors. Idempotent. */
  release(): void {
    for (const source of this.sources.values()) if ("release" in source) source.release();
  }
}

export interface RunRequest {
  readonly gpu: GpuContext;
  /** The model's name. */
  readonly model: string;
  readonly program: Program;
  readonly feeds: Feeds;
  readonly wanted: readonly Value[];
  readonly signal: AbortSignal | undefined;
  /** Called with the samples that are done, or, of the last turns, submitted. */
  readonly onProgress: (done: number) => void;
}

/**
 * Runs a program on all samples and returns the wanted outputs, [N, ...output]. The first turns are submitted before it returns its
 * promise; the caller's arrays are not read after that.
 */
export async function runInTurns({ gpu, model, program, feeds, wanted, signal, onProgress }: RunRequest): Promise<Tensor[]> {
  const n = feeds.samples;
  const { capacity } = program.plan;
  const work = new Work(gpu, feeds.inputs);
  const tensors: Tensor[] = [];
  const underWay: Promise<void>[] = [];
  try {
    for (let first = 0; first < n; first += capacity) {
      if (underWay.length === TURNS_AHEAD) {
        if (first === TURNS_AHEAD * capacity) feeds.keep();
        await underWay.shift();
        await work.settled();
        onProgress(first - (TURNS_AHEAD - 1) * capacity);
      }
      throwIfAborted(signal);
      const samples = Math.min(capacity, n - first);
      work.submit(`${model} run`, (encoder) => {
        if (first === 0) for (const value of wanted) tensors.push(createTensor(work, model, [n, ...sampleShape(value)], value.name));
        feeds.into(work, program, first, samples);
        const pass = encoder.beginComputePass({ label: `${model} run` });
        program.encode(pass, samples);
        pass.end();
        wanted.forEach((value, i) => {
          const bytes = sizeOf(value.shape) * BYTES;
          encoder.copyBufferToBuffer(program.port(value), 0, tensors[i]!.buffer, first * bytes, samples * bytes);
        });
      });
      if (n > TURNS_AHEAD * capacity) underWay.push(gpu.idle());
    }
    onProgress(n);
    return tensors;
  } catch (error) {
    for (const tensor of tensors) tensor.dispose();
    throw error;
  }
}
