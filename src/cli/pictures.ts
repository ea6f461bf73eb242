// The PNG files of a command, from arrays and labels.

import { labelsOf, type Model } from "../index.ts";
import { roundTo } from "../data/perturb.ts";
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
  const { images: shown, perturbed } = perturbFirst(images, perturbation);
  if (range) roundTo({ low: range[0], high: range[1], levels: 256 }, perturbed.data);
  return { images: shown, perturbed, before, after: await labelsOf(model, perturbed) };
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
