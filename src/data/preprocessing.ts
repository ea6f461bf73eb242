// How images become a network's input, and where that is written down: in a JSON file beside the model.
//
//   u8 pixel p  →  x = lo + (hi - lo) · p / 255     "pixel units", the range; perturbations and radii live here
//               →  (x - mean[c]) / std[c]           the model's own input, folded into the network by the engine

import { DataError } from "./errors.ts";
import { formatShape } from "./ndarray.ts";

export const CHANNELS = ["rgb", "bgr", "gray"] as const;
export const LAYOUTS = ["NCHW", "NHWC"] as const;
export type Channels = (typeof CHANNELS)[number];
export type Layout = (typeof LAYOUTS)[number];

/** What a JSON file or the command line may say; everything else is inferred from the model or has a default. */
export interface PreprocessingOptions {
  /** Height and width in pixels. Default: those of the model's input. */
  size?: readonly [number, number];
  /** The short side an image is resized to before its centre is cropped to the size. Default: so that it just covers the size. */
  resize?: number;
  /** The values that black and white have before mean and std. Default [0, 1]. */
  range?: readonly [number, number];
  /** One a channel, or one for all, in pixel units. Default 0. */
  mean?: readonly number[];
  /** One a channel, or one for all, in pixel units. Default 1. */
  std?: readonly number[];
  /** Default: gray for one channel, rgb for three. */
  channels?: Channels;
  /** Default: the one whose channel axis has 1 or 3 entries. */
  layout?: Layout;
  /** Names of the classes, in the order of the logits. */
  labels?: string[];
}

/** Preprocessing for one model with nothing left open. `mean` and `std` have one entry a channel. */
export interface Preprocessing {
  size: [number, number];
  resize?: number;
  range: [number, number];
  mean: number[];
  std: number[];
  channels: Channels;
  layout: Layout;
  labels?: string[];
}

const KEYS = ["size", "resize", "range", "mean", "std", "channels", "layout", "labels"];
const LARGEST_SIDE = 65_535;
/** The smallest normal number of float32: what is smaller may count as 0 on a GPU. */
const SMALLEST_STD = 2 ** -126;

/**
 * Reads and checks the text of a preprocessing file.
 * @param name the file's name, for errors
 * @throws DataError naming the file and the key
 */
export function parsePreprocessing(text: string, name: string): PreprocessingOptions {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    throw new DataError(`${name}: not JSON: ${(error as Error).message.replaceAll("\n", " ")}`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new DataError(`${name}: must hold an object with some of the keys ${KEYS.join(", ")}`);
  }
  const options = json as Record<string, unknown>;
  for (const key of Object.keys(options)) {
    if (!KEYS.includes(key)) throw new DataError(`${name}: key "${key}" is not known; ${KEYS.join(", ")} are`);
    const problem = problemWith(key as keyof PreprocessingOptions, options[key]);
    if (problem) throw new DataError(`${name}: key "${key}" ${problem}, not ${show(options[key])}`);
  }
  return options;
}

/** A value of a JSON file, short. */
function show(value: unknown): string {
  const flat = typeof value !== "object" || value === null || (Array.isArray(value) && value.every((entry) => typeof entry !== "object"));
  const text = flat ? JSON.stringify(value) : Array.isArray(value) ? "a list of lists or objects" : "an object";
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}

/** What is wrong with one entry: "must be …", or undefined. Serves the JSON file and the command line. */
export function problemWith(key: keyof PreprocessingOptions, value: unknown): string | undefined {
  const isSide = (x: unknown) => Number.isInteger(x) && (x as number) > 0 && (x as number) <= LARGEST_SIDE;
  const finite = (x: unknown): x is number => typeof x === "number" && Number.isFinite(Math.fround(x));
  const numbers = (list: unknown): list is number[] => Array.isArray(list) && list.every(finite);
  switch (key) {
    case "size":
      return Array.isArray(value) && value.length === 2 && value.every(isSide)
        ? undefined
        : `must be [height, width], two integers from 1 to ${LARGEST_SIDE}`;
    case "resize":
      return isSide(value) ? undefined : `must be an integer from 1 to ${LARGEST_SIDE}`;
    case "range":
      return numbers(value) && value.length === 2 && Math.fround(value[0]!) < Math.fround(value[1]!) && finite(value[1]! - value[0]!)
        ? undefined
        : "must be [low, high], two numbers in ascending order";
    case "mean":
      return numbers(value) && value.length > 0 ? undefined : "must be a list of numbers, one a channel";
    case "std":
      return numbers(value) && value.length > 0 && value.every((x) => x >= SMALLEST_STD)
        ? undefined
        : "must be a list of positive numbers, one a channel";
    case "channels":
      return CHANNELS.includes(value as Channels) ? undefined : `must be one of ${CHANNELS.join(", ")}`;
    case "layout":
      return LAYOUTS.includes(value as Layout) ? undefined : `must be one of ${LAYOUTS.join(", ")}`;
    case "labels":
      return Array.isArray(value) && value.every((x) => typeof x === "string") ? undefined : "must be a list of strings";
  }
}

