/** DeepFool: for each image, the smallest perturbation that changes its label, by walking to linearised boundaries. */
import type { NdArray } from "../data/ndarray.ts";
import { ArgumentError, throwIfAborted } from "../runtime/errors.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Model } from "../runtime/model.ts";
import { samplesIn } from "../runtime/run.ts";
import { Attack, statuses } from "./attack.ts";
import type { Counters, ImageState } from "./attack.ts";
import { checkNorm, normOf } from "./norms.ts";
import type { Norm } from "./norms.ts";
import { ruleNamed } from "./rules.ts";
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
  /** Images processed at once; default 32. */
  readonly batch?: number;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number; readonly iterations: number }) => void;
  readonly signal?: AbortSignal;
}

export type DeepFoolStatus = "fooled" | "exhausted" | "no-direction";

export interface DeepFoolResult {
  /** [N, ...input], overshoot included. */
  readonly perturbations: NdArray;
  /** Labels before, and with the perturbation. */
  readonly labels: Uint32Array;
  readonly newLabels: Uint32Array;
  /** Steps made. */
  readonly iterations: Uint32Array;
  /** ‖r‖ in the norm of the attack. */
  readonly norms: Float32Array;
  /** ρ = ‖r‖ / ‖x‖ in the norm of the attack, x in the model's input space. */
  readonly relativeNorms: Float32Array;
  /** "exhausted": no new label within maxIterations. "no-direction": every candidate's gradient equals the label's. */
  readonly status: readonly DeepFoolStatus[];
  /** Mean of relativeNorms over fooled images; NaN when there is none. */
  readonly meanRho: number;
  readonly seconds: number;
}

export const deepfoolDefaults = { overshoot: 0.02, candidates: 10, maxIterations: 50, rule: "overshoot-inside", batch: 32 } as const;

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
  const settings = attackSettings(options);
  const elements = checkImages(model, x);
  const total = x.shape[0]!;
  const perturbations = new Float32Array(x.data.length);
  const states: ImageState[] = [];
  await model.exclusively(async () => {
    const lanes = Math.min(options.batch ?? deepfoolDefaults.batch, total);
    const complete = { ...settings, lanes };
    // An app that attacks one picture after another finds everything in place from the second on.
    const create = () => Attack.create(model, total, complete, options.signal ? { signal: options.signal } : {});
    const keeps = total * elements <= MOST_KEPT_ELEMENTS;
    const attack = keeps ? await model.keep("deepfool", JSON.stringify([total, complete]), create) : await create();
    try {
      for (let first = 0; first < total; first += attack.segment) {
        const count = Math.min(attack.segment, total - first);
        attack.begin(x.data.subarray(first * elements, (first + count) * elements));
        await runTicks(
          attack,
          count,
          options.signal,
          ({ finished }, ticks) => options.onProgress?.({ done: first + finished, total, iterations: ticks }),
          TICKS_AT_ONCE[model.context.facts.software ? "software" : "gpu"],
        );
        const sums = await attack.stepSums(count);
        for (let i = 0; i < sums.length; i++) perturbations[first * elements + i] = (1 + settings.overshoot) * sums[i]!;
        states.push(...(await attack.imageStates(count)));
      }
    } finally {
      if (!keeps) attack.dispose();
    }
  });
  const norm = options.norm ?? 2;
  const slice = (data: Float32Array, i: number) => data.subarray(i * elements, (i + 1) * elements);
  const norms = Float32Array.from(states, (_, i) => normOf(slice(perturbations, i), norm));
  const relativeNorms = norms.map((size, i) => size / normOf(slice(x.data, i), norm));
  const status = states.map((state) => statuses[state.status] as DeepFoolStatus);
  const fooled = [...relativeNorms].filter((_, i) => status[i] === "fooled");
  return {
    perturbations: { shape: x.shape, data: perturbations },
    labels: Uint32Array.from(states, ({ label }) => label),
    newLabels: Uint32Array.from(states, ({ newLabel }) => newLabel),
    iterations: Uint32Array.from(states, ({ iterations }) => iterations),
    norms,
    relativeNorms,
    status,
    meanRho: fooled.reduce((sum, rho) => sum + rho, 0) / fooled.length,
    seconds: (performance.now() - started) / 1000,
  };
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
}

/** Checks options shared by DeepFool and the universal perturbation. Throws ArgumentError. */
export function attackSettings(options: Pick<DeepFoolOptions, "norm" | "overshoot" | "candidates" | "maxIterations" | "rule">) {
  const norm = checkNorm(options.norm ?? 2);
  const overshoot = options.overshoot ?? deepfoolDefaults.overshoot;
  const candidates = options.candidates ?? deepfoolDefaults.candidates;
  const maxIterations = options.maxIterations ?? deepfoolDefaults.maxIterations;
  if (!(overshoot >= 0)) throw new ArgumentError(`overshoot ${overshoot} must not be negative`);
  if (!Number.isInteger(candidates) || candidates < 2) throw new ArgumentError(`candidates ${candidates} must be an integer of at least 2`);
  if (!Number.isInteger(maxIterations) || maxIterations < 1)
    throw new ArgumentError(`maxIterations ${maxIterations} must be a positive integer`);
  return { overshoot, candidates, maxIterations, rule: ruleNamed(options.rule ?? deepfoolDefaults.rule), squared: norm === 2 };
}

/** Elements of one image. Throws ShapeError when x is not [N ≥ 1, ...input], as f32. */
export function checkImages(model: Model, x: NdArray): number {
  const { name, shape } = model.inputs[0]!;
  samplesIn(`"${name}" of ${model.name}`, shape, x);
  return sizeOf(shape);
}
