/**
 * What DeepFool and DeepFool-based universal perturbations share: a segment of images on the GPU and one tick of work on it.
 *
 *   schedule → gather → forward → classify → settle | visit → candidates → seeds → backward → row norms → choose → step
 *
 * A tick is one forward pass over the images at work and one backward pass, of count − 1 rows each, over those that need it.
 * Every count is decided on the GPU, which sizes its own dispatches; the host encodes ticks ahead and reads the counters
 * late. What an attack adds is its `schedule` and what it does after a forward pass.
 */
import candidatesSource from "../../shaders/deepfool/candidates.wgsl?raw";
import chooseSource from "../../shaders/deepfool/choose.wgsl?raw";
import classifySource from "../../shaders/deepfool/classify.wgsl?raw";
import gatherSource from "../../shaders/deepfool/gather.wgsl?raw";
import gridSource from "../../shaders/lib/grid.wgsl?raw";
import gridsSource from "../../shaders/deepfool/grids.wgsl?raw";
import identitySource from "../../shaders/deepfool/identity.wgsl?raw";
import rowNormsSource from "../../shaders/deepfool/row_norms.wgsl?raw";
import scheduleSource from "../../shaders/deepfool/schedule.wgsl?raw";
import seedsSource from "../../shaders/deepfool/seeds.wgsl?raw";
import settleSource from "../../shaders/deepfool/settle.wgsl?raw";
import stateSource from "../../shaders/deepfool/state.wgsl?raw";
import stepSource from "../../shaders/deepfool/step.wgsl?raw";
import { ArgumentError } from "../runtime/errors.ts";
import type { GpuContext } from "../runtime/gpu/context.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Kernel } from "../runtime/gpu/kernel.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import { Stage } from "../runtime/gpu/stage.ts";
import type { StageRequest } from "../runtime/gpu/stage.ts";
import type { Model, RunOptions } from "../runtime/model.ts";
import type { Program } from "../runtime/plan/program.ts";
import type { Rule } from "./rules.ts";

const kernels = {
  schedule: defineKernel("deepfool_schedule", scheduleSource, stateSource),
  gather: defineKernel("deepfool_gather", gatherSource, gridSource),
  classify: defineKernel("classify", classifySource, gridSource),
  settle: defineKernel("deepfool_settle", settleSource, stateSource),
  identity: defineKernel("deepfool_identity", identitySource, gridSource),
  candidates: defineKernel("deepfool_candidates", candidatesSource, stateSource, gridSource),
  seeds: defineKernel("deepfool_seeds", seedsSource, gridSource),
  rowNorms: defineKernel("deepfool_row_norms", rowNormsSource, gridSource),
  choose: defineKernel("deepfool_choose", chooseSource, stateSource),
  step: defineKernel("deepfool_step", stepSource, stateSource, gridSource),
  grids: defineKernel("deepfool_grids", gridsSource, stateSource, gridSource),
};

/** Status of an image; the order is that of shaders/deepfool/state.wgsl. */
export const statuses = ["waiting", "active", "fooled", "exhausted", "no-direction", "passed-over"] as const;

const LANES = 64;
const IMAGE_WORDS = 4;
const COUNTER_WORDS = 12;
const NORM_WORD = 9;
const INDIRECT_BYTES = 12;
const BYTES = 4;

export interface AttackSettings {
  /** Images processed at once. */
  readonly lanes: number;
  /** Classes whose boundaries are considered, the label included. */
  readonly candidates: number;
  readonly maxIterations: number;
  readonly overshoot: number;
  readonly rule: Rule;
  readonly squared: boolean;
  /** Present for universal perturbations: images are visited one after another and v is kept in the ball. */
  readonly universal?: {
    readonly kernels: Readonly<Record<"schedule" | "visit" | "absorb", Kernel>>;
    readonly ballSquared: boolean;
    readonly radius: number;
    readonly acceptIterations: number;
  };
}

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
}

