/** Universal adversarial perturbations: one v that changes the labels of most images at once. */
import stateSource from "../../shaders/deepfool/state.wgsl?raw";
import absorbSource from "../../shaders/universal/absorb.wgsl?raw";
import scheduleSource from "../../shaders/universal/schedule.wgsl?raw";
import visitSource from "../../shaders/universal/visit.wgsl?raw";
import type { NdArray } from "../data/ndarray.ts";
import { universalFields } from "../options/attacks.ts";
import { checkField, checkOptions } from "../options/fields.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import { throwIfAborted } from "../runtime/errors.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import { hashOfArray } from "../runtime/identity.ts";
import type { Model } from "../runtime/model.ts";
import { Attack } from "./attack.ts";
import type { Counters } from "./attack.ts";
import { checkCheckpoint, checkSameRun, Saver, STATE_VERSION } from "./checkpoint.ts";
import type { CheckpointOptions, RunState } from "./checkpoint.ts";
import { attackSettings, deepfoolDefaults, runTicks } from "./deepfool.ts";
import type { DeepFoolOptions } from "./deepfool.ts";
import { checkModel, takeImages } from "./inputs.ts";
import { classify, countFooled } from "./labels.ts";
import { normOf } from "./norms.ts";
import type { Norm } from "./norms.ts";
import { addTo } from "../data/perturb.ts";
import { seededShuffle } from "./random.ts";
import { checkUniversalState, takeState } from "./universal-state.ts";
import type { Position, UniversalState } from "./universal-state.ts";

const kernels = {
  schedule: defineKernel("universal_schedule", scheduleSource, stateSource),
  visit: defineKernel("universal_visit", visitSource, stateSource),
  absorb: defineKernel("universal_absorb", absorbSource, stateSource),
};

export interface UniversalOptions extends Pick<DeepFoolOptions, "overshoot" | "candidates" | "maxIterations" | "rule" | "signal"> {
  /** The ball v is kept in: Infinity (default) or 2. */
  readonly norm?: Norm;
  /** Radius of the ball, in the model's input units. */
  readonly radius: number;
  /**
   * The norm in which DeepFool measures its steps; default 2 whatever the ball, as the paper's Algorithm 1 has it.
   */
  readonly stepNorm?: Norm;
  /** Passes end once so large a share of the images is fooled; default 0.8. */
  readonly targetFoolingRate?: number;
  /** Default 10. */
  readonly maxPasses?: number;
  /** Seed of the shuffles; default 0. */
  readonly seed?: number;
  /** A step is taken over only if DeepFool needed at most so many; default maxIterations. The authors' code: maxIterations − 2. */
  readonly acceptIterations?: number;
  /** Held-out images [M, ...input] on which every pass is measured too. */
  readonly validation?: NdArray;
  /** Images looked at together while searching for the next unfooled one; default 32. */
  readonly batch?: number;
  readonly onProgress?: (progress: UniversalProgress) => void;
  /** Where states of the run are kept while it goes on: every few seconds, and after each pass. */
  readonly checkpoint?: CheckpointOptions<UniversalState>;
  /**
   * A state to go on from, of a run with the same model, images and options. On the same adapter the result is the same, bit for bit,
   * as if the run had not been interrupted.
   */
  readonly resume?: UniversalState;
}

export interface UniversalProgress {
  readonly pass: number;
  readonly maxPasses: number;
  /** Images visited in this pass, and how many there are. */
  readonly seen: number;
  readonly total: number;
  /** Images of this pass that v fooled when they were visited. */
  readonly fooledSoFar: number;
  readonly rate: number;
  /** ‖v‖ in the norm of the ball. */
  readonly norm: number;
  readonly imagesPerSecond: number;
  /** Until the end of this pass. */
  readonly secondsLeft: number;
}

export interface UniversalPass {
  readonly pass: number;
  /** Share of the images whose label v changes, after the pass. */
  readonly foolingRate: number;
  readonly validationFoolingRate?: number;
  readonly norm: number;
  /** Times v was changed. */
  readonly updates: number;
  readonly seconds: number;
}

