import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
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
    expect(await listImages(path)).toEqual({ images: ["2.png", "10.png", "a.JPG"], others: [".hidden.png", "notes.txt"] });
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

  test("goes on without what cannot be read when asked to, and says what and why", async () => {
    const path = await folderOf("partly", {
      "1.png": png(2, 2, () => "#ffffff"),
      "2.png": "not a picture",
      "3.jpg": "",
      "4.png": png(2, 2, () => "#ffffff").subarray(0, 60),
      "5.png": png(2, 2, () => "#000000"),
      "README.txt": "x",
    });
    await mkdir(join(path, "more.png"));
    await symlink("6.png", join(path, "6.png"));
    await symlink("nowhere.png", join(path, "7.png"));
    await symlink("more.png", join(path, "8.png"));
    const set = await loadImages(path, format, { skipUnreadable: true });
    expect(set.names).toEqual(["1.png", "5.png"]);
    expect(set.images.shape).toEqual([2, 3, 2, 2]);
    expect([...set.images.data]).toEqual([...Array<number>(12).fill(255), ...Array<number>(12).fill(0)]);
    expect(set.others).toEqual(["more.png/", "README.txt"]);
    expect(set.skipped).toEqual([
      { name: "2.png", reason: "not a readable image: it is none of PNG, JPEG, WebP, GIF, BMP and AVIF" },
      { name: "3.jpg", reason: "not a readable image: the file is empty" },
      { name: "4.png", reason: expect.stringMatching(/^not a readable image: truncated: /) as string },
      { name: "6.png", reason: "is a link that leads to itself" },
      { name: "7.png", reason: "no such file or folder" },
      { name: "8.png", reason: "is not a file" },
    ]);
  });

  test("of which none can be read is an error even then", async () => {
    const path = await folderOf("ruins", { "1.png": "", "2.png": "x" });
    const reading = loadImages(path, format, { skipUnreadable: true });
    await expect(reading).rejects.toThrow(`${path}: none of the 2 images can be read; 1.png: not a readable image: the file is empty`);
  });

  test.skipIf(process.platform === "win32")("with names of line breaks and control characters is named in one line", async () => {
    const path = await folderOf("odd", { "a\nb\u001b[31m.png": "x" });
    await expect(loadImages(path, format)).rejects.toThrow("/a\\nb\\u001b[31m.png: not a readable image");
  });

  test("says which pictures are transparent or animated", async () => {
    const path = await folderOf("said", {
      "clear.png": png(2, 2, () => "rgba(0,0,0,0.5)"),
      "opaque.png": png(2, 2, () => "#123456"),
      "moving.gif": await readFile(join(import.meta.dirname, "pictures/animated.gif")),
    });
    expect(await loadImages(path, format)).toMatchObject({ transparent: ["clear.png"], animated: ["moving.gif"] });
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

  // Pillow 13.0.0: resize to (int(short · W / H), short), then a crop at int(round(surplus / 2)), as torchvision does.
  const turned = { ...slope, width: 5, height: 7, data: slope.data.map((_, i) => slope.data[(i % 5) * 7 + Math.floor(i / 5)]!) };
  test.each([
    { name: "down, an odd surplus", from: slope, short: 4, height: 2, width: 2, pillow: [115, 168, 119, 172] },
    { name: "down, a surplus of one", from: slope, short: 3, height: 3, width: 3, pillow: [20, 78, 146, 25, 83, 151, 30, 88, 156] },
    { name: "upright", from: turned, short: 4, height: 3, width: 2, pillow: [62, 66, 115, 119, 168, 172] },
  ])("the short side first, $name: torchvision's values", ({ from, short, height, width, pillow }) => {
    const { data } = resizeToCover(from, height, width, short);
    // Pillow rounds in between.
    pillow.forEach((value, index) => expect(Math.abs(value - data[index]!)).toBeLessThanOrEqual(1));
    expect(data).toHaveLength(pillow.length);
  });

  test("the short side is resized also where the picture has the size", () => {
    const { data } = resizeToCover(slope, 5, 7, 10);
    expect([...data]).not.toEqual([...slope.data]);
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
