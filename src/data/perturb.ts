/** Images with a perturbation: as they are, clipped to the range, or rounded to what a picture file can hold. */

/** The valid range of an input and how many levels a picture file has over it. */
export interface PictureRange {
  readonly low: number;
  readonly high: number;
  readonly levels: number;
}

/** x + v for images x [count, ...v], in f32 as an app would add them. */
export function addTo(images: Float32Array, v: Float32Array): Float32Array {
  const sum = new Float32Array(images.length);
  for (let first = 0; first < images.length; first += v.length)
    for (let i = 0; i < v.length; i++) sum[first + i] = images[first + i]! + v[i]!;
  return sum;
}

/** Numbers clipped to the range, in place. */
export function clipTo({ low, high }: PictureRange, images: Float32Array): Float32Array {
  for (let i = 0; i < images.length; i++) images[i] = Math.min(Math.max(images[i]!, low), high);
  return images;
}

/** Numbers clipped, then rounded to the nearest level (the higher of two equally near), in place. */
export function roundTo(range: PictureRange, images: Float32Array): Float32Array {
  const { low, high, levels } = range;
  const step = (high - low) / (levels - 1);
  clipTo(range, images);
  for (let i = 0; i < images.length; i++) images[i] = low + Math.round((images[i]! - low) / step) * step;
  return images;
}
