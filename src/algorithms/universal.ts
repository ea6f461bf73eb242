/** Universal adversarial perturbations: one v that changes the labels of most images at once. */
import stateSource from "../../shaders/deepfool/state.wgsl?raw";
import absorbSource from "../../shaders/universal/absorb.wgsl?raw";
import scheduleSource from "../../shaders/universal/schedule.wgsl?raw";
import visitSource from "../../shaders/universal/visit.wgsl?raw";
import type { NdArray } from "../data/ndarray.ts";
import { universalFields } from "../options/attacks.ts";
import { checkField, checkOptions } from "../options/fields.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Model } from "../runtime/model.ts";
import { Attack } from "./attack.ts";
import { attackSettings, deepfoolDefaults, runTicks } from "./deepfool.ts";
import type { DeepFoolOptions } from "./deepfool.ts";
import { checkModel, takeImages } from "./inputs.ts";
import { classify, countFooled } from "./labels.ts";
import { normOf } from "./norms.ts";
import type { Norm } from "./norms.ts";
import { addTo } from "../data/perturb.ts";
import { seededShuffle } from "./random.ts";

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

/**
 * Algorithm 1 of Moosavi-Dezfooli, Fawzi, Fawzi, Frossard (2017), exactly: images [N, ...input] are visited one after another
 * in a seeded shuffle; where v does not change an image's label yet, DeepFool's step from x + v is added to v, and v is
 * projected onto the ball. Searching for the next such image runs in batches, which changes nothing of the result. Images and
 * validation are copied when the call is made. Throws ShapeError, ArgumentError (a wrong option, or a number that is not finite),
 * and the signal's reason.
 */
export async function universalPerturbation(model: Model, images: NdArray, options: UniversalOptions): Promise<UniversalResult> {
  const started = performance.now();
  const of = "universalPerturbation";
  const given = { ...universalDefaults, ...checkOptions<UniversalOptions>(of, universalFields, options) };
  const { norm, stepNorm, radius, seed, signal, targetFoolingRate, maxPasses, acceptIterations = given.maxIterations } = given;
  checkField(of, "radius", universalFields.radius, radius);
  checkModel(of, model);
  const x = takeImages(of, "images", model, images);
  const total = x.shape[0]!;
  const elements = x.data.length / total;
  const validation = given.validation === undefined ? undefined : takeImages(of, "validation", model, given.validation);
  const abort = signal ? { signal } : {};
  const labels = await classify(model, x, abort);
  const validationLabels = validation && (await classify(model, validation, abort));

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
    try {
      const passes: UniversalPass[] = [];
      let best: { v: Float32Array; rate: number } = { v: new Float32Array(elements), rate: 0 };
      while (best.rate < targetFoolingRate && passes.length < maxPasses) {
        const pass = passes.length + 1;
        const passStarted = performance.now();
        const order = seededShuffle(total, seed, pass);
        const updates = await visitAll(attack, x, labels, order, pass, given);
        const v = await attack.perturbation();
        const foolingRate = await foolingRateOf(model, x, labels, v, signal);
        if (foolingRate >= best.rate) best = { v, rate: foolingRate };
        passes.push({
          pass,
          foolingRate,
          ...(validation && { validationFoolingRate: await foolingRateOf(model, validation, validationLabels!, v, signal) }),
          norm: normOf(v, norm),
          updates,
          seconds: (performance.now() - passStarted) / 1000,
        });
        // No image was left to work on, or none could be moved: another order would not change v.
        if (updates === 0) break;
      }
      return {
        perturbation: { shape: model.inputs[0]!.shape, data: best.v },
        foolingRate: best.rate,
        reachedTarget: best.rate >= targetFoolingRate,
        targetFoolingRate,
        passes,
        seconds: (performance.now() - started) / 1000,
        seed,
        norm,
        radius,
      };
    } finally {
      attack.dispose();
    }
  });
}

/** One pass over all images in the given order, a segment at a time. Returns how often v was changed. */
async function visitAll(
  attack: Attack,
  images: NdArray,
  labels: Uint32Array,
  order: Uint32Array,
  pass: number,
  options: UniversalOptions & { readonly maxPasses: number },
): Promise<number> {
  const { elements } = attack;
  const started = performance.now();
  let [updates, before] = [0, 0];
  for (let first = 0; first < order.length; first += attack.segment) {
    const part = order.subarray(first, first + attack.segment);
    const data = new Float32Array(part.length * elements);
    part.forEach((image, i) => data.set(images.data.subarray(image * elements, (image + 1) * elements), i * elements));
    attack.begin(
      data,
      Uint32Array.from(part, (image) => labels[image]!),
    );
    await runTicks(
      attack,
      part.length,
      options.signal,
      (counters) => {
        const seen = first + counters.finished;
        const seconds = (performance.now() - started) / 1000;
        updates = before + counters.updates;
        const fooled = seen - updates - counters.givenUp;
        options.onProgress?.({
          pass,
          maxPasses: options.maxPasses,
          seen,
          total: order.length,
          fooledSoFar: fooled,
          rate: seen > 0 ? fooled / seen : 0,
          norm: counters.norm,
          imagesPerSecond: seen / seconds,
          secondsLeft: seen > 0 ? ((order.length - seen) * seconds) / seen : Infinity,
        });
      },
      TICKS_AT_ONCE,
    );
    before = updates;
  }
  return updates;
}

async function foolingRateOf(model: Model, images: NdArray, labels: Uint32Array, v: Float32Array, signal?: AbortSignal): Promise<number> {
  const perturbed = await classify(model, images, { map: (part) => addTo(part, v), signal });
  return countFooled(labels, perturbed) / labels.length;
}
