// DeepFool on many images, in parts, so that a run that is interrupted keeps the images that are done.
//
// Images are attacked each for itself: an image's outcome does not depend on those that are worked on beside it. Kernels are chosen
// by how many images a batch holds, so parts are whole batches, and what does not fill one is a part of its own.

import { createHash } from "node:crypto";
import { deepfool, deepfoolDefaults, type DeepFoolOptions, type DeepFoolResult, type DeepFoolStatus, type Model } from "../index.ts";
import type { NdArray } from "../data/ndarray.ts";
import { finiteMean } from "../data/statistics.ts";
import { CheckpointError } from "../runtime/errors.ts";

/** Numbers of images, one each, by their name in the result. */
const COUNTS = ["labels", "newLabels", "iterations", "forwards"] as const;
const SIZES = ["norms", "relativeNorms"] as const;
const STATUSES: readonly DeepFoolStatus[] = ["fooled", "exhausted", "no-direction", "non-finite", "out-of-range"];

type Identity = Awaited<ReturnType<Model["identity"]>>;
type Outcomes = Record<(typeof COUNTS)[number], Uint32Array> & Record<(typeof SIZES)[number], Float32Array>;

/** The outcomes of the first `done` images. */
export interface DeepFoolState extends Outcomes {
  readonly model: Identity;
  /** Hash of the images' numbers. */
  readonly images: string;
  readonly done: number;
  /** r [done, ...input]. */
  readonly perturbations: Float32Array;
  /** Indices of STATUSES. */
  readonly status: Uint8Array;
  /** Since the beginning, without interruptions. */
  readonly seconds: number;
}

export interface Survival {
  /** Outcomes to go on from. */
  readonly resume?: DeepFoolState | undefined;
  readonly save: (state: DeepFoolState) => Promise<void>;
  /** Seconds between states; default 10, or 100 times as long as the last one took. */
  readonly every?: number | undefined;
}

const BATCH = deepfoolDefaults.batch;
const SECONDS_BETWEEN = 10;
/** Saving is to take no more than a hundredth of the time. */
const LEAST_SECONDS_FOR_A_SAVE = 100;

type Settings = Omit<DeepFoolOptions, "batch" | "onProgress">;
type OnProgress = NonNullable<DeepFoolOptions["onProgress"]>;

/**
 * deepfool() on all images, with states between parts.
 * @throws CheckpointError where `resume` is of another model or of other images
 */
export async function deepfoolInParts(
  model: Model,
  images: NdArray,
  settings: Settings,
  { resume, save, every }: Survival,
  onProgress: OnProgress,
): Promise<DeepFoolResult> {
  const { shape, data } = images;
  const [total, ...sample] = shape as [number, ...number[]];
  const elements = data.length / total;
  const identity = await model.identity();
  const hash = createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex");
  if (resume) checkState(resume, { identity, hash, total, elements });
  const outcomes = emptyOutcomes(total);
  const perturbations = new Float32Array(data.length);
  const status: DeepFoolStatus[] = [];
  if (resume) {
    for (const name of [...COUNTS, ...SIZES]) outcomes[name].set(resume[name]);
    perturbations.set(resume.perturbations);
    status.push(...Array.from(resume.status, (index) => STATUSES[index]!));
  }
  const now = () => performance.now() / 1000;
  const started = now() - (resume?.seconds ?? 0);
  const whole = total - (total % BATCH);
  let [part, saved, saveTook] = [BATCH as number, now(), 0];
  while (status.length < total) {
    const done = status.length;
    const began = now();
    const end = done < whole ? Math.min(done + part, whole) : total;
    const result = await deepfool(
      model,
      { shape: [end - done, ...sample], data: data.subarray(done * elements, end * elements) },
      { ...settings, batch: BATCH, onProgress: (at) => onProgress({ ...at, done: done + at.done, total }) },
    );
    for (const name of [...COUNTS, ...SIZES]) outcomes[name].set(result[name], done);
    perturbations.set(result.perturbations.data, done * elements);
    status.push(...result.status);
    const wait = every ?? Math.max(SECONDS_BETWEEN, LEAST_SECONDS_FOR_A_SAVE * saveTook);
    const ended = now();
    const left = wait - (ended - saved);
    part = nextPart(left > 0 ? left : wait, (end - done) / (ended - began));
    if (end === total || left > 0) continue;
    const saving = now();
    await save({
      ...firstOf(outcomes, end),
      ...{ model: identity, images: hash, done: end, seconds: saving - started },
      perturbations: perturbations.subarray(0, end * elements),
      status: Uint8Array.from(status, (name) => STATUSES.indexOf(name)),
    });
    saved = now();
    saveTook = saved - saving;
  }
  return {
    ...outcomes,
    perturbations: { shape, data: perturbations },
    status,
    meanRho: finiteMean(outcomes.relativeNorms).mean,
    attachedTo: model.attachedTo,
    seconds: now() - started,
  };
}

/** Images of the next part, so that it ends when the next state is due and not a batch later. */
export function nextPart(secondsLeft: number, imagesPerSecond: number): number {
  return BATCH * Math.max(1, Math.ceil((secondsLeft * imagesPerSecond) / BATCH));
}

const emptyOutcomes = (total: number) =>
  outcomesBy((name) => ((SIZES as readonly string[]).includes(name) ? new Float32Array(total) : new Uint32Array(total)));

const firstOf = (outcomes: Outcomes, count: number) => outcomesBy((name) => outcomes[name].subarray(0, count));

function outcomesBy(array: (name: keyof Outcomes) => Float32Array | Uint32Array): Outcomes {
  return Object.fromEntries([...COUNTS, ...SIZES].map((name) => [name, array(name)])) as unknown as Outcomes;
}

interface Expected {
  readonly identity: Identity;
  readonly hash: string;
  readonly total: number;
  readonly elements: number;
}

function checkState(state: DeepFoolState, { identity, hash, total, elements }: Expected): void {
  const differ = (what: string) => new CheckpointError(`the checkpoint was made with ${what}`);
  for (const name of ["preprocessing", "weights", "tuning"] as const) {
    const [then, now] = [state.model?.[name], identity[name]];
    if (then !== now) throw differ(`${name} ${JSON.stringify(then)}, this call has ${JSON.stringify(now)}`);
  }
  const same = (what: string, then: unknown, now: string) => {
    if (then !== now) throw differ(`${what} (hash ${JSON.stringify(then)}, this call has "${now}")`);
  };
  same("another model, or other dimensions of this one", state.model.hash, identity.hash);
  same("other images, or with the same in another order", state.images, hash);
  const { done } = state;
  const holds = (value: unknown, type: typeof Float32Array | typeof Uint32Array | typeof Uint8Array, length: number) =>
    value instanceof type && value.length === length;
  const wrong = !(Number.isInteger(done) && done >= 0 && done <= total && (done === total || done % BATCH === 0))
    ? "done"
    : (COUNTS.find((name) => !holds(state[name], Uint32Array, done)) ??
      SIZES.find((name) => !holds(state[name], Float32Array, done)) ??
      (holds(state.perturbations, Float32Array, done * elements) ? undefined : "perturbations") ??
      (holds(state.status, Uint8Array, done) && state.status.every((index) => index < STATUSES.length) ? undefined : "status") ??
      (Number.isFinite(state.seconds) && state.seconds >= 0 ? undefined : "seconds"));
  if (wrong) throw new CheckpointError(`its field "${wrong}" does not fit ${done} of ${total} images`);
}