/** Words of each grid entry in the table of shaders/deepfool/grids.wgsl. */
type GridEntry = readonly [itemsPerSample: number, fixedItems: number, perGroup: number, depth: number];

export class Attack {
  private readonly stages: Stage[] = [];
  private constructor(
    private readonly gpu: GpuContext,
    private readonly program: Program,
    /** Most images in memory at a time. */
    readonly segment: number,
    readonly elements: number,
    private readonly buffers: Readonly<Record<string, GPUBuffer>>,
    private readonly encodeTick: (pass: GPUComputePassEncoder) => void,
  ) {}

  /** Elements of v, where the attack is universal. */
  get v(): GPUBuffer {
    return this.buffers["v"]!;
  }

  static async create(model: Model, images: number, settings: AttackSettings, options: RunOptions = {}): Promise<Attack> {
    const gpu = model.context;
    const elements = sizeOf(model.inputs[0]!.shape);
    const classes = sizeOf(model.logits.shape);
    if (model.inputs.length !== 1) throw new ArgumentError(`${model.name} has ${model.inputs.length} inputs; attacks take one`);
    if (classes < 2) throw new ArgumentError(`${model.name} has ${classes} output; an attack needs at least two classes`);
    const count = Math.min(settings.candidates, classes);
    const rows = count - 1;
    const { program, derivative, input } = await model.attackProgram(settings.lanes, rows, options);
    const capacity = program.plan.capacity;
    const segment = Math.min(images, segmentLimit(gpu, elements));

    const { STORAGE, COPY_SRC, COPY_DST, INDIRECT } = GPUBufferUsage;
    const make = (name: string, words: number, usage = STORAGE | COPY_SRC | COPY_DST) =>
      gpu.createBuffer(`attack ${name}`, words * BYTES, usage);
    const table = program.gridTable();
    const extras: Record<string, GridEntry> = {
      gather: [elements, 0, LANES, 1],
      seeds: [rows * classes, 0, LANES, 1],
      rowNorms: [rows, 0, 1, 1],
      step: [elements, 0, LANES, 1],
      regather: [elements, 0, LANES, 1],
    };
    const launches = table.data.length / 4;
    const entries = [...table.data, ...Object.values(extras).flat()];
    const total = entries.length / 4;
    const offsetOf = (name: string) => (launches + Object.keys(extras).indexOf(name)) * INDIRECT_BYTES;

    const buffers: Record<string, GPUBuffer> = {
      x: make("images", segment * elements),
      r: make("steps", segment * elements),
      v: make("perturbation", settings.universal ? elements : 4),
      images: make("states", segment * IMAGE_WORDS),
      candidates: make("candidates", segment * count),
      list: make("lanes", capacity),
      owners: make("survivors", capacity),
      predicted: make("labels", capacity),
      counters: make("counters", COUNTER_WORDS),
      norms: make("row norms", capacity * rows),
      steps: make("chosen steps", 2 * capacity),
      table: make("grid table", entries.length),
      grids: make("grids", 3 * total, STORAGE | INDIRECT),
      slots: program.slots,
      input: program.port(input),
      shift: gpu.nothing,
      logits: program.port(derivative.graph.outputs[0]!),
      cotangent: program.port(derivative.seed),
      normals: program.port(derivative.result),
    };
    buffers["shift"] = settings.universal ? buffers["v"]! : gpu.nothing;
    gpu.device.queue.writeBuffer(buffers["table"]!, 0, Uint32Array.from(entries));

    const { squared, rule, overshoot, maxIterations, universal } = settings;
    const factor = (overshoots: boolean) => (overshoots ? 1 + overshoot : 1);
    const stages: Stage[] = [];
    const stage = async (request: Omit<StageRequest, "buffers"> & { buffers?: Record<string, GPUBuffer> }) => {
      const made = await Stage.create(gpu, { ...request, buffers: { ...buffers, ...request.buffers } });
      stages.push(made);
      return made;
    };
    const gatherAt = (overshoots: boolean, list: GPUBuffer) =>
      stage({
        kernel: kernels.gather,
        constants: { LANES, SHIFTED: universal !== undefined },
        buffers: { list },
        params: { elements, capacity, factor: factor(overshoots) },
      });
    const gridsOf = (backward: boolean, begin: number, end: number) =>
      stage({ kernel: kernels.grids, constants: { LANES, BACKWARD: backward }, params: { begin, end } });
    const gatherIndex = launches;

    const schedule = await (universal
      ? stage({ kernel: universal.kernels.schedule })
      : stage({ kernel: kernels.schedule, constants: { LANES, CAPACITY: capacity } }));
    const forwardGrids = await gridsOf(false, 0, table.forwardLaunches);
    const gatherGrid = await gridsOf(false, gatherIndex, gatherIndex + 1);
    const gather = await gatherAt(rule.stopOvershoots, buffers["list"]!);
    const classify = await stage({ kernel: kernels.classify, constants: { LANES }, params: { classes, capacity } });
    const settle = await (universal
      ? stage({
          kernel: universal.kernels.visit,
          constants: { CAPACITY: capacity },
          params: { max_iterations: maxIterations, accept_iterations: universal.acceptIterations },
        })
      : stage({ kernel: kernels.settle, constants: { LANES, CAPACITY: capacity }, params: { max_iterations: maxIterations } }));
    const absorb =
      universal &&
      (await stage({
        kernel: universal.kernels.absorb,
        constants: { LANES: 4 * LANES, SQUARED: universal.ballSquared },
        params: { elements, factor: 1 + overshoot, radius: universal.radius },
      }));
    const backwardGrids = await gridsOf(true, table.forwardLaunches, total);
    // Where the gradient is taken elsewhere than the label is tested, survivors get a forward pass of their own.
    const again = rule.stopOvershoots !== rule.gradientOvershoots && {
      grids: await gridsOf(true, 0, table.forwardLaunches),
      gather: await gatherAt(rule.gradientOvershoots, buffers["owners"]!),
      identity: await stage({ kernel: kernels.identity, constants: { LANES }, params: { capacity } }),
    };
    const candidates = await stage({ kernel: kernels.candidates, constants: { LANES }, params: { classes, count } });
    const seeds = await stage({ kernel: kernels.seeds, constants: { LANES }, params: { classes, count, capacity } });
    const rowNorms = await stage({
      kernel: kernels.rowNorms,
      constants: { LANES, SQUARED: squared },
      params: { elements, rows: capacity * rows },
    });
    const choose = await stage({
      kernel: kernels.choose,
      constants: { LANES, SQUARED: squared },
      params: { classes, count, epsilon: rule.epsilon },
    });
    const step = await stage({ kernel: kernels.step, constants: { LANES, SQUARED: squared }, params: { elements } });

    const grids = buffers["grids"]!;
    const groups = (items: number) => Math.ceil(items / LANES);
    const encodeTick = (pass: GPUComputePassEncoder) => {
      schedule.encode(pass);
      forwardGrids.encode(pass, groups(table.forwardLaunches));
      gatherGrid.encode(pass);
      gather.encodeIndirect(pass, grids, offsetOf("gather"));
      program.encodeIndirect(pass, grids, "forward");
      classify.encode(pass, groups(capacity));
      settle.encode(pass);
      absorb?.encode(pass);
      backwardGrids.encode(pass, groups(total - table.forwardLaunches));
      if (again) {
        again.grids.encode(pass, groups(table.forwardLaunches));
        again.gather.encodeIndirect(pass, grids, offsetOf("regather"));
        program.encodeIndirect(pass, grids, "forward");
        again.identity.encode(pass, groups(capacity));
      }
      candidates.encode(pass, groups(capacity));
      seeds.encodeIndirect(pass, grids, offsetOf("seeds"));
      program.encodeIndirect(pass, grids, "backward");
      rowNorms.encodeIndirect(pass, grids, offsetOf("rowNorms"));
      choose.encode(pass);
      step.encodeIndirect(pass, grids, offsetOf("step"));
    };
    const attack = new Attack(gpu, program, segment, elements, buffers, encodeTick);
    attack.stages.push(...stages);
    return attack;
  }