export interface UniversalResult {
  /** v [...input], of the pass with the highest fooling rate; the later one among equals. */
  readonly perturbation: NdArray;
  readonly foolingRate: number;
  /** False when maxPasses went by before the target was met. */
  readonly reachedTarget: boolean;
  readonly targetFoolingRate: number;
  readonly passes: readonly UniversalPass[];
  readonly seconds: number;
  readonly seed: number;
  readonly norm: Norm;
  readonly radius: number;
}

const { overshoot, candidates, maxIterations, rule, batch } = deepfoolDefaults;

export const universalDefaults = {
  overshoot,
  candidates,
  maxIterations,
  rule,
  batch,
  norm: Infinity,
  stepNorm: 2,
  targetFoolingRate: 0.8,
  maxPasses: 10,
  seed: 0,
} as const;

/** One tick is one forward pass; a submission of sixteen keeps the GPU busy while the host reads the counters. */
const TICKS_AT_ONCE = 16;

const PASS_BEGIN: Position = { visited: 0, updates: 0, givenUp: 0, passSeconds: 0 };

const now = () => performance.now() / 1000;

/**
 * Algorithm 1 of Moosavi-Dezfooli, Fawzi, Fawzi, Frossard (2017), exactly: images [N, ...input] are visited one after another
 * in a seeded shuffle; where v does not change an image's label yet, DeepFool's step from x + v is added to v, and v is
 * projected onto the ball. Searching for the next such image runs in batches, which changes nothing of the result. Images,
 * validation and `resume` are copied when the call is made. Throws ShapeError, ArgumentError (a wrong option, a number that is not finite, or a
 * `resume` of another run), what `checkpoint.save` throws, and the signal's reason.
 */
export async function universalPerturbation(model: Model, images: NdArray, options: UniversalOptions): Promise<UniversalResult> {
  const called = now();
  const of = "universalPerturbation";
  const given = { ...universalDefaults, ...checkOptions<UniversalOptions>(of, universalFields, options) };
  const { norm, stepNorm, radius, seed, signal, targetFoolingRate, maxPasses, acceptIterations = given.maxIterations } = given;
  const { checkpoint } = given;
  const resume = given.resume && takeState(given.resume);
  checkField(of, "radius", universalFields.radius, radius);
  checkCheckpoint(of, checkpoint);
  checkModel(of, model);
  const x = takeImages(of, "images", model, images);
  const total = x.shape[0]!;
  const elements = x.data.length / total;
  const validation = given.validation === undefined ? undefined : takeImages(of, "validation", model, given.validation);
  const abort = signal ? { signal } : {};
  const run: RunState | undefined = (checkpoint ?? resume) && {
    version: STATE_VERSION,
    method: "universal",
    model: await model.identity(),
    // All that the result depends on; how many images are looked at together is not among it.
    options: {
      ...{ norm, radius, stepNorm, overshoot: given.overshoot, candidates: given.candidates, rule: given.rule },
      ...{ maxIterations: given.maxIterations, acceptIterations, targetFoolingRate, maxPasses, seed },
      validation: validation ? await hashOfArray(validation.data) : "none",
    },
    images: await hashOfArray(x.data),
  };
  if (resume) {
    checkSameRun(resume, run!);
    checkUniversalState(resume, { elements, total, held: validation?.shape[0] ?? 0, classes: sizeOf(model.logits.shape), maxPasses });
  }
  const started = called - (resume?.seconds ?? 0);
  const labels = resume?.labels ?? (await classify(model, x, abort));
  const validationLabels = resume?.validationLabels ?? (validation ? await classify(model, validation, abort) : new Uint32Array());

  return model.exclusively(async () => {
    const attack = await Attack.create(
      model,
      total,
      {
        ...attackSettings({ ...given, norm: stepNorm }, total),
        universal: { kernels, ballSquared: norm === 2, radius, acceptIterations },
      },
      abort,
    );
    const saver = new Saver(checkpoint);
    try {
      const passes = [...(resume?.passes ?? [])];
      let best: { v: Float32Array; rate: number } = { v: resume?.best ?? new Float32Array(elements), rate: resume?.bestRate ?? 0 };
      let position: Position = resume ?? PASS_BEGIN;
      if (resume) attack.restore(resume.v, resume.norm);
      const stateAt = ({ visited, updates, givenUp, passSeconds }: Position, v: Float32Array, length: number): UniversalState => ({
        ...run!,
        ...{ labels, validationLabels, passes: [...passes], best: best.v, bestRate: best.rate },
        ...{ visited, updates, givenUp, passSeconds, v, norm: length, seconds: now() - started },
      });
      // Where v was left alone, no image was left to work on, or none could be moved: another order would not change v.
      while (best.rate < targetFoolingRate && passes.length < maxPasses && passes.at(-1)?.updates !== 0) {
        const pass = passes.length + 1;
        const passStarted = now() - position.passSeconds;
        const order = seededShuffle(total, seed, pass);
        const { updates } = await visitAll(attack, x, labels, order, position, signal, (counters, positionOf) => {
          given.onProgress?.({ pass, maxPasses, norm: counters.norm, ...progressOf(positionOf(counters), total) });
          if (!saver.due) return;
          saver.start(async () => {
            const then = await attack.snapshot();
            return stateAt(positionOf(then.counters), then.v, then.counters.norm);
          });
        });
        const { v, counters } = await attack.snapshot();
        const foolingRate = await foolingRateOf(model, x, labels, v, signal);
        if (foolingRate >= best.rate) best = { v, rate: foolingRate };
        passes.push({
          pass,
          foolingRate,
          ...(validation && { validationFoolingRate: await foolingRateOf(model, validation, validationLabels, v, signal) }),
          norm: normOf(v, norm),
          updates,
          seconds: now() - passStarted,
        });
        position = PASS_BEGIN;
        await saver.settled();
        saver.start(() => stateAt(position, v, counters.norm));
      }
      await saver.settled();
      return {
        perturbation: { shape: model.inputs[0]!.shape, data: best.v },
        foolingRate: best.rate,
        reachedTarget: best.rate >= targetFoolingRate,
        targetFoolingRate,
        passes,
        seconds: now() - started,
        seed,
        norm,
        radius,
      };
    } finally {
      await saver.taken();
      attack.dispose();
    }
  }, signal);
}

