/**
 * One tick of work on the images of an attack:
 *
 *   schedule → gather → forward → classify → settle | visit → candidates → seeds → backward → row norms → choose → step
 *
 * It is one forward pass over the images at work and one backward pass, of count − 1 rows each, over those that need it. Every
 * count is decided on the GPU, which sizes its own dispatches. What an attack adds is its `schedule` and what it does after a
 * forward pass.
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
import type { GpuContext } from "../runtime/gpu/context.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Kernel } from "../runtime/gpu/kernel.ts";
import { Stage } from "../runtime/gpu/stage.ts";
import type { StageRequest } from "../runtime/gpu/stage.ts";
import type { Program } from "../runtime/plan/program.ts";
import type { Rule } from "./rules.ts";

export const classifyKernel = defineKernel("classify", classifySource, stateSource, gridSource);

const kernels = {
  schedule: defineKernel("deepfool_schedule", scheduleSource, stateSource),
  gather: defineKernel("deepfool_gather", gatherSource, gridSource),
  settle: defineKernel("deepfool_settle", settleSource, stateSource),
  identity: defineKernel("deepfool_identity", identitySource, gridSource),
  candidates: defineKernel("deepfool_candidates", candidatesSource, stateSource, gridSource),
  seeds: defineKernel("deepfool_seeds", seedsSource, gridSource),
  rowNorms: defineKernel("deepfool_row_norms", rowNormsSource, stateSource, gridSource),
  choose: defineKernel("deepfool_choose", chooseSource, stateSource),
  step: defineKernel("deepfool_step", stepSource, stateSource, gridSource),
  grids: defineKernel("deepfool_grids", gridsSource, stateSource, gridSource),
};

const LANES = 64;
const INDIRECT_BYTES = 12;

export interface AttackSettings {
  /** Images processed at once. */
  readonly lanes: number;
  /** Classes whose boundaries are considered, the label included. */
  readonly candidates: number;
  readonly maxIterations: number;
  readonly overshoot: number;
  readonly rule: Rule;
  readonly squared: boolean;
  /** Whether labels along perturbations are asked for afterwards. */
  readonly rays?: boolean;
  /** Present for universal perturbations: images are visited one after another and v is kept in the ball. */
  readonly universal?: {
    readonly kernels: Readonly<Record<"schedule" | "visit" | "absorb", Kernel>>;
    readonly ballSquared: boolean;
    readonly radius: number;
    readonly acceptIterations: number;
  };
}

/** What a tick depends on besides the settings. */
export interface TickSizes {
  /** Of an image. */
  readonly elements: number;
  readonly classes: number;
  /** Classes considered, the label included, and rows of the backward pass: one less. */
  readonly count: number;
  readonly rows: number;
  /** Images at work at most. */
  readonly capacity: number;
}

/** The table from which shaders/deepfool/grids.wgsl sizes dispatches: the program's launches, then those of the tick itself. */
export interface TickGrids {
  readonly words: Uint32Array<ArrayBuffer>;
  readonly total: number;
  readonly forwardLaunches: number;
  /** Place in the table, by the name of a stage. */
  readonly placeOf: (stage: string) => number;
}

/** Words of an entry: items per sample, items whatever the samples, items per workgroup, depth. */
type GridEntry = readonly [number, number, number, number];
const ENTRY_WORDS = 4;

export function tickGrids(program: Program, { elements, classes, rows }: TickSizes): TickGrids {
  const own: Record<string, GridEntry> = {
    gather: [elements, 0, LANES, 1],
    seeds: [rows * classes, 0, LANES, 1],
    rowNorms: [rows, 0, 1, 1],
    step: [elements, 0, LANES, 1],
    regather: [elements, 0, LANES, 1],
  };
  const { data, forwardLaunches } = program.gridTable();
  const words = Uint32Array.from([...data, ...Object.values(own).flat()]);
  const launches = data.length / ENTRY_WORDS;
  return {
    words,
    total: words.length / ENTRY_WORDS,
    forwardLaunches,
    placeOf: (stage) => launches + Object.keys(own).indexOf(stage),
  };
}

export interface TickRequest {
  readonly gpu: GpuContext;
  readonly program: Program;
  readonly settings: AttackSettings;
  readonly sizes: TickSizes;
  readonly grids: TickGrids;
  /** By the names that the kernels' WGSL gives them. */
  readonly buffers: Readonly<Record<string, GPUBuffer>>;
}

type Encode = (pass: GPUComputePassEncoder) => void;

export interface Tick {
  readonly encode: Encode;
  readonly dispose: () => void;
}

/** Makes a stage with the tick's buffers, or others in their place. */
type MakeStage = (request: Omit<StageRequest, "buffers"> & { readonly buffers?: Record<string, GPUBuffer> }) => Stage;

/** Compiles the stages of a tick, all at once, and binds them. */
export async function createTick(request: TickRequest): Promise<Tick> {
  const stages: Stage[] = [];
  const make: MakeStage = (wanted) => {
    const stage = new Stage(request.gpu, { ...wanted, buffers: { ...request.buffers, ...wanted.buffers } });
    stages.push(stage);
    return stage;
  };
  const parts = [testing(request, make), survivors(request, make), stepping(request, make)];
  await Promise.all(stages.map(({ ready }) => ready));
  return {
    encode: (pass) => parts.forEach((encode) => encode(pass)),
    dispose: () => stages.forEach((stage) => stage.dispose()),
  };
}