  /** Puts a segment of images on the GPU, [count, elements], in the order of visiting, and resets their states. */
  begin(images: Float32Array, labels?: ArrayLike<number>): void {
    const count = images.length / this.elements;
    const { queue } = this.gpu.device;
    queue.writeBuffer(this.buffers["x"]!, 0, images as Float32Array<ArrayBuffer>);
    const states = new Uint32Array(count * IMAGE_WORDS);
    for (let i = 0; labels && i < count; i++) states[i * IMAGE_WORDS + 1] = labels[i]!;
    queue.writeBuffer(this.buffers["images"]!, 0, states);
    // forward, backward, cursor, finished; total, scan, updates, absorb; given_up. The norm of v carries over.
    queue.writeBuffer(this.buffers["counters"]!, 0, Uint32Array.of(0, 0, 0, 0, count, 1, 0, 0, 0));
    this.gpu.submit("attack begin", (encoder) => encoder.clearBuffer(this.buffers["r"]!));
  }

  /** Encodes and submits a number of ticks. */
  tick(count: number): void {
    this.gpu.submit("attack ticks", (encoder) => {
      const pass = encoder.beginComputePass({ label: "attack ticks" });
      for (let i = 0; i < count; i++) this.encodeTick(pass);
      pass.end();
    });
  }

