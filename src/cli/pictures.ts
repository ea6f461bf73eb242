// The PNG files of a command, from arrays and labels.

import type { Model } from "../index.ts";
import { DataError } from "../data/errors.ts";
import { renderGallery, renderPerturbation, type Caption, type GalleryItem } from "../data/gallery.ts";
import { sampleAt, sliceBatch, type NdArray } from "../data/ndarray.ts";
import type { PictureFormat } from "../data/picture.ts";
import type { Terminal } from "./terminal.ts";

/** Pairs in a gallery at most: enough to judge by, few enough to see. */
const GALLERY_PAIRS = 24;

/** The subtitle of galleries made from `asPictures`. */
export const AS_PICTURES = "left: original; right: perturbed, clipped and rounded to 8 bits; beneath: the class of each";
/** The subtitle where labels belong to the exact arrays, which a picture can only approximate. */
export const AS_ARRAYS = "left: original; right: perturbed; beneath: the class of each, before the picture's clipping and rounding";

export interface GalleryContent {
  /** [N, ...input] */
  readonly images: NdArray;
  /** [N, ...input] */
  readonly perturbed: NdArray;
  readonly before: ArrayLike<number>;
  readonly after: ArrayLike<number>;
}

/** gallery.png of the first images. */
export function drawGallery(
  { images, perturbed, before, after }: GalleryContent,
  labelOf: (label: number) => string,
  format: PictureFormat,
  caption: Caption,
): Promise<Uint8Array> {
  const items = Array.from({ length: Math.min(GALLERY_PAIRS, images.shape[0]!) }, (_, index): GalleryItem => ({
    original: sampleAt(images, index),
    perturbed: sampleAt(perturbed, index),
    before: labelOf(before[index]!),
    after: labelOf(after[index]!),
  }));
  return renderGallery(items, format, caption);
}

/** The first images with one perturbation [...input] or one each [N, ...input] added. */
export function perturbFirst(images: NdArray, perturbation: NdArray): { images: NdArray; perturbed: NdArray } {
  const first = sliceBatch(images, 0, Math.min(GALLERY_PAIRS, images.shape[0]!));
  const { data } = perturbation;
  return { images: first, perturbed: { shape: first.shape, data: first.data.map((x, i) => x + data[i % data.length]!) } };
}

/**
 * Gallery content that tells the truth about what it shows: the perturbed images as an 8-bit picture holds them, and the
 * class the model sees in those. Without a range nothing is clipped or rounded.
 */
export async function asPictures(
  model: Model,
  images: NdArray,
  perturbation: NdArray,
  before: ArrayLike<number>,
  range: readonly [number, number] | undefined,
): Promise<GalleryContent> {
  const first = perturbFirst(images, perturbation);
  if (range) {
    const [low, high] = range;
    const { data } = first.perturbed;
    data.forEach((x, i) => (data[i] = low + (Math.round(255 * Math.min(1, Math.max(0, (x - low) / (high - low)))) / 255) * (high - low)));
  }
  const output = model.outputs[0]!.name;
  const logits = (await model.run({ [model.inputs[0]!.name]: first.perturbed }))[output]!;
  const after = Array.from({ length: first.perturbed.shape[0]! }, (_, index) => {
    const { data } = sampleAt(logits, index);
    return data.reduce((best, value, label) => (value > data[best]! ? label : best), 0);
  });
  return { ...first, before, after };
}

export function drawPerturbation(v: NdArray, format: PictureFormat, caption: Caption): Promise<Uint8Array> {
  return renderPerturbation(v, format, caption);
}

/**
 * Adds a picture to the results. Where pictures cannot be drawn (no canvas on this platform), the numbers are still worth
 * having: a note says what is missing.
 */
export async function addPicture(
  files: Record<string, Uint8Array | string>,
  name: string,
  terminal: Terminal,
  draw: () => Promise<Uint8Array>,
): Promise<void> {
  try {
    files[name] = await draw();
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    terminal.note(`${name} is left out: ${error.message}`);
  }
}