const groups = (items: number) => Math.ceil(items / LANES);

/** Schedules images, runs the forward pass on them, and settles which are done. */
function testing({ program, settings, sizes, grids, buffers }: TickRequest, make: MakeStage): Encode {
  const { elements, classes, capacity } = sizes;
  const { rule, overshoot, maxIterations, universal } = settings;
  const gatherPlace = grids.placeOf("gather");
  const schedule = universal
    ? make({ kernel: universal.kernels.schedule })
    : make({ kernel: kernels.schedule, constants: { LANES, CAPACITY: capacity } });
  const forwardGrids = gridsStage(make, false, 0, grids.forwardLaunches);
  const gatherGrid = gridsStage(make, false, gatherPlace, gatherPlace + 1);
  const gather = gatherStage(make, settings, sizes, rule.stopOvershoots, buffers["list"]!);
  const classify = make({ kernel: classifyKernel, constants: { LANES }, params: { classes, capacity } });
  const settle = universal
    ? make({
        kernel: universal.kernels.visit,
        constants: { CAPACITY: capacity },
        params: { max_iterations: maxIterations, accept_iterations: universal.acceptIterations },
      })
    : make({ kernel: kernels.settle, constants: { LANES, CAPACITY: capacity }, params: { max_iterations: maxIterations } });
  const absorb =
    universal &&
    make({
      kernel: universal.kernels.absorb,
      constants: { LANES: 4 * LANES, SQUARED: universal.ballSquared },
      params: { elements, factor: 1 + overshoot, radius: universal.radius },
    });
  return (pass) => {
    schedule.encode(pass);
    forwardGrids.encode(pass, groups(grids.forwardLaunches));
    gatherGrid.encode(pass);
    gather.encodeIndirect(pass, buffers["grids"]!, gatherPlace * INDIRECT_BYTES);
    program.encodeIndirect(pass, buffers["grids"]!, "forward");
    classify.encode(pass, groups(capacity));
    settle.encode(pass);
    absorb?.encode(pass);
  };
}

/**
 * Sizes what follows by the images that need a step. Where the gradient is taken elsewhere than the label is tested, they get a
 * forward pass of their own.
 */
function survivors({ program, settings, sizes, grids, buffers }: TickRequest, make: MakeStage): Encode {
  const { capacity } = sizes;
  const { stopOvershoots, gradientOvershoots } = settings.rule;
  const backwardGrids = gridsStage(make, true, grids.forwardLaunches, grids.total);
  const again = stopOvershoots !== gradientOvershoots && {
    grids: gridsStage(make, true, 0, grids.forwardLaunches),
    gather: gatherStage(make, settings, sizes, gradientOvershoots, buffers["owners"]!),
    identity: make({ kernel: kernels.identity, constants: { LANES }, params: { capacity } }),
  };
  return (pass) => {
    backwardGrids.encode(pass, groups(grids.total - grids.forwardLaunches));
    if (!again) return;
    again.grids.encode(pass, groups(grids.forwardLaunches));
    again.gather.encodeIndirect(pass, buffers["grids"]!, grids.placeOf("regather") * INDIRECT_BYTES);
    program.encodeIndirect(pass, buffers["grids"]!, "forward");
    again.identity.encode(pass, groups(capacity));
  };
}

/** Runs the backward pass to the candidates' boundaries, and steps towards the nearest. */
function stepping({ program, settings, sizes, grids, buffers }: TickRequest, make: MakeStage): Encode {
  const { elements, classes, count, rows, capacity } = sizes;
  const { squared, rule } = settings;
  const constants = { LANES, SQUARED: squared };
  const candidates = make({ kernel: kernels.candidates, constants: { LANES }, params: { classes, count } });
  const seeds = make({ kernel: kernels.seeds, constants: { LANES }, params: { classes, count, capacity } });
  const rowNorms = make({ kernel: kernels.rowNorms, constants, params: { elements, rows: capacity * rows } });
  const choose = make({ kernel: kernels.choose, constants, params: { classes, count, epsilon: rule.epsilon } });
  const step = make({ kernel: kernels.step, constants, params: { elements } });
  const sized = (pass: GPUComputePassEncoder, stage: Stage, name: string) =>
    stage.encodeIndirect(pass, buffers["grids"]!, grids.placeOf(name) * INDIRECT_BYTES);
  return (pass) => {
    candidates.encode(pass, groups(capacity));
    sized(pass, seeds, "seeds");
    program.encodeIndirect(pass, buffers["grids"]!, "backward");
    sized(pass, rowNorms, "rowNorms");
    choose.encode(pass);
    sized(pass, step, "step");
  };
}

/** Puts the images of a list, with their steps so far, into the program's input. */
function gatherStage(
  make: MakeStage,
  { overshoot, universal }: AttackSettings,
  { elements, capacity }: TickSizes,
  overshoots: boolean,
  list: GPUBuffer,
): Stage {
  return make({
    kernel: kernels.gather,
    constants: { LANES, SHIFTED: universal !== undefined },
    buffers: { list },
    params: { elements, capacity, factor: overshoots ? 1 + overshoot : 1 },
  });
}

/** Sizes the dispatches from one place of the table to another, by the images at work or by those that need a step. */
function gridsStage(make: MakeStage, backward: boolean, begin: number, end: number): Stage {
  return make({ kernel: kernels.grids, constants: { LANES, BACKWARD: backward }, params: { begin, end } });
}