  /** The counters after everything submitted so far. */
  async counters(): Promise<Counters> {
    const bytes = await this.gpu.read(this.buffers["counters"]!, 0, COUNTER_WORDS * BYTES);
    const words = new Uint32Array(bytes);
    const norm = new Float32Array(bytes)[NORM_WORD]!;
    return { cursor: words[2]!, finished: words[3]!, updates: words[6]!, givenUp: words[8]!, norm };
  }

  async imageStates(count: number): Promise<ImageState[]> {
    const words = new Uint32Array(await this.gpu.read(this.buffers["images"]!, 0, count * IMAGE_WORDS * BYTES));
    return Array.from({ length: count }, (_, i) => {
      const [status, label, newLabel, iterations] = words.subarray(i * IMAGE_WORDS, (i + 1) * IMAGE_WORDS);
      return { status: status!, label: label!, newLabel: newLabel!, iterations: iterations! };
    });
  }

  /** Sums of the steps of the first `count` images, [count, elements], without overshoot. */
  async stepSums(count: number): Promise<Float32Array> {
    return new Float32Array(await this.gpu.read(this.buffers["r"]!, 0, count * this.elements * BYTES));
  }

  async perturbation(): Promise<Float32Array> {
    return new Float32Array(await this.gpu.read(this.v, 0, this.elements * BYTES));
  }

  dispose(): void {
    const shared = new Set<GPUBuffer>([
      this.program.slots,
      this.gpu.nothing,
      ...["input", "logits", "cotangent", "normals"].map((name) => this.buffers[name]!),
    ]);
    for (const stage of this.stages) stage.dispose();
    for (const buffer of Object.values(this.buffers)) if (!shared.has(buffer)) this.gpu.destroyBuffer(buffer);
  }
}

/** Bytes of images kept on the GPU at a time; larger sets are taken in segments. */
const SEGMENT_BYTES = 2 ** 28;

function segmentLimit(gpu: GpuContext, elements: number): number {
  const bytes = Math.min(SEGMENT_BYTES, gpu.device.limits.maxStorageBufferBindingSize);
  return Math.max(1, Math.floor(bytes / (elements * BYTES)));
}
