// The embedded MNIST digits: models/mnist-digits.bin (pixels, then labels, both u8) and its description in
// models/mnist-digits.json. Both models beside them were trained on MNIST's training set; these digits are of its test set.

import { DataError } from "./errors.ts";
import type { NdArray } from "./ndarray.ts";

/** Some digits: images [N, 1, height, width] in [0, 1], labels [N]. */
export interface DigitSet {
  readonly images: NdArray;
  readonly labels: Uint8Array;
}

export interface Digits {
  /** The set to compute a perturbation from. */
  readonly compute: DigitSet;
  /** The set to judge it by. */
  readonly heldOut: DigitSet;
}

interface Layout {
  count: number;
  height: number;
  width: number;
  images: { offset: number };
  labels: { offset: number };
  sets: Record<"compute" | "held-out", { start: number; count: number }>;
}

const WHITE = 255;

/**
 * Decodes the digits.
 * @param json  the text of mnist-digits.json
 * @param bytes the content of mnist-digits.bin
 * @throws DataError when the two do not belong together
 */
export function decodeDigits(json: string, bytes: Uint8Array): Digits {
  let layout: Layout;
  try {
    layout = JSON.parse(json) as Layout;
  } catch (error) {
    throw new DataError(`mnist-digits.json: ${(error as Error).message}`);
  }
  const { count, height, width } = layout;
  const pixels = height * width;
  if (bytes.length !== count * (pixels + 1)) {
    throw new DataError(`mnist-digits.bin: ${bytes.length} bytes, ${count * (pixels + 1)} expected`);
  }
  const slice = (set: { start: number; count: number }): DigitSet => {
    const first = layout.images.offset + set.start * pixels;
    const data = Float32Array.from(bytes.subarray(first, first + set.count * pixels), (value) => value / WHITE);
    const firstLabel = layout.labels.offset + set.start;
    const labels = Uint8Array.from(bytes.subarray(firstLabel, firstLabel + set.count));
    return { images: { shape: [set.count, 1, height, width], data }, labels };
  };
  return { compute: slice(layout.sets.compute), heldOut: slice(layout.sets["held-out"]) };
}
