// One sample of a network's input → RGBA bytes to look at.

import { elementCount, type NdArray } from "./ndarray.ts";
import { channelCount, type Preprocessing } from "./preprocessing.ts";

/** How the values of a sample form a picture. */
export interface PictureFormat extends Pick<Preprocessing, "channels" | "layout"> {
  readonly range: readonly [number, number];
  readonly height: number;
  readonly width: number;
}

/** RGBA, 8 bits a channel, rows from the top. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

export function pictureFormat({ size, channels, layout, range }: Preprocessing): PictureFormat {
  return { height: size[0], width: size[1], channels, layout, range };
}

/** Pictures smaller than this are taken for feature vectors. */
const SMALLEST_SIDE = 4;

/**
 * Guesses whether a batch [N, ...] of unknown origin holds pictures: one or three channels, first or last. The range is
 * [0, 1] or [0, 255] where the values fit, else their own extremes, so that something can be seen in normalised inputs.
 * Returns undefined where it does not look like pictures.
 */
export function guessPictureFormat(batch: NdArray, range?: readonly [number, number]): PictureFormat | undefined {
  const [, a = 0, b = 0, c = 0, ...rest] = batch.shape;
  if (rest.length > 0) return undefined;
  const first = (a === 1 || a === 3) && b >= SMALLEST_SIDE && c >= SMALLEST_SIDE;
  const last = (c === 1 || c === 3) && a >= SMALLEST_SIDE && b >= SMALLEST_SIDE;
  if (!first && !last) return undefined;
  const channels = (first ? a : c) === 1 ? "gray" : "rgb";
  const [height, width] = first ? [b, c] : [a, b];
  return { height, width, channels, layout: first ? "NCHW" : "NHWC", range: range ?? guessRange(batch.data) };
}

function guessRange(values: Float32Array): [number, number] {
  const { low, high } = extremes(values);
  if (low >= 0 && high <= 1) return [0, 1];
  if (low >= 0 && high <= 255) return [0, 255];
  return low < high ? [low, high] : [low, low + 1];
}

export function extremes(values: Float32Array): { low: number; high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

/** A sample [C, H, W], [H, W, C] or flat as a picture; values outside the range are clipped. */
export function toPicture(sample: NdArray, format: PictureFormat): Picture {
  const [low, high] = format.range;
  const read = reader(sample, format);
  return paint(format, (pixel, rgb) => {
    for (let c = 0; c < 3; c++) rgb[c] = ((read(pixel, c) - low) / (high - low)) * 255;
  });
}

/**
 * A perturbation as a picture, linear and symmetric: −scale … 0 … +scale. One channel goes through blue, white and red;
 * three channels are shown around mid-grey.
 */
export function perturbationToPicture(v: NdArray, format: PictureFormat, scale: number): Picture {
  const read = reader(v, format);
  const unit = scale > 0 ? 1 / scale : 0;
  if (channelCount(format.channels) === 1) {
    return paint(format, (pixel, rgb) => diverging(read(pixel, 0) * unit, rgb));
  }
  return paint(format, (pixel, rgb) => {
    for (let c = 0; c < 3; c++) rgb[c] = 127.5 * (1 + read(pixel, c) * unit);
  });
}

/** Blue, light grey, red: five stops of ColorBrewer's RdBu. t in [-1, 1] is clipped. */
const DIVERGING = [
  [33, 102, 172],
  [146, 197, 222],
  [247, 247, 247],
  [244, 165, 130],
  [178, 24, 43],
] as const;

export function diverging(t: number, rgb: Uint8ClampedArray | number[]): void {
  const position = ((Math.min(1, Math.max(-1, t)) + 1) / 2) * (DIVERGING.length - 1);
  const index = Math.min(DIVERGING.length - 2, Math.floor(position));
  const fraction = position - index;
  for (let c = 0; c < 3; c++) {
    rgb[c] = DIVERGING[index]![c]! * (1 - fraction) + DIVERGING[index + 1]![c]! * fraction;
  }
}

/** A function that gives red, green or blue (0, 1, 2) of a pixel, whatever the layout and order of channels. */
function reader(sample: NdArray, format: PictureFormat): (pixel: number, rgbChannel: number) => number {
  const { height, width, channels, layout } = format;
  const area = height * width;
  const count = channelCount(channels);
  if (elementCount(sample.shape) !== area * count)
    throw new RangeError(`[${sample.shape}] is no ${channels} picture of ${height}×${width}`);
  const channelOf = (c: number) => (channels === "gray" ? 0 : channels === "bgr" ? 2 - c : c);
  return layout === "NCHW"
    ? (pixel, c) => sample.data[channelOf(c) * area + pixel]!
    : (pixel, c) => sample.data[pixel * count + channelOf(c)]!;
}

function paint({ width, height }: PictureFormat, colour: (pixel: number, rgb: Uint8ClampedArray) => void): Picture {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const rgba = data.subarray(pixel * 4, pixel * 4 + 4);
    colour(pixel, rgba);
    rgba[3] = 255;
  }
  return { width, height, data };
}
