/** How often a perturbation changes labels, told in every way that matters, beside random noise of the same size. */
import type { NdArray } from "../data/ndarray.ts";
import { spreadOf, wilsonInterval } from "../data/statistics.ts";
import type { Rate, Spread } from "../data/statistics.ts";
import { evaluateFields } from "../options/attacks.ts";
import { checkOptions } from "../options/fields.ts";
import type { Model } from "../runtime/model.ts";
import { checkModel, takeImages, takeOne } from "./inputs.ts";
import { classify, countFooled, NO_LABEL } from "./labels.ts";
import { normOf } from "./norms.ts";
import type { Norm } from "./norms.ts";
import { addTo, clipTo, roundTo } from "../data/perturb.ts";
import { seededNormal, seededUniform } from "./random.ts";

/** Fooling rate: the share of images with k(x + v) ≠ k(x), k being the network's own label; no ground truth is used. */
export interface FoolingRates {
  /** Of x + v as it is. */
  readonly raw: Rate;
  /** Of x + v clipped to the valid range. */
  readonly clipped?: Rate;
  /** Of x + v clipped and rounded to the levels a picture file can hold. */
  readonly rounded?: Rate;
}

/** Fooling rates of random noise, one a draw: their mean, standard deviation, minimum and maximum, as fractions. */
export interface NoiseRates {
  readonly draws: number;
  readonly raw: Spread;
  /** Clipped and rounded, where the range is known. */
  readonly rounded?: Spread;
}

export interface EvaluateOptions {
  /** Valid range of the input, in its own units; gives the clipped and rounded rates. */
  readonly clip?: readonly [number, number];
  /** Levels of a picture file over that range, at least 2; default 256. */
  readonly levels?: number;
  /** Norm in which the random noise is as large as v: Infinity (default; every element ±‖v‖∞) or 2 (a random direction). */
  readonly norm?: Norm;
  /** Seed of the noise, an integer from 0 to 2³² − 1; default 0. */
  readonly seed?: number;
  /** Draws of the noise; default 20. Each costs a forward pass of all images, or two where the range is known. */
  readonly draws?: number;
  readonly signal?: AbortSignal;
  /** Called with the forward passes made so far, in images, and their final number. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

export interface Evaluation extends FoolingRates {
  readonly n: number;
  /** The same for random noise of the same norm. */
  readonly random: NoiseRates;
  /** 4294967295 in place of a label where the logits hold NaN. */
  readonly labelsBefore: Uint32Array;
  /** With the raw perturbation. */
  readonly labelsAfter: Uint32Array;
  /** Images without a label before, or with the raw perturbation. They never count as fooled. */
  readonly withoutLabel: number;
  readonly norms: { readonly l2: number; readonly linf: number };
}

export const evaluateDefaults = { levels: 256, norm: Infinity, seed: 0, draws: 20 } as const;

/**
 * Measures v [...input] on images [N, ...input]. Both are copied when the call is made. Throws ShapeError, ArgumentError (a wrong
 * option, or a number that is not finite), and the signal's reason.
 */
export async function evaluate(model: Model, images: NdArray, perturbation: NdArray, options: EvaluateOptions = {}): Promise<Evaluation> {
  const of = "evaluate";
  const { clip, levels, norm, seed, draws, signal, onProgress } = {
    ...evaluateDefaults,
    ...checkOptions<EvaluateOptions>(of, evaluateFields, options),
  };
  checkModel(of, model);
  const x = takeImages(of, "images", model, images);
  const v = takeOne(of, "perturbation", model, perturbation).data;
  const n = x.shape[0]!;
  const range = clip && { low: clip[0], high: clip[1], levels };

  const total = n * (range ? 4 + 2 * draws : 2 + draws);
  let done = 0;
  const labels = (map?: (part: Float32Array) => Float32Array) =>
    classify(model, x, { ...(map && { map }), signal, onProgress: (count) => onProgress?.({ done: (done += count), total }) });

  const before = await labels();
  const rateOf = (after: Uint32Array) => wilsonInterval(countFooled(before, after), n);
  const after = await labels((part) => addTo(part, v));
  const rates: FoolingRates = {
    raw: rateOf(after),
    ...(range && {
      clipped: rateOf(await labels((part) => clipTo(range, addTo(part, v)))),
      rounded: rateOf(await labels((part) => roundTo(range, addTo(part, v)))),
    }),
  };
  const noise = { raw: [] as number[], rounded: [] as number[] };
  for (let draw = 0; draw < draws; draw++) {
    const drawn = randomLike(v, norm, seed, draw);
    noise.raw.push(rateOf(await labels((part) => addTo(part, drawn))).rate);
    if (range) noise.rounded.push(rateOf(await labels((part) => roundTo(range, addTo(part, drawn)))).rate);
  }
  return {
    ...rates,
    n,
    random: { draws, raw: spreadOf(noise.raw), ...(range && { rounded: spreadOf(noise.rounded) }) },
    labelsBefore: before,
    labelsAfter: after,
    withoutLabel: before.filter((label, i) => label === NO_LABEL || after[i] === NO_LABEL).length,
    norms: { l2: normOf(v, 2), linf: normOf(v, Infinity) },
  };
}

/** Streams of one seed lie this far apart: 2³² over the golden ratio, so that seeds which are near have no streams in common. */
const DRAW_STRIDE = 2654435769;

/** Noise of the size of v: random signs times ‖v‖∞, or a direction uniform on the sphere of radius ‖v‖₂. */
export function randomLike(v: Float32Array, norm: Norm, seed: number, draw = 0): Float32Array {
  const size = normOf(v, norm);
  const stream = (seed + draw * DRAW_STRIDE) % 2 ** 32;
  if (norm === Infinity) return seededUniform(v.length, stream).map((u) => (u < 0 ? -size : size));
  const direction = seededNormal(v.length, stream);
  const scale = size / normOf(direction, 2);
  return direction.map((g) => g * scale);
}