/**
 * Completes preprocessing for a model.
 * @param inputShape one sample of the model's input without the batch axis: [C, H, W], [H, W, C], or flat [C·H·W]
 * @param name what errors are about, usually the model's file
 * @throws DataError when the model's input cannot hold such images
 */
export function resolvePreprocessing(options: PreprocessingOptions, inputShape: readonly number[], name: string): Preprocessing {
  const geometry = inferGeometry(options, inputShape, name);
  const count = channelCount(geometry.channels);
  const perChannel = (key: "mean" | "std", fallback: number): number[] => {
    const values = options[key] ?? [fallback];
    if (values.length !== 1 && values.length !== count) {
      throw new DataError(`${name}: key "${key}" has ${values.length} entries for ${count} channels`);
    }
    return Array.from({ length: count }, (_, channel) => values[channel % values.length]!);
  };
  const { resize } = options;
  if (resize !== undefined && resize < Math.max(...geometry.size)) {
    const [height, width] = geometry.size;
    const proposal = Math.round((Math.max(height, width) * 8) / 7);
    throw new DataError(`${name}: resize ${resize} is smaller than the size ${height}×${width} that is cropped; ${proposal} would do`);
  }
  const [low, high] = options.range ?? [0, 1];
  return {
    ...geometry,
    ...(resize !== undefined && { resize }),
    range: [low, high],
    mean: perChannel("mean", 0),
    std: perChannel("std", 1),
    labels: options.labels,
  };
}

function inferGeometry(
  options: PreprocessingOptions,
  shape: readonly number[],
  name: string,
): Pick<Preprocessing, "size" | "channels" | "layout"> {
  const unfit = (what: string) => new DataError(`${name}: input ${formatShape(shape)} ${what}`);
  const isChannelCount = (count: number | undefined) => count === 1 || count === 3;
  if (shape.length === 1) {
    const { size, channels = "gray", layout = "NCHW" } = options;
    if (!size) throw unfit("is flat: say the size of the images (--size, or the key size)");
    const expected = channelCount(channels) * size[0] * size[1];
    if (shape[0] !== expected) throw unfit(`does not hold ${channels} images of ${size[0]}×${size[1]}, which have ${expected} values`);
    return { size: [size[0], size[1]], channels, layout };
  }
  if (shape.length !== 3) throw unfit("is not that of an image");
  const layout = options.layout ?? (!isChannelCount(shape[0]) && isChannelCount(shape[2]) ? "NHWC" : "NCHW");
  const [count, height, width] = (layout === "NCHW" ? shape : [shape[2], shape[0], shape[1]]) as [number, number, number];
  const channels = options.channels ?? (count === 1 ? "gray" : "rgb");
  if (!isChannelCount(count) && isChannelCount(layout === "NCHW" ? shape[2] : shape[0])) {
    throw unfit(`is not ${layout}: its channels come ${layout === "NCHW" ? "last" : "first"}`);
  }
  if (channelCount(channels) !== count)
    throw unfit(`has ${count} channels in layout ${layout}, ${channels} images have ${channelCount(channels)}`);
  const size = options.size ?? [height, width];
  if (size[0] !== height || size[1] !== width) throw unfit(`takes images of ${height}×${width}, not ${size[0]}×${size[1]}`);
  return { size: [height, width], channels, layout };
}

export function channelCount(channels: Channels): number {
  return channels === "gray" ? 1 : 3;
}

/** Whether mean and std leave pixels as they are, so that pixel units are the model's own units. */
export function isIdentity({ mean = [], std = [] }: PreprocessingOptions): boolean {
  return mean.every((x) => x === 0) && std.every((x) => x === 1);
}