type PositionOf = (counters: Counters) => Position;

/** The rest of a pass over all images in the given order, a segment at a time. Returns where it ended. */
async function visitAll(
  attack: Attack,
  images: NdArray,
  labels: Uint32Array,
  order: Uint32Array,
  from: Position,
  signal: AbortSignal | undefined,
  onCounters: (counters: Counters, positionOf: PositionOf) => void,
): Promise<Position> {
  const { elements } = attack;
  const started = now() - from.passSeconds;
  let position = from;
  while (position.visited < order.length) {
    const before = position;
    throwIfAborted(signal);
    const part = order.subarray(before.visited, before.visited + attack.segment);
    const data = new Float32Array(part.length * elements);
    part.forEach((image, i) => data.set(images.data.subarray(image * elements, (image + 1) * elements), i * elements));
    attack.begin(
      data,
      Uint32Array.from(part, (image) => labels[image]!),
    );
    const positionOf: PositionOf = ({ finished, updates, givenUp }) => ({
      visited: before.visited + finished,
      updates: before.updates + updates,
      givenUp: before.givenUp + givenUp,
      passSeconds: now() - started,
    });
    const count = (counters: Counters) => {
      position = positionOf(counters);
      onCounters(counters, positionOf);
    };
    await runTicks(attack, part.length, signal, count, TICKS_AT_ONCE);
  }
  return position;
}

function progressOf({ visited, updates, givenUp, passSeconds }: Position, total: number) {
  const fooled = visited - updates - givenUp;
  return {
    seen: visited,
    total,
    fooledSoFar: fooled,
    rate: visited > 0 ? fooled / visited : 0,
    imagesPerSecond: visited / passSeconds,
    secondsLeft: visited > 0 ? ((total - visited) * passSeconds) / visited : Infinity,
  };
}

async function foolingRateOf(model: Model, images: NdArray, labels: Uint32Array, v: Float32Array, signal?: AbortSignal): Promise<number> {
  const perturbed = await classify(model, images, { map: (part) => addTo(part, v), signal });
  return countFooled(labels, perturbed) / labels.length;
}
