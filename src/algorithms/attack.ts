/**
 * What DeepFool and DeepFool-based universal perturbations share: a segment of images on the GPU, on which it works in ticks
 * (tick.ts). The host encodes ticks ahead and reads the counters late.
 */
import type { GpuContext } from "../runtime/gpu/context.ts";
import { Work } from "../runtime/gpu/work.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Model, RunOptions } from "../runtime/model.ts";
import { normOf } from "./norms.ts";
import { Rays } from "./ray.ts";
import type { LabelsAlong } from "./refine.ts";
import { createTick, tickGrids } from "./tick.ts";
import type { AttackSettings, Tick, TickGrids, TickSizes } from "./tick.ts";

/** Status of an image; the order is that of shaders/deepfool/state.wgsl. */
export const statuses = ["waiting", "active", "fooled", "exhausted", "no-direction", "passed-over", "non-finite", "out-of-range"] as const;

const IMAGE_WORDS = 6;
const MAGNITUDE_WORD = 5;
const COUNTER_WORDS = 12;
const NORM_WORD = 9;
const BYTES = 4;

export interface Counters {
  readonly cursor: number;
  readonly finished: number;
  /** Universal: times v was changed, images on which DeepFool gave up, and ‖v‖ as of the last change. */
  readonly updates: number;
  readonly givenUp: number;
  readonly norm: number;
}

export interface ImageState {
  readonly status: number;
  readonly label: number;
  readonly newLabel: number;
  readonly iterations: number;
  /** Forward passes beside those of the steps. */
  readonly tries?: number;
}

export class Attack {
  /** Of the segment at work: an error of one call is not the next one's. */
  private work: Work;
  private disposed = false;

  private constructor(
    private readonly gpu: GpuContext,
    /** Most images in memory at a time. */
    readonly segment: number,
    readonly elements: number,
    private readonly buffers: ReturnType<typeof ownBuffers>,
    private readonly steps: Tick,
    private readonly rays: Rays | undefined,
    private readonly release: () => void,
  ) {
    this.work = new Work(gpu);
  }

  /** Elements of v, where the attack is universal. */
  get v(): GPUBuffer {
    return this.buffers.v;
  }

  static async create(model: Model, images: number, settings: AttackSettings, options: RunOptions = {}): Promise<Attack> {
    const gpu = model.context;
    const elements = sizeOf(model.inputs[0]!.shape);
    const classes = sizeOf(model.logits.shape);
    const count = Math.min(settings.candidates, classes);
    const rows = count - 1;
    const { program, derivative, input, release } = await model.attackProgram(settings.lanes, rows, options);
    const { capacity } = program.plan;
    const segment = Math.min(images, segmentLimit(gpu, elements));
    const sizes = { elements, classes, count, rows, capacity };
    const grids = tickGrids(program, sizes);
    const work = new Work(gpu);
    const made: GPUBuffer[] = [];
    try {
      const own = work.scoped("attack", () => ownBuffers(gpu, segment, settings.universal !== undefined, sizes, grids, made));
      work.scoped("attack table", () => gpu.device.queue.writeBuffer(own.table, 0, grids.words));
      const others = {
        slots: program.slots,
        input: program.port(input),
        shift: settings.universal ? own.v : gpu.nothing,
        logits: program.port(derivative.graph.outputs[0]!),
        cotangent: program.port(derivative.seed),
        normals: program.port(derivative.result),
      };
      const shared = { gpu, program, sizes, buffers: { ...own, ...others } };
      const [tick, rays] = await Promise.all([createTick({ ...shared, settings, grids }), settings.rays ? Rays.create(shared) : undefined]);
      await work.settled();
      return new Attack(gpu, segment, elements, own, tick, rays, release);
    } catch (error) {
      for (const buffer of made) gpu.destroyBuffer(buffer);
      release();
      throw error;
    }
  }

  /** Puts a segment of images on the GPU, [count, elements], in the order of visiting, and resets their states. */
  begin(images: Float32Array, labels?: ArrayLike<number>): void {
    const count = images.length / this.elements;
    this.work = new Work(this.gpu);
    const { queue } = this.gpu.device;
    queue.writeBuffer(this.buffers.x, 0, images as Float32Array<ArrayBuffer>);
    const states = new Uint32Array(count * IMAGE_WORDS);
    const magnitudes = new Float32Array(states.buffer);
    for (let i = 0; i < count; i++) {
      if (labels) states[i * IMAGE_WORDS + 1] = labels[i]!;
      magnitudes[i * IMAGE_WORDS + MAGNITUDE_WORD] = normOf(images.subarray(i * this.elements, (i + 1) * this.elements), Infinity);
    }
    queue.writeBuffer(this.buffers.images, 0, states);
    // forward, backward, cursor, finished; total, scan, updates, absorb; given_up. The norm of v carries over.
    queue.writeBuffer(this.buffers.counters, 0, Uint32Array.of(0, 0, 0, 0, count, 1, 0, 0, 0));
    this.work.submit("attack begin", (encoder) => encoder.clearBuffer(this.buffers.r));
  }

