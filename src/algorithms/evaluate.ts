/** How often a perturbation changes labels, told in every way that matters, beside random noise of the same size. */
import type { NdArray } from "../data/ndarray.ts";
import { wilsonInterval } from "../data/statistics.ts";
import { ArgumentError, ShapeError } from "../runtime/errors.ts";
import type { Model } from "../runtime/model.ts";
import { checkImages } from "./deepfool.ts";
import { labelsOf } from "./labels.ts";
import { checkNorm, normOf } from "./norms.ts";
import type { Norm } from "./norms.ts";
import { seededNormal, seededUniform } from "./random.ts";

/** A share with its count and its 95 % Wilson interval. */
export interface Rate {
  readonly rate: number;
  readonly count: number;
  readonly n: number;
  readonly low: number;
  readonly high: number;
}

/** Fooling rate: the share of images with k(x + v) ≠ k(x), k being the network's own label; no ground truth is used. */
export interface FoolingRates {
  /** Of x + v as it is. */
  readonly raw: Rate;
  /** Of x + v clipped to the valid range. */
  readonly clipped?: Rate;
  /** Of x + v clipped and rounded to the levels a picture file can hold. */
  readonly rounded?: Rate;
}

export interface EvaluateOptions {
  /** Valid range of the input, in its own units; gives the clipped and rounded rates. */
  readonly clip?: readonly [number, number];
  /** Levels of a picture file over that range; default 256. */
  readonly levels?: number;
  /** Norm in which the random noise is as large as v: Infinity (default; every element ±‖v‖∞) or 2 (a random direction). */
  readonly norm?: Norm;
  /** Seed of the noise; default 0. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

export interface Evaluation extends FoolingRates {
  readonly n: number;
  /** The same for random noise of the same norm. */
  readonly random: FoolingRates;
  readonly labelsBefore: Uint32Array;
  /** With the raw perturbation. */
  readonly labelsAfter: Uint32Array;
  readonly norms: { readonly l2: number; readonly linf: number };
}

const DEFAULT_LEVELS = 256;

/** Measures v [...input] on images [N, ...input]. Throws ShapeError, ArgumentError, and the signal's reason. */
export async function evaluate(model: Model, images: NdArray, perturbation: NdArray, options: EvaluateOptions = {}): Promise<Evaluation> {
  const elements = checkImages(model, images);
  const { clip, levels = DEFAULT_LEVELS, seed = 0, signal } = options;
  const norm = checkNorm(options.norm ?? Infinity);
  if (perturbation.data.length !== elements) {
    throw new ShapeError(`the perturbation [${perturbation.shape.join(", ")}] does not fit images [${images.shape.join(", ")}]`);
  }
  if (clip && !(clip[0] < clip[1])) throw new ArgumentError(`clip [${clip.join(", ")}] is not a range`);
  const abort = signal ? { signal } : {};
  const before = await labelsOf(model, images, abort);
  const rateOf = (after: Uint32Array): Rate => {
    const count = after.reduce((sum, label, i) => sum + Number(label !== before[i]), 0);
    const { low, high } = wilsonInterval(count, after.length);
    return { rate: count / after.length, count, n: after.length, low, high };
  };
  const measure = async (v: Float32Array): Promise<{ rates: FoolingRates; raw: Uint32Array }> => {
    const raw = await labelsOf(model, images, { transform: (x, i) => x + v[i]!, ...abort });
    if (!clip) return { rates: { raw: rateOf(raw) }, raw };
    const [low, high] = clip;
    const step = (high - low) / (levels - 1);
    const clipped = (x: number, i: number) => Math.min(Math.max(x + v[i]!, low), high);
    const rounded = (x: number, i: number) => low + Math.round((clipped(x, i) - low) / step) * step;
    return {
      rates: {
        raw: rateOf(raw),
        clipped: rateOf(await labelsOf(model, images, { transform: clipped, ...abort })),
        rounded: rateOf(await labelsOf(model, images, { transform: rounded, ...abort })),
      },
      raw,
    };
  };
  const measured = await measure(perturbation.data);
  const noise = await measure(randomLike(perturbation.data, norm, seed));
  return {
    ...measured.rates,
    n: before.length,
    random: noise.rates,
    labelsBefore: before,
    labelsAfter: measured.raw,
    norms: { l2: normOf(perturbation.data, 2), linf: normOf(perturbation.data, Infinity) },
  };
}

/** Noise of the size of v: random signs times ‖v‖∞, or a direction uniform on the sphere of radius ‖v‖₂. */
export function randomLike(v: Float32Array, norm: Norm, seed: number): Float32Array {
  const size = normOf(v, norm);
  if (norm === Infinity) return seededUniform(v.length, seed).map((u) => (u < 0 ? -size : size));
  const direction = seededNormal(v.length, seed);
  const scale = size / normOf(direction, 2);
  return direction.map((g) => g * scale);
}
