import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PreprocessingFlags } from "../../../src/cli/options.ts";
import {
  checkLabels,
  describePreprocessing,
  recordOf,
  resolveStated,
  statedPreprocessing,
  statesValues,
} from "../../../src/cli/stated-preprocessing.ts";
import { PRESET_NAMES, PRESETS } from "../../../src/data/presets.ts";

let place: string;
const at = (name: string) => join(place, name);
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "nudge-stated-"));
  await writeFile(at("full.json"), JSON.stringify({ range: [0, 2], mean: [1], labels: ["a", "b"] }));
  await writeFile(at("silent.json"), JSON.stringify({ labels: ["a", "b"], layout: "NCHW" }));
  await writeFile(at("broken.json"), JSON.stringify({ architectures: ["ResNet"] }));
  await writeFile(at("marked.json"), `\ufeff{"range": [0, 1]}`);
});
afterAll(() => rm(place, { recursive: true }));

const port = (...shape: number[]) => ({ name: "x", shape });
const state = (model: string, flags: PreprocessingFlags = {}, images = true) => statedPreprocessing(at(model), flags, images);

describe("what is stated, and by what", () => {
  test.each([
    { name: "the file beside the model", model: "full.onnx", flags: {}, options: { range: [0, 2], mean: [1] }, source: "full.json" },
    {
      name: "a preset instead of the file",
      model: "full.onnx",
      flags: { preprocessing: "unit" },
      options: { range: [0, 1], mean: [0] },
      source: "preset unit",
    },
    {
      name: "none is unit for images",
      model: "full.onnx",
      flags: { preprocessing: "none" },
      options: { range: [0, 1], mean: [0] },
      source: "preset none",
    },
    {
      name: "an option above everything",
      model: "full.onnx",
      flags: { preprocessing: "tf", mean: [3] },
      options: { range: [-1, 1], mean: [3] },
      source: "preset tf",
    },
    { name: "a file with a byte order mark", model: "marked.onnx", flags: {}, options: { range: [0, 1] }, source: "marked.json" },
  ])("$name", ({ model, flags, options, source }) => {
    const stated = state(model, flags);
    expect(stated.options).toMatchObject(options);
    expect(stated.sources.range).toBe(source);
    expect(stated.sources.mean).toBe("mean" in flags ? "option" : "mean" in options ? source : undefined);
  });

  test("a preset keeps the class names of the file", () => {
    expect(state("full.onnx", { preprocessing: "unit" }).options.labels).toEqual(["a", "b"]);
    expect(state("broken.onnx", { preprocessing: "unit" }).options.labels).toBe(undefined);
  });

  test("none is nothing for an .npy", () => {
    const stated = state("full.onnx", { preprocessing: "none" }, false);
    expect(statesValues(stated)).toBe(false);
    expect(recordOf(undefined, stated, undefined)).toMatchObject({ input: "raw network input" });
  });
});

describe("images without a statement are refused, with what to give", () => {
  test.each([
    { name: "no file", model: "bare.onnx", flags: {}, reason: "there is no " },
    {
      name: "a file that says nothing of values",
      model: "silent.onnx",
      flags: {},
      reason: "@silent.json gives none of range, mean and std",
    },
    {
      name: "options that say nothing of values",
      model: "bare.onnx",
      flags: { size: [2, 2] as const, layout: "NCHW" as const },
      reason: "there is no ",
    },
  ])("$name", ({ model, flags, reason }) => {
    expect(() => state(model, flags)).toThrow(
      `${at(model)}: nothing states how images are preprocessed (${reason.replace("@", `${place}/`)}`,
    );
    expect(() => state(model, flags)).toThrow(
      "give --preprocessing imagenet-torch|tf|caffe|lite|unit|mnist or a JSON file, or --range, --mean and --std",
    );
    expect(() => state(model, flags, false)).not.toThrow();
  });

  test("an unknown name lists the presets", () => {
    expect(() => state("bare.onnx", { preprocessing: "imagenet" })).toThrow(
      "imagenet: no such file, and no preset of this name; there are imagenet-torch, tf, caffe, lite, unit, mnist and none",
    );
  });

  test("a file beside the model that is of something else says how to do without it", () => {
    expect(() => state("broken.onnx")).toThrow(/broken.json: key "architectures" is not known; .*; --preprocessing none ignores the file/);
  });
});

