import { readFileSync } from "node:fs";
import { loadImage, createCanvas } from "@napi-rs/canvas";
import { describe, expect, test } from "vitest";
import { decodeDigits } from "../../../src/data/digits.ts";
import { renderGallery, renderPerturbation, type GalleryItem } from "../../../src/data/gallery.ts";
import { ndarray, sampleAt, type NdArray } from "../../../src/data/ndarray.ts";
import { guessPictureFormat, perturbationToPicture, toPicture, type PictureFormat } from "../../../src/data/picture.ts";

const gray: PictureFormat = { height: 2, width: 2, channels: "gray", layout: "NCHW", range: [0, 1] };
const rgbOf = (data: Uint8ClampedArray, pixel: number) => [...data.slice(4 * pixel, 4 * pixel + 3)];

describe("a sample as a picture", () => {
  test("gray, clipped to the range", () => {
    const { data } = toPicture(ndarray([1, 2, 2], [-1, 0, 0.5, 2]), gray);
    expect([0, 1, 2, 3].map((pixel) => rgbOf(data, pixel)[0])).toEqual([0, 0, 128, 255]);
    expect(data[3]).toBe(255);
  });

  test("a flat sample", () => {
    expect(rgbOf(toPicture(ndarray([4], [1, 0, 0, 0]), gray).data, 0)).toEqual([255, 255, 255]);
  });

  test.each([
    { layout: "NCHW" as const, channels: "rgb" as const, expected: [255, 0, 51] },
    { layout: "NCHW" as const, channels: "bgr" as const, expected: [51, 0, 255] },
    { layout: "NHWC" as const, channels: "rgb" as const, expected: [255, 0, 51] },
  ])("$channels in $layout", ({ layout, channels, expected }) => {
    const one: PictureFormat = { height: 1, width: 1, channels, layout, range: [0, 1] };
    expect(rgbOf(toPicture(ndarray(layout === "NCHW" ? [3, 1, 1] : [1, 1, 3], [1, 0, 0.2]), one).data, 0)).toEqual(expected);
  });

  test("a sample of another size is refused", () => {
    expect(() => toPicture(ndarray([3], [0, 0, 0]), gray)).toThrow(RangeError);
  });
});

describe("a perturbation as a picture", () => {
  test("gray: blue for less, red for more, near white for nothing", () => {
    const { data } = perturbationToPicture(ndarray([1, 2, 2], [-0.1, 0.1, 0, 0]), gray, 0.1);
    expect([0, 1, 2].map((pixel) => rgbOf(data, pixel))).toEqual([
      [33, 102, 172],
      [178, 24, 43],
      [247, 247, 247],
    ]);
  });

  test("colour: symmetric around mid-grey", () => {
    const { data } = perturbationToPicture(ndarray([3, 1, 1], [-2, 0, 2]), { ...gray, height: 1, width: 1, channels: "rgb" }, 2);
    expect(rgbOf(data, 0)).toEqual([0, 128, 255]);
  });

  test("zero everywhere is no division by zero", () => {
    expect(rgbOf(perturbationToPicture(ndarray([1, 2, 2]), gray, 0).data, 0)).toEqual([247, 247, 247]);
  });
});

describe("guessing whether a batch holds pictures", () => {
  test.each([
    { name: "digits", shape: [2, 1, 28, 28], values: [0, 1], format: { channels: "gray", layout: "NCHW", range: [0, 1], height: 28 } },
    {
      name: "bytes, channels last",
      shape: [1, 8, 9, 3],
      values: [0, 255],
      format: { channels: "rgb", layout: "NHWC", range: [0, 255], width: 9 },
    },
    { name: "normalised", shape: [1, 3, 8, 8], values: [-2, 2.5], format: { channels: "rgb", layout: "NCHW", range: [-2, 2.5] } },
  ])("$name", ({ shape, values, format }) => {
    const batch = ndarray(shape);
    batch.data.set(values);
    expect(guessPictureFormat(batch)).toMatchObject(format);
  });

  test.each([[[5, 2]], [[5, 784]], [[5, 16, 8, 8]], [[5, 3, 2, 2]], [[5, 3, 8, 8, 8]]])("%j is none", (shape) => {
    expect(guessPictureFormat(ndarray(shape))).toBeUndefined();
  });
});

describe("PNG files", () => {
  const digits = decodeDigits(readFileSync("models/mnist-digits.json", "utf8"), readFileSync("models/mnist-digits.bin")).heldOut;
  const format: PictureFormat = { height: 28, width: 28, channels: "gray", layout: "NCHW", range: [0, 1] };
  const item = (index: number, labels: Partial<GalleryItem> = {}): GalleryItem => {
    const original = sampleAt(digits.images, index);
    const perturbed: NdArray = { shape: original.shape, data: original.data.map((value, i) => value + (i % 2 ? 0.2 : -0.2)) };
    return { original, perturbed, before: String(digits.labels[index]), after: "8", ...labels };
  };

  async function pixelsOf(png: Uint8Array) {
    const image = await loadImage(Buffer.from(png));
    const context = createCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    return { width: image.width, height: image.height, at: (x: number, y: number) => [...context.getImageData(x, y, 1, 1).data] };
  }

  test("a gallery shows each pixel of a digit as one square, four times enlarged", async () => {
    const png = await renderGallery([item(0), item(1)], format, { title: "Digits" });
    const { at, height } = await pixelsOf(png);
    const { data } = sampleAt(digits.images, 0);
    const brightest = data.indexOf(Math.max(...data));
    const [x, y] = [brightest % 28, Math.floor(brightest / 28)];
    const level = Math.round(255 * data[brightest]!);
    // Where the first digit begins: below the caption, inside the margin.
    const top = 24 + 20 + 12;
    for (const [dx, dy] of [
      [0, 0],
      [3, 0],
      [0, 3],
      [3, 3],
    ] as const) {
      expect(at(24 + 4 * x + dx, top + 4 * y + dy)).toEqual([level, level, level, 255]);
    }
    expect(at(24, top)).toEqual([0, 0, 0, 255]);
    expect(height).toBeGreaterThan(top + 112);
  });

  test("a gallery keeps long names inside their card, and a page is never empty", async () => {
    const long = { before: "a class with a very long name indeed, longer than two digits side by side", after: "another one" };
    const { width } = await pixelsOf(await renderGallery([item(0, long)], format, { title: "T", subtitle: "S" }));
    expect(width).toBe(2 * 24 + 2 * 112 + 6);
    expect((await renderGallery([], format, { title: "Nothing" })).length).toBeGreaterThan(0);
  });

  test("large pictures are reduced", async () => {
    const wide: PictureFormat = { height: 480, width: 960, channels: "rgb", layout: "NHWC", range: [0, 1] };
    const sample = ndarray([480, 960, 3]);
    const { width } = await pixelsOf(
      await renderGallery([{ original: sample, perturbed: sample, before: "a", after: "a" }], wide, { title: "T" }),
    );
    expect(width).toBe(2 * 24 + 2 * 240 + 6);
  });

  test("a perturbation is enlarged above its scale", async () => {
    const v = ndarray([1, 28, 28]);
    v.data.fill(-0.25, 0, 392).fill(0.25, 392);
    const { at, width } = await pixelsOf(await renderPerturbation(v, format, { title: "v" }));
    expect(width).toBe(2 * 24 + 448);
    expect(at(100, 100)).toEqual([33, 102, 172, 255]);
    expect(at(100, 480)).toEqual([178, 24, 43, 255]);
  });
});
