/** Labels of many images: the argmax of their logits, the lowest index among equals. */
import type { NdArray } from "../data/ndarray.ts";
import { throwIfAborted } from "../runtime/errors.ts";
import type { Model } from "../runtime/model.ts";

const IMAGES_AT_ONCE = 256;

export interface LabelOptions {
  /** What is done to every element before it is classified: element i of the image, x its value. */
  readonly transform?: (x: number, i: number) => number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Labels of x [N, ...input]. Transformed images are made a few hundred at a time, never all at once. */
export async function labelsOf(model: Model, x: NdArray, { transform, signal, onProgress }: LabelOptions = {}): Promise<Uint32Array> {
  const total = x.shape[0]!;
  const elements = x.data.length / total;
  const labels = new Uint32Array(total);
  for (let first = 0; first < total; first += IMAGES_AT_ONCE) {
    throwIfAborted(signal);
    const count = Math.min(IMAGES_AT_ONCE, total - first);
    const part = x.data.subarray(first * elements, (first + count) * elements);
    const data = transform ? part.map((value, i) => transform(value, i % elements)) : part;
    const tensor = await model.logitsOf({ shape: [count, ...x.shape.slice(1)], data }, signal ? { signal } : {});
    const logits = await tensor.read();
    tensor.dispose();
    const classes = logits.data.length / count;
    for (let i = 0; i < count; i++) labels[first + i] = argmax(logits.data.subarray(i * classes, (i + 1) * classes));
    onProgress?.(first + count, total);
  }
  return labels;
}

function argmax(scores: Float32Array): number {
  let best = 0;
  for (let c = 1; c < scores.length; c++) if (scores[c]! > scores[best]!) best = c;
  return best;
}