describe("a preset that does not fit the model says what the model takes", () => {
  test.each([
    { preset: "imagenet-torch", shape: [1, 28, 28], reason: "input [1, 28, 28] has 1 channels in layout NCHW, rgb images have 3" },
    { preset: "imagenet-torch", shape: [3, 299, 299], reason: "takes images of 299×299, not 224×224" },
    { preset: "imagenet-torch", shape: [224, 224, 3], reason: "is not NCHW: its channels come last" },
    { preset: "mnist", shape: [3, 28, 28], reason: "has 3 channels in layout NCHW, gray images have 1" },
    { preset: "mnist", shape: [1, 32, 32], reason: "takes images of 32×32, not 28×28" },
    { preset: "caffe", shape: [1, 28, 28], reason: "bgr images have 3" },
    { preset: "unit", shape: [784], reason: "is flat: say the size of the images" },
  ])("$preset for $shape", ({ preset, shape, reason }) => {
    const stated = state("bare.onnx", { preprocessing: preset });
    const resolve = () => resolveStated(stated, port(...shape), "m.onnx");
    expect(resolve).toThrow(reason);
    expect(resolve).toThrow(`(stated by preset ${preset}; single options override it)`);
  });

  test("options override its fields one by one", () => {
    const stated = state("bare.onnx", { preprocessing: "imagenet-torch", size: [299, 299], resize: 342 });
    const resolved = resolveStated(stated, port(3, 299, 299), "m.onnx");
    expect(resolved).toMatchObject({ size: [299, 299], resize: 342, mean: [0.485, 0.456, 0.406] });
    expect(describePreprocessing(resolved, stated)).toBe(
      "size 299×299, resize 342 (option); range 0 to 1, mean 0.485, 0.456, 0.406, std 0.229, 0.224, 0.225, channels rgb, layout NCHW " +
        "(preset imagenet-torch)",
    );
    const short = state("bare.onnx", { preprocessing: "imagenet-torch", size: [299, 299] });
    expect(() => resolveStated(short, port(3, 299, 299), "m.onnx")).toThrow(
      "resize 256 is smaller than the size 299×299 that is cropped; 342 would do",
    );
  });
});

test("every preset fits a model of its kind, and its record names a source for every entry", () => {
  for (const name of PRESET_NAMES) {
    const preset = PRESETS[name];
    const stated = state("bare.onnx", { preprocessing: name });
    const shape = name === "mnist" ? [1, 28, 28] : [3, 224, 224];
    const resolved = resolveStated(stated, port(...shape), "m.onnx");
    expect(resolved).toMatchObject({ range: preset.range });
    const { sources, ...record } = recordOf(resolved, stated, resolved.range) as { sources: Record<string, string> };
    for (const key of ["size", "range", "mean", "std", "channels", "layout"]) {
      expect(record).toHaveProperty(key);
      expect(sources[key]).toBe(key in preset ? `preset ${name}` : "the model's input");
    }
  }
});

test("what nothing states is said to be a default or the model's", () => {
  const stated = state("bare.onnx", { range: [0, 255] });
  expect(describePreprocessing(resolveStated(stated, port(8, 9, 3), "m.onnx"), stated)).toBe(
    "size 8×9, channels rgb, layout NHWC (the model's input); range 0 to 255 (option); mean 0, std 1 (default)",
  );
});

test.each([
  { classes: [2], labels: ["a", "b"], fits: true },
  { classes: [1], labels: ["no", "yes"], fits: true },
  { classes: [3], labels: ["a", "b"], fits: false },
  { classes: [1001], labels: Array.from({ length: 1000 }, String), fits: false },
])("$labels.length class names for the output $classes", ({ classes, labels, fits }) => {
  const check = () => checkLabels({ options: { labels }, sources: { labels: "m.json" } }, port(...classes));
  if (fits) check();
  else expect(check).toThrow(`m.json: key "labels" has ${labels.length} names for ${classes[0]} classes of output "x"`);
});
