/** Labels of many images: the argmax of their logits, the lowest index among equals. */
import type { NdArray } from "../data/ndarray.ts";
import { checkOptions, signal } from "../options/fields.ts";
import { throwIfAborted } from "../runtime/errors.ts";
import type { Model } from "../runtime/model.ts";
import { checkModel, takeImages } from "./inputs.ts";

const IMAGES_AT_ONCE = 256;

/** In place of a label where there is none, because the logits hold NaN. */
export const NO_LABEL = 0xffffffff;

export interface LabelOptions {
  readonly signal?: AbortSignal;
}

/**
 * The class of each image [N, ...input]: the index of its largest logit, the lowest among equals, and NO_LABEL where a logit is
 * NaN. A network with one output has two classes: 1 where the logit is positive. Throws ShapeError, ArgumentError, and the
 * signal's reason.
 */
export async function labelsOf(model: Model, images: NdArray, options: LabelOptions = {}): Promise<Uint32Array> {
  const of = "labelsOf";
  const { signal: abort } = checkOptions<LabelOptions>(of, { signal }, options);
  checkModel(of, model);
  return classify(model, takeImages(of, "images", model, images), { signal: abort });
}

export interface ClassifyOptions {
  /** What is done to the images before they are classified: some of them at a time, [count, ...input], which stay as they are. */
  readonly map?: (images: Float32Array) => Float32Array;
  readonly signal?: AbortSignal | undefined;
  /** Called with the images classified since the last call. */
  readonly onProgress?: (count: number) => void;
}

/** Labels of x [N, ...input], which has been checked. Images are mapped a few hundred at a time, never all at once. */
export async function classify(model: Model, x: NdArray, { map, signal, onProgress }: ClassifyOptions = {}): Promise<Uint32Array> {
  const total = x.shape[0]!;
  const elements = x.data.length / total;
  const labels = new Uint32Array(total);
  for (let first = 0; first < total; first += IMAGES_AT_ONCE) {
    throwIfAborted(signal);
    const count = Math.min(IMAGES_AT_ONCE, total - first);
    const part = x.data.subarray(first * elements, (first + count) * elements);
    const tensor = await model.logitsOf({ shape: [count, ...x.shape.slice(1)], data: map ? map(part) : part }, signal ? { signal } : {});
    const logits = await tensor.read();
    tensor.dispose();
    const classes = logits.data.length / count;
    for (let i = 0; i < count; i++) labels[first + i] = labelOf(logits.data.subarray(i * classes, (i + 1) * classes));
    onProgress?.(count);
  }
  return labels;
}

/** The index of the largest score, the lowest among equals; NO_LABEL where a score is NaN. */
export function labelOf(scores: Float32Array): number {
  let best = 0;
  for (let c = 0; c < scores.length; c++) {
    if (Number.isNaN(scores[c])) return NO_LABEL;
    if (scores[c]! > scores[best]!) best = c;
  }
  return best;
}

/** How many images have another label than before. One that had none, or has none, is not fooled. */
export function countFooled(before: Uint32Array, after: Uint32Array): number {
  return after.reduce((sum, label, i) => sum + Number(label !== before[i] && label !== NO_LABEL && before[i] !== NO_LABEL), 0);
}
