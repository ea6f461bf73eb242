/** DeepFool: for each image, the smallest perturbation that changes its label, by walking to linearised boundaries. */
import type { NdArray } from "../data/ndarray.ts";
import { finiteMean } from "../data/statistics.ts";
import { deepfoolFields } from "../options/attacks.ts";
import { checkOptions } from "../options/fields.ts";
import { throwIfAborted } from "../runtime/errors.ts";
import type { AttachPoint } from "../runtime/graph/head.ts";
import type { Model } from "../runtime/model.ts";
import { Attack, statuses } from "./attack.ts";
import type { Counters, ImageState } from "./attack.ts";
import { checkModel, takeImages } from "./inputs.ts";
import { normOf } from "./norms.ts";
import type { Norm } from "./norms.ts";
import { refine } from "./refine.ts";
import { rules } from "./rules.ts";
import type { OvershootRule } from "./rules.ts";

export interface DeepFoolOptions {
  /** 2 (default) or Infinity. */
  readonly norm?: Norm;
  /** η: the perturbation is the walk times 1 + η; default 0.02. */
  readonly overshoot?: number;
  /** Classes considered, the label included: those with the largest logits at the start; default 10. */
  readonly candidates?: number;
  /** Steps after which an image is given up; default 50. */
  readonly maxIterations?: number;
  /** Where the overshoot applies; default "overshoot-inside". */
  readonly rule?: OvershootRule;
  /**
   * Whether r ends at the boundary that it crossed, where the walk ended far beyond it; default true. Norms can only shrink. False: r
   * is the walk as published, and is not tried as it is returned.
   */
  readonly refine?: boolean;
  /** Bisections of an image at most; default 40, which is enough for f32. */
  readonly refineSteps?: number;
  /** Images processed at once; default 32. */
  readonly batch?: number;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number; readonly iterations: number }) => void;
  readonly signal?: AbortSignal;
}

/**
 * "fooled": the label changed. Failures: "exhausted": no new label within maxIterations; "no-direction": every candidate's gradient
 * equals the label's; "non-finite": a logit or a gradient was NaN or infinite; "out-of-range": a step left the range of f32.
 */
export type DeepFoolStatus = "fooled" | "exhausted" | "no-direction" | "non-finite" | "out-of-range";

export interface DeepFoolResult {
  /** [N, ...input], overshoot included. Of a failure: as far as the walk came, or zeros where it left the range of f32. */
  readonly perturbations: NdArray;
  /** Labels before, and with the perturbation; 4294967295 in place of a label where a logit is NaN or infinite. */
  readonly labels: Uint32Array;
  readonly newLabels: Uint32Array;
  /** Steps made. */
  readonly iterations: Uint32Array;
  /** Forward passes made, those of `refine` included. */
  readonly forwards: Uint32Array;
  /** ‖r‖ in the norm of the attack; Infinity for failures, so that a median over all images is true. */
  readonly norms: Float32Array;
  /** ρ = ‖r‖ / ‖x‖ in the norm of the attack, x in the model's input space; Infinity for failures and where x is zero. */
  readonly relativeNorms: Float32Array;
  readonly status: readonly DeepFoolStatus[];
  /** Mean of the finite relativeNorms, which are those of fooled images; null where there is none. */
  readonly meanRho: number | null;
  /** Where in the network the attack attached: before a final Softmax, Sigmoid and the like. */
  readonly attachedTo: AttachPoint;
  readonly seconds: number;
}

export const deepfoolDefaults = {
  norm: 2,
  overshoot: 0.02,
  candidates: 10,
  maxIterations: 50,
  rule: "overshoot-inside",
  refine: true,
  refineSteps: 40,
  batch: 32,
} as const;

/**
 * Ticks submitted at once, and how many submissions may be under way: enough to keep a GPU busy while the host waits. Where a
 * CPU stands in, waiting costs less than the empty launches of ticks that nothing is left for.
 */
const TICKS_AT_ONCE = { gpu: 4, software: 1 };
const SUBMISSIONS_AHEAD = 2;

/** Images, in elements, up to which an attack stays on the GPU between calls. */
const MOST_KEPT_ELEMENTS = 2 ** 22;

/**
 * DeepFool (Moosavi-Dezfooli, Fawzi, Frossard 2016) on N images, x [N, ...input]. Steps, class selection and stopping run on
 * the GPU; finished images make room for the next. Throws ShapeError, ArgumentError, and the signal's reason.
 */
