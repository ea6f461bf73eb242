// How pictures become a network's input, and where that is written down: in a JSON file beside the model.
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
  size?: [number, number];
  /** The values that black and white have before mean and std. Default [0, 1]. */
  range?: [number, number];
  /** One a channel, or one for all, in pixel units. Default 0. */
  mean?: number[];
  /** One a channel, or one for all, in pixel units. Default 1. */
  std?: number[];
  /** Default: gray for one channel, rgb for three. */
  channels?: Channels;
  /** Default: the one whose channel axis has 1 or 3 entries. */
  layout?: Layout;
  /** Names of the classes, in the order of the logits. */
  labels?: string[];
}

/** Preprocessing for one model with nothing left open. `mean` and `std` have one entry a channel. */
export interface Preprocessing extends Required<Omit<PreprocessingOptions, "labels">> {
  labels?: string[];
}

const KEYS = ["size", "range", "mean", "std", "channels", "layout", "labels"];

/**
 * Reads and checks the text of a preprocessing file.
 * @param name the file's name, for errors
 * @throws DataError naming the file and the key
 */
export function parsePreprocessing(text: string, name: string): PreprocessingOptions {
  let json: unknown;
  try {
    json = JSON.parse(text);
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
    if (problem) throw new DataError(`${name}: key "${key}" ${problem}, not ${JSON.stringify(options[key])}`);
  }
  return options;
}

/** What is wrong with one entry: "must be …", or undefined. Serves the JSON file and the command line. */
export function problemWith(key: keyof PreprocessingOptions, value: unknown): string | undefined {
  const numbers = (list: unknown): list is number[] => Array.isArray(list) && list.every((x) => Number.isFinite(x));
  switch (key) {
    case "size":
      return numbers(value) && value.length === 2 && value.every((x) => Number.isInteger(x) && x > 0)
        ? undefined
        : "must be [height, width], two positive integers";
    case "range":
      return numbers(value) && value.length === 2 && value[0]! < value[1]!
        ? undefined
        : "must be [low, high], two numbers in ascending order";
    case "mean":
      return numbers(value) && value.length > 0 ? undefined : "must be a list of numbers, one a channel";
    case "std":
      return numbers(value) && value.length > 0 && value.every((x) => x > 0)
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
 * @throws DataError when the model's input cannot hold such pictures
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
  return {
    ...geometry,
    range: options.range ?? [0, 1],
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
  if (shape.length === 1) {
    const { size, channels = "gray", layout = "NCHW" } = options;
    if (!size) throw unfit("is flat: say the size of the pictures (--size, or the key size)");
    const expected = channelCount(channels) * size[0] * size[1];
    if (shape[0] !== expected) throw unfit(`does not hold ${channels} pictures of ${size[0]}×${size[1]}, which have ${expected} values`);
    return { size, channels, layout };
  }
  if (shape.length !== 3) throw unfit("is not that of a picture");
  const isChannelCount = (count: number | undefined) => count === 1 || count === 3;
  const layout = options.layout ?? (!isChannelCount(shape[0]) && isChannelCount(shape[2]) ? "NHWC" : "NCHW");
  const [count, height, width] = (layout === "NCHW" ? shape : [shape[2], shape[0], shape[1]]) as [number, number, number];
  const channels = options.channels ?? (count === 1 ? "gray" : "rgb");
  if (channelCount(channels) !== count)
    throw unfit(`has ${count} channels in layout ${layout}, ${channels} pictures have ${channelCount(channels)}`);
  const size = options.size ?? [height, width];
  if (size[0] !== height || size[1] !== width) throw unfit(`takes pictures of ${height}×${width}, not ${size[0]}×${size[1]}`);
  return { size, channels, layout };
}

export function channelCount(channels: Channels): number {
  return channels === "gray" ? 1 : 3;
}

/** Whether mean and std leave pixels as they are, so that pixel units are the model's own units. */
export function isIdentity({ mean = [], std = [] }: PreprocessingOptions): boolean {
  return mean.every((x) => x === 0) && std.every((x) => x === 1);
}