  /** Encodes and submits a number of ticks. */
  tick(count: number): void {
    this.work.submit("attack ticks", (encoder) => {
      const pass = encoder.beginComputePass({ label: "attack ticks" });
      for (let i = 0; i < count; i++) this.steps.encode(pass);
      pass.end();
    });
  }

  /** The counters after everything submitted so far. */
  async counters(): Promise<Counters> {
    return countersIn(await this.work.read(this.buffers.counters, 0, COUNTER_WORDS * BYTES));
  }

  /**
   * The counters and v, both as they are after everything submitted so far, also where more is submitted before they are read. One at
   * a time.
   */
  async snapshot(): Promise<{ readonly counters: Counters; readonly v: Float32Array }> {
    const { counters, v, snapshot } = this.buffers;
    this.work.submit("attack snapshot", (encoder) => {
      encoder.copyBufferToBuffer(counters, 0, snapshot, 0, COUNTER_WORDS * BYTES);
      encoder.copyBufferToBuffer(v, 0, snapshot, COUNTER_WORDS * BYTES, this.elements * BYTES);
    });
    const bytes = await this.work.read(snapshot, 0, (COUNTER_WORDS + this.elements) * BYTES);
    return { counters: countersIn(bytes), v: new Float32Array(bytes.slice(COUNTER_WORDS * BYTES)) };
  }

  /** Puts back v and its norm. What else a snapshot counts belongs to a segment, and begin() starts that anew. */
  restore(v: Float32Array, norm: number): void {
    const { queue } = this.gpu.device;
    queue.writeBuffer(this.v, 0, v as Float32Array<ArrayBuffer>);
    queue.writeBuffer(this.buffers.counters, NORM_WORD * BYTES, Float32Array.of(norm));
  }

  async imageStates(count: number): Promise<ImageState[]> {
    const words = new Uint32Array(await this.work.read(this.buffers.images, 0, count * IMAGE_WORDS * BYTES));
    return Array.from({ length: count }, (_, i) => {
      const [status, label, newLabel, iterations] = words.subarray(i * IMAGE_WORDS, (i + 1) * IMAGE_WORDS);
      return { status: status!, label: label!, newLabel: newLabel!, iterations: iterations! };
    });
  }

  /** Sums of the steps of the first `count` images, [count, elements], without overshoot. */
  async stepSums(count: number): Promise<Float32Array> {
    return new Float32Array(await this.work.read(this.buffers.r, 0, count * this.elements * BYTES));
  }

  /**
   * Takes perturbations r [count, elements] in place of the sums of steps, and gives a function for labels along them: of x + factor · r
   * for images of the segment, the product being rounded before it is added. Needs the setting `rays`.
   */
  along(r: Float32Array): LabelsAlong {
    this.gpu.device.queue.writeBuffer(this.buffers.r, 0, r as Float32Array<ArrayBuffer>);
    return (images, factors) => this.rays!.labels(images, factors);
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.release();
    this.steps.dispose();
    this.rays?.dispose();
    for (const buffer of Object.values(this.buffers)) this.gpu.destroyBuffer(buffer);
  }
}

function countersIn(bytes: ArrayBuffer): Counters {
  const words = new Uint32Array(bytes, 0, COUNTER_WORDS);
  const norm = new Float32Array(bytes, 0, COUNTER_WORDS)[NORM_WORD]!;
  return { cursor: words[2]!, finished: words[3]!, updates: words[6]!, givenUp: words[8]!, norm };
}

/** The buffers that an attack makes for itself, by the names that its kernels give them; `made` takes each as it is made. */
function ownBuffers(
  gpu: GpuContext,
  segment: number,
  universal: boolean,
  { elements, count, rows, capacity }: TickSizes,
  grids: TickGrids,
  made: GPUBuffer[],
) {
  const { STORAGE, COPY_SRC, COPY_DST, INDIRECT } = GPUBufferUsage;
  const make = (name: string, words: number, usage = STORAGE | COPY_SRC | COPY_DST) => {
    const buffer = gpu.createBuffer(`attack ${name}`, words * BYTES, usage);
    made.push(buffer);
    return buffer;
  };
  return {
    x: make("images", segment * elements),
    r: make("steps", segment * elements),
    v: make("perturbation", universal ? elements : 4),
    snapshot: make("snapshot", universal ? COUNTER_WORDS + elements : 4, COPY_SRC | COPY_DST),
    images: make("states", segment * IMAGE_WORDS),
    candidates: make("candidates", segment * count),
    list: make("lanes", capacity),
    owners: make("survivors", capacity),
    factors: make("factors", capacity),
    predicted: make("labels", capacity),
    counters: make("counters", COUNTER_WORDS),
    sizes: make("row norms", 2 * capacity * rows),
    steps: make("chosen steps", 3 * capacity),
    table: make("grid table", grids.words.length),
    grids: make("grids", 3 * grids.total, STORAGE | INDIRECT),
  };
}

/** Bytes of images kept on the GPU at a time; larger sets are taken in segments. */
const SEGMENT_BYTES = 2 ** 28;

function segmentLimit(gpu: GpuContext, elements: number): number {
  const bytes = Math.min(SEGMENT_BYTES, gpu.device.limits.maxStorageBufferBindingSize);
  return Math.max(1, Math.floor(bytes / (elements * BYTES)));
}
