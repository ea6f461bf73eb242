// A folder of pictures → one array for the network.

import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { decodeImage, prepareDecoding, type DecodedImage } from "./decode.ts";
import { DataError } from "./errors.ts";
import { describeFileError, printable } from "./files.ts";
import type { NdArray } from "./ndarray.ts";
import { channelCount, type Channels, type Preprocessing } from "./preprocessing.ts";
import { resizeToCover, type Pixels } from "./resize.ts";

/** File extensions taken for pictures; other files in a folder are passed over. */
export const IMAGE_EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".avif"];

/** What a folder holds: names of pictures, and of everything else. Both are sorted with numbers by value (2.png before 10.png). */
export interface Listing {
  readonly images: string[];
  /** Files without an extension of pictures, hidden files, and folders, which end in a slash. */
  readonly others: string[];
}

export interface ImageSet {
  /** [N, C, H, W] or [N, H, W, C], in pixel units: black is range[0], white is range[1]. */
  readonly images: NdArray;
  /** File names, in the order of the images. */
  readonly names: string[];
  /** Pictures that could not be read and were left out, with the reason. */
  readonly skipped: { name: string; reason: string }[];
  /** Everything in the folder that is no picture. */
  readonly others: string[];
  /** Pictures with transparent pixels, which were laid over white. */
  readonly transparent: string[];
  /** Pictures of which only the first frame was read. */
  readonly animated: string[];
}

/** What of the preprocessing concerns pixels; mean and std belong to the network. */
export type PixelFormat = Pick<Preprocessing, "size" | "resize" | "range" | "channels" | "layout">;

interface LoadOptions {
  /** Go on without pictures that cannot be read, as long as there is one that can. */
  skipUnreadable?: boolean;
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

/**
 * The pictures directly inside a folder.
 * @throws DataError when the folder cannot be read or has none
 */
export async function listImages(folder: string): Promise<Listing> {
  let names: string[];
  try {
    names = (await readdir(folder, { withFileTypes: true })).map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  } catch (error) {
    throw new DataError(`${folder}: ${describeFileError(error)}`);
  }
  // A fixed locale: the order, and with it every seeded result, must not depend on the user's language.
  const collator = new Intl.Collator("en", { numeric: true });
  names.sort((a, b) => collator.compare(a, b) || (a < b ? -1 : 1));
  const isImage = (name: string) => IMAGE_EXTENSIONS.includes(extname(name).toLowerCase()) && !/^\.|\/$/.test(name);
  const images = names.filter(isImage);
  if (images.length === 0) {
    throw new DataError(`${folder}: no images in this folder (${IMAGE_EXTENSIONS.map((e) => e.slice(1)).join(", ")})`);
  }
  return { images, others: names.filter((name) => !isImage(name)) };
}

/**
 * Loads every picture of a folder: decode, resize the short side, crop the centre, scale to `range`.
 * @throws DataError naming the file that cannot be decoded
 */
export async function loadImages(folder: string, format: PixelFormat, options: LoadOptions = {}): Promise<ImageSet> {
  const { images: files, others } = await listImages(folder);
  await prepareDecoding();
  const [height, width] = format.size;
  const channels = channelCount(format.channels);
  const stride = channels * height * width;
  const data = allocate(files.length * stride, folder);
  const [names, transparent, animated]: [string[], string[], string[]] = [[], [], []];
  const skipped: ImageSet["skipped"] = [];
  for (const [index, name] of files.entries()) {
    options.signal?.throwIfAborted();
    try {
      const picture = await readImage(join(folder, name));
      const fitted = resizeToCover(picture, height, width, format.resize);
      writePixels(fitted, format, data.subarray(names.length * stride, (names.length + 1) * stride));
      names.push(name);
      if (picture.transparent) transparent.push(name);
      if (picture.animated) animated.push(name);
    } catch (error) {
      if (!(error instanceof UnreadableImage)) throw error;
      if (!options.skipUnreadable) throw new DataError(`${printable(join(folder, name))}: ${error.message}`);
      skipped.push({ name, reason: error.message });
    }
    options.onProgress?.({ done: index + 1, total: files.length });
  }
  if (names.length === 0) {
    throw new DataError(`${folder}: none of the ${files.length} images can be read; ${printable(skipped[0]!.name)}: ${skipped[0]!.reason}`);
  }
  const sample = format.layout === "NCHW" ? [channels, height, width] : [height, width, channels];
  const images = { shape: [names.length, ...sample], data: data.subarray(0, names.length * stride) };
  return { images, names, skipped, others, transparent, animated };
}

/** One file is no picture; the message is the reason without the file's name. */
class UnreadableImage extends Error {}

async function readImage(path: string): Promise<DecodedImage> {
  let bytes: Uint8Array;
  try {
    // A pipe or a device would never end.
    if (!(await stat(path)).isFile()) throw new Error("is not a file");
    bytes = await readFile(path);
  } catch (error) {
    throw new UnreadableImage(describeFileError(error));
  }
  try {
    return await decodeImage(bytes);
  } catch (error) {
    if (error instanceof DataError) throw error; // a package is missing: no other file will fare better
    throw new UnreadableImage(`not a readable image: ${(error as Error).message.split("\n")[0]}`);
  }
}

function allocate(count: number, folder: string): Float32Array {
  try {
    return new Float32Array(count);
  } catch {
    throw new DataError(`${folder}: its images take ${(count / 2 ** 28).toFixed(1)} GiB, more than this process can have at once`);
  }
}

/** RGB bytes → one sample in the wanted channels, layout and range. */
function writePixels({ width, height, data }: Pixels, { channels, layout, range }: PixelFormat, target: Float32Array): void {
  const [low, high] = range;
  const read = channelReader(channels);
  const count = channelCount(channels);
  const area = width * height;
  for (let pixel = 0; pixel < area; pixel++) {
    for (let c = 0; c < count; c++) {
      const value = low + ((high - low) * read(data, pixel * 3, c)) / 255;
      target[layout === "NCHW" ? c * area + pixel : pixel * count + c] = value;
    }
  }
}

type ChannelReader = (rgb: Pixels["data"], at: number, channel: number) => number;

function channelReader(channels: Channels): ChannelReader {
  switch (channels) {
    case "rgb":
      return (rgb, at, c) => rgb[at + c]!;
    case "bgr":
      return (rgb, at, c) => rgb[at + 2 - c]!;
    case "gray":
      // ITU-R BT.601 luma in 16-bit fixed point, as Pillow's convert("L"): gray pixels keep their exact value.
      return (rgb, at) => (rgb[at]! * 19595 + rgb[at + 1]! * 38470 + rgb[at + 2]! * 7471 + 0x8000) >> 16;
  }
}
