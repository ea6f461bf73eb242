// Resizing of 8-bit pictures, antialiased: the same triangle filter as Pillow's BILINEAR and torchvision's Resize, so that
// a network sees what it was trained on. A canvas is not used for this: its filters differ between platforms.

/** Interleaved 8-bit pixels: data[(y · width + x) · channels + c]. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * Resizes so that the picture just covers height × width, keeping its aspect, and crops the centre. A picture that already
 * has the size is returned as it is.
 * @param short the short side to resize to before the centre is cropped, as torchvision's Resize(short) and CenterCrop do;
 *   at least as large as both sides of the crop
 */
export function resizeToCover(picture: Pixels, height: number, width: number, short?: number): Pixels {
  if (short !== undefined) {
    const long = Math.floor((short * Math.max(picture.height, picture.width)) / Math.min(picture.height, picture.width));
    const [tall, wide] = picture.height < picture.width ? [short, long] : [long, short];
    const scaled = picture.height === tall && picture.width === wide ? picture : resizeBilinear(picture, tall, wide);
    return crop(scaled, halfToEven(tall - height), halfToEven(wide - width), height, width);
  }
  if (picture.width === width && picture.height === height) return picture;
  const scale = Math.max(height / picture.height, width / picture.width);
  // Truncation as in torchvision; the maximum guards against 223.99999 for 224.
  const scaledHeight = Math.max(height, Math.trunc(picture.height * scale));
  const scaledWidth = Math.max(width, Math.trunc(picture.width * scale));
  const scaled = resizeBilinear(picture, scaledHeight, scaledWidth);
  return crop(scaled, Math.round((scaledHeight - height) / 2), Math.round((scaledWidth - width) / 2), height, width);
}

/** Half of a whole number, as Python rounds it. */
function halfToEven(whole: number): number {
  return whole % 4 === 1 ? (whole - 1) / 2 : Math.round(whole / 2);
}

/** Separable resampling, columns first and rows second, rounded to 8 bits at the end. */
export function resizeBilinear(picture: Pixels, height: number, width: number): Pixels {
  const { channels } = picture;
  const columns = triangleFilter(picture.width, width);
  const narrow = new Float32Array(picture.height * width * channels);
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = columns[x]!;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) {
          sum += weights[k]! * picture.data[(y * picture.width + first + k) * channels + c]!;
        }
        narrow[(y * width + x) * channels + c] = sum;
      }
    }
  }
  const rows = triangleFilter(picture.height, height);
  const data = new Uint8ClampedArray(height * width * channels);
  const rowLength = width * channels;
  for (let y = 0; y < height; y++) {
    const { first, weights } = rows[y]!;
    for (let i = 0; i < rowLength; i++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * narrow[(first + k) * rowLength + i]!;
      data[y * rowLength + i] = Math.floor(sum + 0.5); // halves go up, as in Pillow; the array alone would round them to even
    }
  }
  return { width, height, channels, data };
}

interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/** For each of `to` output positions, the input positions it averages, with weights that sum to 1. */
function triangleFilter(from: number, to: number): Taps[] {
  const ratio = from / to;
  // When shrinking, the triangle widens with the ratio; when growing, it is plain linear interpolation.
  const radius = Math.max(1, ratio);
  return Array.from({ length: to }, (_, position) => {
    const centre = (position + 0.5) * ratio;
    const first = Math.max(0, Math.trunc(centre - radius + 0.5));
    const last = Math.min(from, Math.trunc(centre + radius + 0.5));
    const weights: number[] = [];
    for (let i = first; i < last; i++) weights.push(Math.max(0, 1 - Math.abs((i + 0.5 - centre) / radius)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => weight / total) };
  });
}

function crop(picture: Pixels, top: number, left: number, height: number, width: number): Pixels {
  const { channels } = picture;
  const data = new Uint8ClampedArray(height * width * channels);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * picture.width + left) * channels;
    data.set(picture.data.subarray(start, start + width * channels), y * width * channels);
  }
  return { width, height, channels, data };
}
