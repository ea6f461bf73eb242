// A picture file → 8-bit RGB, for Node.
//
// sharp (libvips) decodes PNG, JPEG, WebP and GIF: it is strict about damaged files when asked to be, gives 16 bits and CMYK as they
// are, and its JPEG values are Pillow's. BMP, which sharp cannot read, and AVIF, whose colours it scales up more coarsely,
// are left to the canvas. Both are native modules, loaded on first use.
//
//   orientation    as EXIF says
//   transparency   laid over white, as a viewer shows it
//   16 bits        rounded to 8
//   CMYK           (255 − ink)(255 − black) / 255, as Pillow does
//   profiles       colour profiles and gamma are ignored, as Pillow does
//   animations     the first picture

import { loadCanvas } from "./canvas.ts";
import { DataError } from "./errors.ts";
import { bmpHeader, imageFormat, problemWithFile, type ImageFormat } from "./image-file.ts";
import type { Pixels } from "./resize.ts";

/** More pixels than any photograph has: a file of a few kilobytes can claim billions. */
const MAX_PIXELS = 100_000_000;

export interface DecodedImage extends Pixels {
  /** Some pixels let the white through. */
  readonly transparent: boolean;
  /** Only the first of several pictures was read. */
  readonly animated: boolean;
}

type Sharp = typeof import("sharp").default;

let loading: Promise<Sharp> | undefined;

function loadSharp(): Promise<Sharp> {
  return (loading ??= import("sharp").then(
    ({ default: sharp }) => {
      sharp.cache(false); // no file is read twice
      return sharp;
    },
    (error: Error) => {
      throw new DataError(`images need the package sharp (npm install sharp): ${error.message.trim().split("\n")[0]}`);
    },
  ));
}

/** Loads what decoding needs. @throws DataError when it is not installed or has no build for this platform */
export async function prepareDecoding(): Promise<void> {
  await loadSharp();
}

/**
 * Decodes the content of one file.
 * @throws Error with the reason: not a picture, truncated, damaged, too large; DataError where a package is missing
 */
export async function decodeImage(bytes: Uint8Array): Promise<DecodedImage> {
  if (bytes.length === 0) throw new Error("the file is empty");
  const format = imageFormat(bytes);
  if (!format) throw new Error("it is none of PNG, JPEG, WebP, GIF, BMP and AVIF");
  const problem = problemWithFile(bytes, format);
  if (problem) throw new Error(problem);
  return format === "bmp" || format === "avif" ? decodeByCanvas(bytes, format) : decodeBySharp(bytes);
}

function checkSize(width: number, height: number): void {
  if (!(width > 0 && height > 0)) throw new Error("it has no pixels");
  if (width * height > MAX_PIXELS) {
    throw new Error(`it has ${width}×${height} pixels, and at most ${MAX_PIXELS.toLocaleString("en-US")} are read`);
  }
}

async function decodeBySharp(bytes: Uint8Array): Promise<DecodedImage> {
  const sharp = await loadSharp();
  // "warning" is the strictest: what a decoder only complains about, it has filled in.
  const options = { failOn: "warning", ignoreIcc: true, autoOrient: true, limitInputPixels: MAX_PIXELS } as const;
  const reason = (error: Error): never => {
    throw new Error(error.message.split("\n")[0]!.replace(/^Input buffer has corrupt header: /, "damaged or truncated: "));
  };
  const {
    width,
    height,
    space,
    depth,
    pages = 1,
  } = await sharp(bytes, { ...options, limitInputPixels: false })
    .metadata()
    .catch(reason);
  checkSize(width, height);
  const cmyk = space === "cmyk";
  const wide = depth === "ushort";
  let image = sharp(bytes, options);
  // A space that is named is one that nothing is converted to on the way.
  if (cmyk) image = image.pipelineColourspace("cmyk").toColourspace("cmyk");
  else if (wide) image = image.pipelineColourspace(space).toColourspace(space);
  const { data, info } = await image
    .raw({ depth: wide ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true })
    .catch(reason);
  const values = wide ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
  const rgb = cmyk ? { data: fromCmyk(values), transparent: false } : toRgb(values, info.channels, wide ? 0xffff : 0xff);
  return { width: info.width, height: info.height, channels: 3, ...rgb, animated: pages > 1 };
}

/** Grey or RGB, perhaps with alpha, 8 or 16 bits → RGB over white. */
function toRgb(values: ArrayLike<number>, channels: number, most: number): Pick<DecodedImage, "data" | "transparent"> {
  if (channels === 3 && most === 0xff) return { data: values as Uint8Array, transparent: false };
  const colours = channels < 3 ? 1 : 3;
  const data = new Uint8ClampedArray((values.length / channels) * 3);
  let transparent = false;
  for (let i = 0, o = 0; i < values.length; i += channels) {
    const alpha = channels > colours ? values[i + colours]! : most;
    if (alpha < most) transparent = true;
    for (let c = 0; c < 3; c++) {
      const value = values[i + (colours === 1 ? 0 : c)]!;
      data[o++] = Math.round(((most + ((value - most) * alpha) / most) * 0xff) / most);
    }
  }
  return { data, transparent };
}

/** Four inks, 255 for full. Rounded as Pillow does. */
function fromCmyk(inks: ArrayLike<number>): Uint8ClampedArray {
  const data = new Uint8ClampedArray((inks.length / 4) * 3);
  for (let i = 0, o = 0; i < inks.length; i += 4) {
    const light = 0xff - inks[i + 3]!;
    for (let c = 0; c < 3; c++) data[o++] = light - Math.round((inks[i + c]! * light) / 0xff);
  }
  return data;
}

async function decodeByCanvas(bytes: Uint8Array, format: ImageFormat): Promise<DecodedImage> {
  let pages = 1;
  if (format === "bmp") {
    const { width, height } = bmpHeader(bytes);
    checkSize(width, height);
  } else {
    const { width, height, pages: count = 1 } = await (await loadSharp())(bytes).metadata();
    checkSize(width, height);
    pages = count;
  }
  const { createCanvas, loadImage } = await loadCanvas();
  const image = await loadImage(bytes);
  const { width, height } = image;
  checkSize(width, height);
  const context = createCanvas(width, height).getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return { width, height, channels: 3, ...toRgb(data, 4, 0xff), animated: pages > 1 };
}
