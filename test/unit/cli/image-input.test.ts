import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readImageInputs } from "../../../src/cli/image-input.ts";
import { readModel } from "../../../src/cli/model-file.ts";
import type { PreprocessingFlags } from "../../../src/cli/options.ts";
import { Terminal } from "../../../src/cli/terminal.ts";
import { ndarray } from "../../../src/data/ndarray.ts";
import { encodeNpy } from "../../../src/data/npy.ts";
import { ArgumentError } from "../../../src/runtime/errors.ts";
import { png } from "../data/png.ts";

const LENET = "models/lenet.onnx";
let place: string;
const at = (name: string) => join(place, name);

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "nudge-input-"));
  await mkdir(at("photos"));
  await copyFile(LENET, at("bare.onnx"));
  await writeFile(at("photos/1.png"), png({ width: 28, height: 28, colourType: 0, value: (x, y) => (x * 9 + y) % 256 }));
  await writeFile(at("photos/2.png"), png({ width: 56, height: 56, colourType: 4, value: (_x, _y, c) => (c === 0 ? 0 : 128) }));
  await writeFile(at("photos/broken.png"), (await readFile(at("photos/1.png"))).subarray(0, 70));
  await writeFile(at("photos/README.txt"), "");
  await writeFile(at("x.npy"), encodeNpy(ndarray([2, 1, 28, 28], new Float32Array(1568).fill(0.5))));
  await writeFile(at("large.npy"), encodeNpy(ndarray([2, 1, 28, 28], new Float32Array(1568).fill(200))));
  const holes = new Float32Array(1568);
  holes[784 + 5] = Number.NaN;
  await writeFile(at("holes.npy"), encodeNpy(ndarray([2, 1, 28, 28], holes)));
});
afterAll(() => rm(place, { recursive: true }));

async function read(model: string, paths: string[], flags: PreprocessingFlags = {}) {
  let notes = "";
  const terminal = new Terminal({ write: () => {} }, { write: (text) => (notes += text) });
  const signal = new AbortController().signal;
  const inputs = await readImageInputs(await readModel(model), paths.map(at), flags, { terminal, signal });
  return { ...inputs, notes: notes.replaceAll(`${place}/`, "") };
}

describe("a folder", () => {
  test("with a file that is not whole is an error that names it", async () => {
    await expect(read(LENET, ["photos"])).rejects.toThrow(`${at("photos/broken.png")}: not a readable image: truncated`);
  });

  test("goes on without it when asked to, and says all it did", async () => {
    const { batches, notes, record, preprocessing, range } = await read(LENET, ["photos"], { skipUnreadable: true });
    expect(batches[0]!.names).toEqual(["1.png", "2.png"]);
    expect(batches[0]!.images.data[1]).toBeCloseTo(9 / 255, 6);
    expect(batches[0]!.images.data[784]).toBeCloseTo(127 / 255, 6); // black, half transparent, over white
    expect(batches[0]!.record).toEqual({
      path: at("photos"),
      kind: "images",
      images: 2,
      unreadable: [{ name: "broken.png", reason: expect.stringContaining("truncated") as string }],
      passedOver: ["README.txt"],
      overWhite: ["2.png"],
      firstFrameOf: [],
    });
    expect(record).toEqual({
      input: "pixel values",
      units: "pixels before mean and std",
      ...{ size: [28, 28], range: [0, 1], mean: [0], std: [1], channels: "gray", layout: "NCHW" },
      sources: Object.fromEntries(["size", "range", "mean", "std", "channels", "layout"].map((key) => [key, "lenet.json"])),
    });
    expect({ preprocessing, range }).toEqual({ preprocessing: undefined, range: [0, 1] });
    const [count, left, ...others] = notes.split("\n");
    expect(count).toBe("photos: 2 images");
    expect(left).toMatch(/^ {2}left out 1 image that cannot be read: broken.png \(not a readable image: truncated: .*\)$/);
    expect(others).toEqual([
      "  passed over, not images by name: README.txt",
      "  transparent pixels laid over white: 2.png",
      "preprocessing: size 28×28, range 0 to 1, mean 0, std 1, channels gray, layout NCHW (lenet.json)",
      "",
    ]);
  });

  test("is refused where nothing states a preprocessing", async () => {
    await expect(read(at("bare.onnx"), ["photos"])).rejects.toThrow("nothing states how images are preprocessed");
  });
});

describe("an .npy", () => {
  test("is the network's own input where nothing is stated, and that is said", async () => {
    const { notes, record, preprocessing, range, batches } = await read(at("bare.onnx"), ["x.npy"]);
    expect(notes).toBe("x.npy: raw network input; no preprocessing is stated for it\n");
    expect(record).toEqual({ input: "raw network input", units: "the model's own input" });
    expect(batches[0]!.record).toMatchObject({ kind: "npy", values: "raw network input" });
    expect({ preprocessing, range }).toEqual({ preprocessing: undefined, range: undefined });
  });

  test("is in pixel units where one is stated, and that is said", async () => {
    const { notes, record, preprocessing } = await read(at("bare.onnx"), ["x.npy"], { mean: [0.1], std: [0.3] });
    expect(notes).toBe(
      "preprocessing: size 28×28, channels gray, layout NCHW (the model's input); range 0 to 1 (default); mean 0.1, std 0.3 (option)\n",
    );
    expect(record).toMatchObject({ input: "pixel values", sources: { mean: "option", range: "default", size: "the model's input" } });
    expect(preprocessing).toEqual({ mean: [0.1], std: [0.3], layout: "NCHW" });
  });

  test("--preprocessing none makes it the network's own input in spite of a file", async () => {
    expect((await read(LENET, ["x.npy"], { preprocessing: "none" })).record).toMatchObject({ input: "raw network input" });
  });

  test("with values far from the stated range is noted", async () => {
    expect((await read(LENET, ["large.npy"])).notes).toContain(
      "large.npy: its values go from 200 to 200, beyond the range 0 to 1; if they are",
    );
    expect((await read(LENET, ["x.npy"])).notes).not.toContain("beyond");
  });

  test("with NaN is refused by image and element", async () => {
    const reading = read(LENET, ["holes.npy"]);
    await expect(reading).rejects.toThrow(ArgumentError);
    await expect(reading).rejects.toThrow(`${at("holes.npy")}: image 1, element 5 is NaN`);
  });
});
