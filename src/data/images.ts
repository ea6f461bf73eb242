// A folder of pictures → one array for the network.

import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { loadCanvas, type Canvas } from "./canvas.ts";
import { DataError } from "./errors.ts";
import { describeFileError, readBytes } from "./files.ts";
import type { NdArray } from "./ndarray.ts";
import { channelCount, type Channels, type Preprocessing } from "./preprocessing.ts";
import { resizeToCover, type Pixels } from "./resize.ts";

/** File extensions taken for pictures; other files in a folder are passed over. */
export const IMAGE_EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".avif"];

export interface ImageSet {
  /** [N, C, H, W] or [N, H, W, C], in pixel units: black is range[0], white is range[1]. */
  readonly images: NdArray;
  /** File names, in the order of the images. */
  readonly names: string[];
}

/** What of the preprocessing concerns pixels; mean and std belong to the network. */
export type PixelFormat = Pick<Preprocessing, "size" | "range" | "channels" | "layout">;

interface LoadOptions {
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

/**
 * Names of the pictures directly inside a folder, sorted with numbers by value (2.png before 10.png).
 * @throws DataError when the folder cannot be read or has none
 */
export async function listImages(folder: string): Promise<string[]> {
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    names = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    throw new DataError(`${folder}: ${describeFileError(error)}`);
  }
  const images = names.filter((name) => IMAGE_EXTENSIONS.includes(extname(name).toLowerCase()) && !name.startsWith("."));
  if (images.length === 0) {
    throw new DataError(`${folder}: no images in this folder (${IMAGE_EXTENSIONS.map((e) => e.slice(1)).join(", ")})`);
  }
  // A fixed locale: the order, and with it every seeded result, must not depend on the user's language.
  const collator = new Intl.Collator("en", { numeric: true });
  return images.sort((a, b) => collator.compare(a, b) || (a < b ? -1 : 1));
}

/**
 * Loads every picture of a folder: decode, resize the short side, crop the centre, scale to `range`.
 * @throws DataError naming the file that cannot be decoded
 */
export async function loadImages(folder: string, format: PixelFormat, options: LoadOptions = {}): Promise<ImageSet> {
  const names = await listImages(folder);
  const canvas = await loadCanvas();
  const [height, width] = format.size;
  const channels = channelCount(format.channels);
  const stride = channels * height * width;
  const data = new Float32Array(names.length * stride);
  for (const [index, name] of names.entries()) {
    options.signal?.throwIfAborted();
    const pixels = await decodeImage(canvas, join(folder, name));
    writePixels(resizeToCover(pixels, height, width), format, data.subarray(index * stride, (index + 1) * stride));
    options.onProgress?.({ done: index + 1, total: names.length });
  }
  const sample = format.layout === "NCHW" ? [channels, height, width] : [height, width, channels];
  return { images: { shape: [names.length, ...sample], data }, names };
}

/** Decodes one file to RGB. Transparency is laid over white, as a viewer shows it. */
async function decodeImage({ createCanvas, loadImage }: Canvas, path: string): Promise<Pixels> {
  const bytes = await readBytes(path);
  try {
    const image = await loadImage(bytes);
    const { width, height } = image;
    if (!(width > 0 && height > 0)) throw new Error("it has no pixels");
    const context = createCanvas(width, height).getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    context.drawImage(image, 0, 0);
    return { width, height, channels: 3, data: dropAlpha(context.getImageData(0, 0, width, height).data) };
  } catch (error) {
    throw new DataError(`${path}: not a readable image: ${(error as Error).message.split("\n")[0]}`);
  }
}

function dropAlpha(rgba: Uint8ClampedArray): Uint8ClampedArray {
  const rgb = new Uint8ClampedArray((rgba.length / 4) * 3);
  for (let i = 0, o = 0; i < rgba.length; i += 4) {
    rgb[o++] = rgba[i]!;
    rgb[o++] = rgba[i + 1]!;
    rgb[o++] = rgba[i + 2]!;
  }
  return rgb;
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
