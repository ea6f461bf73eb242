import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeImage } from "../../../src/data/decode.ts";
import { chunk, png, type PngOptions } from "./png.ts";

const PICTURES = join(import.meta.dirname, "pictures");
const read = (name: string) => readFileSync(join(PICTURES, name));
const expected = JSON.parse(read("expected.json").toString()) as Record<string, { width: number; height: number; rgb: string }>;

describe("formats, beside Pillow's values", () => {
  test.each(readdirSync(PICTURES).filter((name) => !/\.(py|json)$/.test(name)))("%s", async (name) => {
    const { width, height, data, animated } = await decodeImage(read(name));
    const pillow = expected[name]!;
    expect([width, height]).toEqual([pillow.width, pillow.height]);
    const values = [...Buffer.from(pillow.rgb, "base64")];
    // Half a level of rounding between inverse transforms is allowed to those that lose anyway.
    const lossy = /lossy|avif/.test(name);
    const furthest = Math.max(...values.map((value, index) => Math.abs(value - data[index]!)));
    expect(furthest).toBeLessThanOrEqual(lossy ? 1 : 0);
    expect(animated).toBe(name.startsWith("animated"));
  });
});

describe("PNG", () => {
  const size = { width: 11, height: 9 };
  const wide = (x: number, y: number, c: number) => (x * 5003 + y * 1777 + c * 901) % 65536;
  const narrow = (x: number, y: number, c: number) => (x * 23 + y * 7 + c * 40) % 256;
  const over = (value: number, alpha: number, most: number) => Math.round((255 * (most + ((value - most) * alpha) / most)) / most);
  const PALETTE = Array.from({ length: 48 }, (_, i) => (i * 29) % 256);
  const index = (x: number, y: number) => (x + 2 * y) % 16;

  interface Case extends Omit<PngOptions, "width" | "height"> {
    name: string;
    rgb: (x: number, y: number, c: number) => number;
    transparent?: boolean;
  }
  const cases: Case[] = [
    { name: "grey, 8 bits", colourType: 0, value: narrow, rgb: (x, y) => narrow(x, y, 0) },
    { name: "grey, 1 bit", colourType: 0, bits: 1, value: (x, y) => (x + y) % 2, rgb: (x, y) => 255 * ((x + y) % 2) },
    { name: "grey, 2 bits", colourType: 0, bits: 2, value: (x, y) => (x + y) % 4, rgb: (x, y) => 85 * ((x + y) % 4) },
    { name: "grey, 4 bits", colourType: 0, bits: 4, value: index, rgb: (x, y) => 17 * index(x, y) },
    { name: "grey, 16 bits, rounded and not cut", colourType: 0, bits: 16, value: wide, rgb: (x, y) => Math.round(wide(x, y, 0) / 257) },
    { name: "RGB, 8 bits", colourType: 2, value: narrow, rgb: narrow },
    { name: "RGB, 16 bits, rounded and not cut", colourType: 2, bits: 16, value: wide, rgb: (x, y, c) => Math.round(wide(x, y, c) / 257) },
    { name: "RGB, 8 bits, interlaced", colourType: 2, interlaced: true, value: narrow, rgb: narrow },
    {
      name: "grey, 16 bits, interlaced",
      colourType: 0,
      bits: 16,
      interlaced: true,
      value: wide,
      rgb: (x, y) => Math.round(wide(x, y, 0) / 257),
    },
    {
      name: "grey with alpha",
      colourType: 4,
      value: narrow,
      rgb: (x, y) => over(narrow(x, y, 0), narrow(x, y, 1), 255),
      transparent: true,
    },
    {
      name: "RGB with alpha",
      colourType: 6,
      value: narrow,
      rgb: (x, y, c) => over(narrow(x, y, c), narrow(x, y, 3), 255),
      transparent: true,
    },
    { name: "RGB with full alpha", colourType: 6, value: (x, y, c) => (c === 3 ? 255 : narrow(x, y, c)), rgb: narrow },
    {
      name: "grey with alpha, 16 bits",
      colourType: 4,
      bits: 16,
      value: wide,
      rgb: (x, y) => over(wide(x, y, 0), wide(x, y, 1), 65535),
      transparent: true,
    },
    {
      name: "RGB with alpha, 16 bits",
      colourType: 6,
      bits: 16,
      value: wide,
      rgb: (x, y, c) => over(wide(x, y, c), wide(x, y, 3), 65535),
      transparent: true,
    },
    { name: "palette, 8 bits", colourType: 3, chunks: { PLTE: PALETTE }, value: index, rgb: (x, y, c) => PALETTE[3 * index(x, y) + c]! },
    {
      name: "palette, 4 bits",
      colourType: 3,
      bits: 4,
      chunks: { PLTE: PALETTE },
      value: index,
      rgb: (x, y, c) => PALETTE[3 * index(x, y) + c]!,
    },
    {
      name: "palette with transparent entries",
      colourType: 3,
      chunks: { PLTE: PALETTE, tRNS: [0, 128] },
      value: index,
      rgb: (x, y, c) => over(PALETTE[3 * index(x, y) + c]!, [0, 128][index(x, y)] ?? 255, 255),
      transparent: true,
    },
    {
      name: "RGB with a transparent colour",
      colourType: 2,
      chunks: { tRNS: [0, 46, 0, 86, 0, 126] },
      value: narrow,
      rgb: (x, y, c) => ([0, 1, 2].every((k) => narrow(x, y, k) === [46, 86, 126][k]) ? 255 : narrow(x, y, c)),
      transparent: true,
    },
    { name: "gamma is ignored", colourType: 2, chunks: { gAMA: [0, 1, 0x86, 0xa0] }, value: narrow, rgb: narrow },
  ];
  test.each(cases)("$name", async ({ name: _name, rgb, transparent = false, ...options }) => {
    const { data, ...found } = await decodeImage(png({ ...size, ...options }));
    expect(found).toEqual({ ...size, channels: 3, transparent, animated: false });
    const values = Array.from({ length: size.width * size.height * 3 }, (_, i) => {
      const pixel = Math.floor(i / 3);
      return rgb(pixel % size.width, Math.floor(pixel / size.width), i % 3);
    });
    expect([...data]).toEqual(values);
  });
});

