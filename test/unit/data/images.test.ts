import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCanvas } from "@napi-rs/canvas";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../../../src/data/errors.ts";
import { listImages, loadImages, type PixelFormat } from "../../../src/data/images.ts";
import { sampleAt } from "../../../src/data/ndarray.ts";
import { resizeBilinear, resizeToCover } from "../../../src/data/resize.ts";

/** A PNG whose pixel (x, y) has the given CSS colour. */
function png(width: number, height: number, colour: (x: number, y: number) => string): Buffer {
  const canvas = createCanvas(width, height);
  const context = canvas.getContext("2d");
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      context.fillStyle = colour(x, y);
      context.fillRect(x, y, 1, 1);
    }
  }
  return canvas.toBuffer("image/png");
}

const format: PixelFormat = { size: [2, 2], range: [0, 255], channels: "rgb", layout: "NCHW" };
let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), "nudge-images-"))));
afterAll(() => rm(folder, { recursive: true }));

/** A folder with these files. */
async function folderOf(name: string, files: Record<string, Buffer | string>): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content);
  return path;
}

describe("a folder of pictures", () => {
  test("is sorted by number, and other files are passed over", async () => {
    const path = await folderOf("sorted", { "10.png": "", "2.png": "", "a.JPG": "", "notes.txt": "", ".hidden.png": "" });
    expect(await listImages(path)).toEqual(["2.png", "10.png", "a.JPG"]);
  });

  test("without pictures, or missing, or a file, is an error that names it", async () => {
    const path = await folderOf("empty", { "notes.txt": "x" });
    await expect(loadImages(path, format)).rejects.toThrow(`${path}: no images in this folder`);
    await expect(listImages(join(folder, "missing"))).rejects.toThrow("missing: no such file or folder");
    await expect(listImages(join(path, "notes.txt"))).rejects.toThrow("notes.txt: is not a folder");
  });

  test("with a broken picture names the picture", async () => {
    const path = await folderOf("broken", { "1.png": png(2, 2, () => "red"), "2.png": "not a picture" });
    const reading = loadImages(path, format);
    await expect(reading).rejects.toThrow(DataError);
    await expect(reading).rejects.toThrow(`${join(path, "2.png")}: not a readable image`);
  });

  test("keeps names and order, and reports progress", async () => {
    const path = await folderOf("two", { "b.png": png(2, 2, () => "#000000"), "a.png": png(2, 2, () => "#ffffff") });
    const seen: number[] = [];
    const set = await loadImages(path, { ...format, range: [-1, 1] }, { onProgress: ({ done }) => seen.push(done) });
    expect(set.names).toEqual(["a.png", "b.png"]);
    expect(sampleAt(set.images, 0).data.every((value) => value === 1)).toBe(true);
    expect(sampleAt(set.images, 1).data.every((value) => value === -1)).toBe(true);
    expect(seen).toEqual([1, 2]);
  });

  test("stops when asked to", async () => {
    const path = await folderOf("stopped", { "a.png": png(2, 2, () => "red") });
    await expect(loadImages(path, format, { signal: AbortSignal.abort() })).rejects.toThrow("abort");
  });
});

describe("pixels", () => {
  const colours = ["#ff0000", "#00ff00", "#0000ff", "#102030"];
  let path: string;
  beforeAll(async () => (path = await folderOf("colours", { "c.png": png(2, 2, (x, y) => colours[y * 2 + x]!) })));
  const load = async (change: Partial<PixelFormat>) => (await loadImages(path, { ...format, ...change })).images;

  test("arrive exactly, channels first", async () => {
    const images = await load({});
    expect(images.shape).toEqual([1, 3, 2, 2]);
    expect([...images.data]).toEqual([255, 0, 0, 16, 0, 255, 0, 32, 0, 0, 255, 48]);
  });

  test("channels last", async () => {
    const images = await load({ layout: "NHWC" });
    expect(images.shape).toEqual([1, 2, 2, 3]);
    expect([...images.data]).toEqual([255, 0, 0, 0, 255, 0, 0, 0, 255, 16, 32, 48]);
  });

  test("blue first", async () => {
    expect([...(await load({ channels: "bgr", layout: "NHWC" })).data.slice(-3)]).toEqual([48, 32, 16]);
  });

  test("gray by Pillow's weights", async () => {
    // PIL.Image.convert("L") of the same four pixels
    expect([...(await load({ channels: "gray" })).data]).toEqual([76, 150, 29, 29]);
  });

  test("transparency lies over white", async () => {
    const clear = await folderOf("clear", { "c.png": png(2, 2, (x) => (x === 0 ? "rgba(0,0,0,0)" : "#000000")) });
    expect([...(await loadImages(clear, { ...format, channels: "gray" })).images.data]).toEqual([255, 0, 255, 0]);
  });
});

describe("resizing", () => {
  const ramp = (width: number, height: number) => ({
    width,
    height,
    channels: 1,
    data: Uint8Array.from({ length: width * height }, (_, i) => 10 * (i % width)),
  });

  test("a picture of the right size is not touched", () => {
    const picture = ramp(4, 3);
    expect(resizeToCover(picture, 3, 4)).toBe(picture);
  });

  // Image.fromarray(array).resize((width, height), Image.BILINEAR) of Pillow 13.0.0
  const slope = { width: 7, height: 5, channels: 1, data: Uint8Array.from({ length: 35 }, (_, i) => (37 * i) % 256) };
  test.each([
    { name: "halving", from: ramp(8, 1), height: 1, width: 4, pillow: [7, 25, 45, 63] },
    { name: "doubling", from: ramp(4, 1), height: 1, width: 8, pillow: [0, 3, 8, 13, 18, 23, 28, 30] },
    { name: "both axes down by odd ratios", from: slope, height: 2, width: 3, pillow: [35, 114, 193, 41, 120, 199] },
  ])("$name gives Pillow's values", ({ from, height, width, pillow }) => {
    expect([...resizeBilinear(from, height, width).data]).toEqual(pillow);
  });

  test("enlarging by odd ratios stays within Pillow's intermediate rounding", () => {
    const { data } = resizeBilinear(slope, 8, 9);
    const firstAndLastRow = [0, 25, 53, 82, 111, 140, 169, 197, 222, 12, 37, 65, 94, 123, 152, 181, 209, 234];
    [...data.slice(0, 9), ...data.slice(-9)].forEach((value, index) => {
      expect(Math.abs(value - firstAndLastRow[index]!)).toBeLessThanOrEqual(1);
    });
  });

  test("a constant stays constant at every size", () => {
    const flat = { width: 7, height: 5, channels: 3, data: new Uint8Array(105).fill(200) };
    for (const [height, width] of [
      [1, 1],
      [3, 11],
      [13, 2],
      [224, 224],
    ] as const) {
      expect(resizeToCover(flat, height, width).data.every((value) => value === 200)).toBe(true);
    }
  });

  test("the long side is cropped about its centre", () => {
    const bands = { width: 6, height: 2, channels: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6) };
    expect([...resizeToCover(bands, 2, 2).data]).toEqual([3, 4, 3, 4]);
  });
});
