/** The networks of the comparison and their images: the embedded LeNet, and real ones where a data folder is present. */
import { existsSync, readFileSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeDigits } from "../src/data/digits.ts";
import { listImages, loadImages, type PixelFormat } from "../src/data/images.ts";
import { sharedData } from "../test/conformance/shared-data.ts";
import { freeBatch, type FreedModel } from "./free-batch.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Images of each network: the largest batch. */
export const IMAGES = 32;

interface Entry {
  readonly name: string;
  /** Under models/ of the data folder; the embedded network has none. */
  readonly file?: string;
  /** Folder under images/ of the data folder, and how its pictures become the network's input. */
  readonly images?: string;
  readonly format?: Pick<PixelFormat, "range" | "channels">;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Too much work for batch 32 in a quick run on a software adapter. */
  readonly heavy: boolean;
}

const UNIT: Entry["format"] = { range: [0, 1], channels: "rgb" };

const ENTRIES: readonly Entry[] = [
  { name: "lenet", heavy: false },
  {
    name: "resnet_4b",
    file: "cifar10/vnncomp21_resnet_4b.onnx",
    images: "cifar10",
    format: UNIT,
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.2471, 0.2435, 0.2616],
    heavy: false,
  },
  {
    name: "resnet_3b2_bn_mixup_adv",
    file: "cifar10/vnncomp22_resnet_3b2_bn_mixup_adv_4.0_bs128_lr-1.onnx",
    images: "cifar10",
    format: UNIT,
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.2023, 0.1994, 0.201],
    heavy: false,
  },
  {
    name: "resnet20",
    file: "cifar10/akamaster_resnet20.onnx",
    images: "cifar10",
    format: UNIT,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    heavy: true,
  },
  {
    name: "mobilenetv1_0.25_224",
    file: "imagenet/mobilenetv1_0.25_224_fp32.onnx",
    images: "imagenet",
    format: { range: [-1, 1], channels: "rgb" },
    heavy: true,
  },
  {
    name: "squeezenet1.1",
    file: "imagenet/squeezenet1.1_logits_fp32.onnx",
    images: "imagenet",
    format: { range: [-128, 127], channels: "bgr" },
    heavy: true,
  },
];

export const modelNames: readonly string[] = ENTRIES.map(({ name }) => name);

export interface BenchModel extends FreedModel {
  readonly name: string;
  readonly heavy: boolean;
  /** [IMAGES, ...shape]. */
  readonly images: Float32Array;
}

/** Names of networks that cannot be had here, for want of the data folder or of their file. */
export function missingModels(names: readonly string[]): string[] {
  return ENTRIES.filter(
    ({ name, file }) => names.includes(name) && file && !(sharedData && existsSync(join(sharedData, "models", file))),
  ).map(({ name }) => name);
}

export async function loadModel(name: string): Promise<BenchModel> {
  const entry = ENTRIES.find((candidate) => candidate.name === name);
  if (!entry) throw new Error(`no model ${name}; there are ${modelNames.join(", ")}`);
  const path = entry.file ? join(sharedData!, "models", entry.file) : join(ROOT, "models/lenet.onnx");
  const freed = freeBatch(new Uint8Array(readFileSync(path)));
  const images = entry.images ? await pictures(entry, freed.shape) : await digits();
  return { ...freed, name, heavy: entry.heavy, images };
}

async function digits(): Promise<Float32Array> {
  const [json, bytes] = await Promise.all([
    readFile(join(ROOT, "models/mnist-digits.json"), "utf8"),
    readFile(join(ROOT, "models/mnist-digits.bin")),
  ]);
  const { data, shape } = decodeDigits(json, bytes).heldOut.images;
  return grained(data.subarray(0, (data.length / shape[0]!) * IMAGES), [0, 1]);
}

/** Levels of a byte. */
const LEVELS = 255;
const GOLDEN_RATIO = (1 + Math.sqrt(5)) / 2;

/**
 * Pictures with grain of less than one of their levels. In an area of one colour the windows of a max pool tie, and there a
 * derivative is a matter of convention: jax-js halves it among the largest, others give it to the first. Without ties all
 * must agree.
 */
function grained(data: Float32Array, [low, high]: readonly [number, number]): Float32Array {
  return data.map((value, i) => value + ((high - low) / LEVELS) * ((i * GOLDEN_RATIO) % 1));
}

/** The first IMAGES pictures of a folder, evenly spread over it, as the network takes them. */
async function pictures({ images, format, mean = [], std = [] }: Entry, shape: readonly number[]): Promise<Float32Array> {
  const folder = join(sharedData!, "images", images!);
  const { images: names } = await listImages(folder);
  const chosen = await mkdtemp(join(tmpdir(), "bench-"));
  try {
    for (let i = 0; i < IMAGES; i++) {
      const from = names[Math.floor((i * names.length) / IMAGES)]!;
      await copyFile(join(folder, from), join(chosen, from));
    }
    const [channels, height, width] = shape as [number, number, number];
    const { images: pixels } = await loadImages(chosen, { ...format!, size: [height, width], layout: "NCHW" });
    const channelOf = (i: number) => Math.floor(i / (height * width)) % channels;
    return grained(pixels.data, format!.range).map((value, i) => (value - (mean[channelOf(i)] ?? 0)) / (std[channelOf(i)] ?? 1));
  } finally {
    await rm(chosen, { recursive: true, force: true });
  }
}