describe("files that are not whole", () => {
  const whole: Record<string, Buffer> = {
    "rgb.png": png({ width: 40, height: 30, colourType: 2, value: (x, y, c) => (x * x + 3 * y + c) % 256 }),
    ...Object.fromEntries(
      [
        "baseline.jpg",
        "progressive.jpg",
        "cmyk.jpg",
        "lossless.webp",
        "lossy.webp",
        "palette.gif",
        "rgb.bmp",
        "palette.bmp",
        "still.avif",
      ].map((name) => [name, read(name)]),
    ),
  };
  const names = Object.keys(whole);

  test.each(names)("%s cut anywhere is refused", async (name) => {
    const bytes = whole[name]!;
    await decodeImage(bytes);
    const cuts = Array.from({ length: 24 }, (_, i) => Math.floor((i * bytes.length) / 24));
    for (const length of [...cuts, bytes.length - 2, bytes.length - 1]) {
      await expect(decodeImage(bytes.subarray(0, length)), `${length} of ${bytes.length} bytes`).rejects.toThrow(Error);
    }
  });

  test.each(names)("%s with something after its end is read", async (name) => {
    const { data } = await decodeImage(whole[name]!);
    expect((await decodeImage(Buffer.concat([whole[name]!, Buffer.alloc(name.endsWith(".avif") ? 0 : 10)]))).data).toEqual(data);
  });

  test("PNG with a wrong byte anywhere behind its header is refused", async () => {
    const bytes = whole["rgb.png"]!;
    for (let at = 8; at < bytes.length; at += 7) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x55;
      await expect(decodeImage(damaged), `byte ${at}`).rejects.toThrow(Error);
    }
  });

  test.each([
    ["zero bytes", Buffer.alloc(0), "the file is empty"],
    ["a text", Buffer.from("this is no picture at all"), "it is none of PNG, JPEG, WebP, GIF, BMP and AVIF"],
    ["SVG, which would be drawn", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), "it is none of PNG"],
    ["a PNG that claims 4 billion pixels", claims(65_000, 65_000), "it has 65000×65000 pixels, and at most 100,000,000 are read"],
    ["a PNG of no width", claims(0, 5), /./],
    ["a BMP that claims 4 billion pixels", bmp(65_000, 65_000), "truncated: the image needs"],
    ["a compressed BMP that claims 4 billion pixels", bmp(65_000, 65_000, 1), "it has 65000×65000 pixels"],
  ])("%s", async (_name, bytes, reason) => {
    await expect(decodeImage(bytes)).rejects.toThrow(reason);
  });

  /** A PNG with whole chunks, whose header says more than it holds. */
  function claims(width: number, height: number): Buffer {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header[8] = 8;
    const small = png({ width: 1, height: 1, colourType: 0, value: () => 0 });
    return Buffer.concat([small.subarray(0, 8), chunk("IHDR", header), small.subarray(33)]);
  }

  function bmp(width: number, height: number, compression = 0): Buffer {
    const bytes = Buffer.alloc(60);
    bytes.write("BM");
    for (const [at, value] of Object.entries({ 10: 54, 14: 40, 18: width, 22: height, 30: compression }))
      bytes.writeUInt32LE(value, Number(at));
    bytes.writeUInt16LE(8, 28);
    return bytes;
  }
});