export async function deepfool(model: Model, x: NdArray, options: DeepFoolOptions = {}): Promise<DeepFoolResult> {
  const started = performance.now();
  const of = "deepfool";
  const settings = { ...deepfoolDefaults, ...checkOptions<DeepFoolOptions>(of, deepfoolFields, options) };
  checkModel(of, model);
  const { shape, data } = takeImages(of, "x", model, x);
  const total = shape[0]!;
  const elements = data.length / total;
  const perturbations = new Float32Array(data.length);
  const states: ImageState[] = [];
  await model.exclusively(async () => {
    const complete = { ...attackSettings(settings, total), rays: settings.refine };
    // An app that attacks one picture after another finds everything in place from the second on.
    const create = () => Attack.create(model, total, complete, options.signal ? { signal: options.signal } : {});
    const keeps = total * elements <= MOST_KEPT_ELEMENTS;
    const attack = keeps ? await model.keep("deepfool", JSON.stringify([total, complete]), create) : await create();
    try {
      for (let first = 0; first < total; first += attack.segment) {
        throwIfAborted(options.signal);
        const count = Math.min(attack.segment, total - first);
        attack.begin(data.subarray(first * elements, (first + count) * elements));
        await runTicks(
          attack,
          count,
          options.signal,
          ({ finished }, ticks) => options.onProgress?.({ done: first + finished, total, iterations: ticks }),
          TICKS_AT_ONCE[model.context.facts.software ? "software" : "gpu"],
        );
        const r = perturbations.subarray(first * elements, (first + count) * elements);
        (await attack.stepSums(count)).forEach((sum, i) => (r[i] = (1 + settings.overshoot) * sum));
        const found = await attack.imageStates(count);
        states.push(...(settings.refine ? await refined(attack, data.subarray(first * elements), r, found, settings) : found));
      }
    } finally {
      if (!keeps) attack.dispose();
    }
  }, options.signal);
  // Some rules take the gradient elsewhere than the label, each step with a forward pass of its own.
  const again = rules[settings.rule].gradientOvershoots !== rules[settings.rule].stopOvershoots;
  const status = states.map((state) => statuses[state.status] as DeepFoolStatus);
  const sizes = status.map((_, i) => {
    const [image, r] = [data, perturbations].map((array) => array.subarray(i * elements, (i + 1) * elements)) as [
      Float32Array,
      Float32Array,
    ];
    if (!staysInRange(image, r)) {
      status[i] = "out-of-range";
      r.fill(0);
    }
    const norm = status[i] === "fooled" ? normOf(r, settings.norm) : Infinity;
    const length = normOf(image, settings.norm);
    return { norm, rho: length > 0 ? norm / length : Infinity };
  });
  const relativeNorms = Float32Array.from(sizes, ({ rho }) => rho);
  return {
    perturbations: { shape, data: perturbations },
    labels: Uint32Array.from(states, ({ label }) => label),
    newLabels: Uint32Array.from(states, ({ newLabel }) => newLabel),
    iterations: Uint32Array.from(states, ({ iterations }) => iterations),
    forwards: Uint32Array.from(states, ({ iterations, tries = 0 }) => 1 + iterations * (again ? 2 : 1) + tries),
    norms: Float32Array.from(sizes, ({ norm }) => norm),
    relativeNorms,
    status,
    meanRho: finiteMean(relativeNorms).mean,
    attachedTo: model.attachedTo,
    seconds: (performance.now() - started) / 1000,
  };
}

/** States after the perturbations r of fooled images were cut to where the label changes; r is changed in place. */
async function refined(
  attack: Attack,
  x: Float32Array,
  r: Float32Array,
  states: readonly ImageState[],
  { overshoot, refineSteps: steps, signal }: Required<Pick<DeepFoolOptions, "overshoot" | "refineSteps">> & Pick<DeepFoolOptions, "signal">,
): Promise<ImageState[]> {
  const { elements } = attack;
  const part = (array: Float32Array, image: number) => array.subarray(image * elements, (image + 1) * elements);
  const images = states
    .map(({ status, label }, image) => ({ status, label, image }))
    .filter(({ status, image }) => statuses[status] === "fooled" && staysInRange(part(x, image), part(r, image)));
  const along = attack.along(r);
  const ends = await refine(images, { overshoot, steps }, (list, factors) => {
    throwIfAborted(signal);
    return along(list, factors);
  });
  const result = [...states];
  ends.forEach(({ factor, label, forwards, fooled }, i) => {
    const { image } = images[i]!;
    const state = states[image]!;
    if (factor !== 1) part(r, image).forEach((value, d, own) => (own[d] = factor * value));
    const status = fooled ? state.status : statuses.indexOf("exhausted");
    result[image] = { ...state, status, newLabel: label, tries: forwards };
  });
  return result;
}

/** Whether x + r is finite as f32. */
function staysInRange(x: Float32Array, r: Float32Array): boolean {
  for (let i = 0; i < x.length; i++) if (!Number.isFinite(Math.fround(x[i]! + r[i]!))) return false;
  return true;
}

/** Ticks until every image of the segment is finished. The host reads the counters of ticks it submitted a while ago. */
export async function runTicks(
  attack: Attack,
  count: number,
  signal: AbortSignal | undefined,
  onProgress: (counters: Counters, ticks: number) => void,
  ticksAtOnce: number,
): Promise<void> {
  const underWay: Promise<{ counters: Counters; ticks: number }>[] = [];
  let ticks = 0;
  try {
    for (let finished = 0; finished < count;) {
      throwIfAborted(signal);
      while (underWay.length < SUBMISSIONS_AHEAD) {
        attack.tick(ticksAtOnce);
        ticks += ticksAtOnce;
        const submitted = ticks;
        underWay.push(attack.counters().then((counters) => ({ counters, ticks: submitted })));
      }
      const seen = await underWay.shift()!;
      finished = seen.counters.finished;
      onProgress(seen.counters, seen.ticks);
    }
    await Promise.all(underWay);
  } finally {
    // Where this ends by an error, the readings under way still have somebody who hears theirs.
    await Promise.allSettled(underWay);
  }
}

/** What the GPU needs of the options that DeepFool and the universal perturbation share. */
export function attackSettings(
  options: Required<Pick<DeepFoolOptions, "norm" | "overshoot" | "candidates" | "maxIterations" | "rule" | "batch">>,
  images: number,
) {
  const { norm, overshoot, candidates, maxIterations, rule, batch } = options;
  return { overshoot, candidates, maxIterations, rule: rules[rule], squared: norm === 2, lanes: Math.min(batch, images) };
}
