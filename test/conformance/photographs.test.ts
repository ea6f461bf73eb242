/**
 * Real photographs and digits, decoded and scaled by src/data as the command does, through real networks: top-1 is that of
 * onnxruntime-web for every picture, and the share of right labels is what is known of the network.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { NdArray } from "../../src/index.ts";
import { loadImages } from "../../src/data/images.ts";
import { resolvePreprocessing } from "../../src/data/preprocessing.ts";
import type { Preprocessing, PreprocessingOptions } from "../../src/data/preprocessing.ts";
import { sharedEngine } from "../gpu/engine.ts";
import { OrtReference } from "../gpu/onnxruntime.ts";
import { indexedModels, readBytes, readFloats, sharedData } from "./shared-data.ts";

interface Photograph {
  readonly path: string;
  readonly label: number;
}

interface Subject extends PreprocessingOptions {
  readonly file: string;
  /** Share of right labels that the index of models states, measured elsewhere. */
  readonly accuracy: number;
  readonly count: number;
  /** A class before the labels': the background. */
  readonly background?: true;
  /** What is taken off every picture, in pixel units. */
  readonly meanImage?: string;
}

const IMAGENET: Partial<Subject> = { range: [-1, 1], background: true };
const STATED = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const ROBUST = { mean: [0.485, 0.456, 0.406], std: [0.225] };
const CIFAR = { mean: [0.4914, 0.4822, 0.4465], std: [0.2471, 0.2435, 0.2616] };
const CIFAR_2 = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] };
const DIGIT: Partial<Subject> = { size: [28, 28], channels: "gray" };

/** Preprocessing and accuracies of the models' index. Large networks see few pictures: a software adapter is slow. */
const subjects: Readonly<Record<string, readonly Subject[]>> = {
  imagenet: [
    { file: "imagenet/mobilenetv1_0.25_128_qat_fp32.onnx", accuracy: 0.458, count: 50, ...IMAGENET },
    { file: "imagenet/mobilenetv1_0.25_224_fp32.onnx", accuracy: 0.565, count: 50, ...IMAGENET },
    { file: "imagenet/mobilenetv2_1.0_224_tf2ptq_fp32.onnx", accuracy: 0.893, count: 20, ...IMAGENET },
    { file: "imagenet/squeezenet1.1_logits_fp32.onnx", accuracy: 0.587, count: 20, range: [0, 255], channels: "bgr", mean: [128] },
  ],
  cifar10: [
    { file: "cifar10/akamaster_resnet20.onnx", accuracy: 0.958, count: 50, ...STATED },
    { file: "cifar10/akamaster_resnet32.onnx", accuracy: 0.969, count: 50, ...STATED },
    { file: "cifar10/akamaster_resnet56.onnx", accuracy: 0.965, count: 30, ...STATED },
    { file: "cifar10/mlperf_tiny_resnet8_fp32.onnx", accuracy: 0.954, count: 50, range: [0, 255] },
    { file: "cifar10/mlperf_tiny_resnet_large_fp32.onnx", accuracy: 0.954, count: 30, range: [0, 255] },
    { file: "cifar10/vnncomp21_cifar10_small.onnx", accuracy: 0.768, count: 100, layout: "NHWC" },
    { file: "cifar10/vnncomp21_cifar_base_kw.onnx", accuracy: 0.761, count: 100, ...ROBUST },
    { file: "cifar10/vnncomp21_cifar_deep_kw.onnx", accuracy: 0.717, count: 100, ...ROBUST },
    { file: "cifar10/vnncomp21_cifar_wide_kw.onnx", accuracy: 0.805, count: 100, ...ROBUST },
    { file: "cifar10/vnncomp21_resnet_2b.onnx", accuracy: 0.886, count: 100, ...CIFAR },
    { file: "cifar10/vnncomp21_resnet_4b.onnx", accuracy: 0.936, count: 100, ...CIFAR },
    { file: "cifar10/vnncomp22_cifar_base.onnx", accuracy: 0.928, count: 50, ...CIFAR },
    { file: "cifar10/vnncomp22_resnet_3b2_bn_mixup_adv_4.0_bs128_lr-1.onnx", accuracy: 0.92, count: 100, ...CIFAR_2 },
    { file: "cifar10/vnncomp23_ibp_3_3_8.onnx", accuracy: 0.846, count: 50, ...CIFAR_2 },
  ],
  mnist: [
    { file: "mnist/deepfool_lenet.onnx", accuracy: 0.99, count: 20, ...DIGIT, range: [0, 255], meanImage: "deepfool_lenet_data_mean.f32" },
    { file: "mnist/ort-examples_mnist.onnx", accuracy: 0.987, count: 20, ...DIGIT, range: [0, 255] },
    { file: "mnist/vnncomp21_Convnet_maxpool.onnx", accuracy: 0.976, count: 20, ...DIGIT },
    { file: "mnist/vnncomp21_ffnnSIGMOID__Point_6x200.onnx", accuracy: 0.971, count: 20, ...DIGIT },
    { file: "mnist/vnncomp21_mnist-net_256x2.onnx", accuracy: 0.978, count: 20, ...DIGIT },
    { file: "mnist/vnncomp21_mnist_relu_9_200.onnx", accuracy: 0.95, count: 20, ...DIGIT },
    { file: "mnist/wonnx_opt-mnist.onnx", accuracy: 0.987, count: 20, ...DIGIT, range: [0, 255] },
  ],
};

/** Every picture of a data set: its own folder, whose labels are listed, and Foolbox's, whose file names end in the label. */
function picturesOf(set: string): Photograph[] {
  const root = `${sharedData}/images`;
  const foolbox = readdirSync(`${root}/foolbox`)
    .filter((name) => name.startsWith(`${set}_`))
    .map((name) => ({ path: `${root}/foolbox/${name}`, label: Number(/_(\d+)\.\w+$/.exec(name)![1]) }));
  if (set === "mnist") return foolbox;
  const listed = JSON.parse(readFileSync(`${root}/${set}/labels.json`, "utf8")) as Record<string, number | { label: number }>;
  const own = Object.entries(listed).map(([name, entry]) => ({
    path: `${root}/${set}/${name}`,
    label: typeof entry === "number" ? entry : entry.label,
  }));
  return [...own, ...foolbox];
}

/** `count` of a list, evenly spread over it. */
const spread = <T>(list: readonly T[], count: number): T[] =>
  Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)]!);

/** Pictures in a network's own input units, [N, ...]. */
async function decode(pictures: readonly Photograph[], format: Preprocessing, shape: readonly number[]): Promise<NdArray> {
  const folder = mkdtempSync(join(tmpdir(), "nudge-photographs-"));
  try {
    // Numbered, because a folder is read in the order of its names.
    pictures.forEach(({ path }, i) => symlinkSync(path, join(folder, `${i}${/\.\w+$/.exec(path)![0]}`)));
    const { images } = await loadImages(folder, format);
    const channels = format.mean.length;
    const pixels = images.data.length / pictures.length / channels;
    const channelOf = (i: number) => (format.layout === "NHWC" ? i % channels : Math.floor(i / pixels) % channels);
    const data = images.data.map((value, i) => (value - format.mean[channelOf(i)]!) / format.std[channelOf(i)]!);
    return { shape: [pictures.length, ...shape], data };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function winners(scores: Float32Array, count: number): number[] {
  const classes = scores.length / count;
  return Array.from({ length: count }, (_, s) => {
    const own = scores.subarray(s * classes, (s + 1) * classes);
    return own.indexOf(Math.max(...own));
  });
}

describe.runIf(sharedData)("top-1 of real pictures", () => {
  for (const [set, list] of Object.entries(subjects)) {
    test.each(list)("$count of $file", async ({ file, accuracy, count, background, meanImage, ...options }) => {
      const bytes = readBytes(`models/${file}`);
      using model = await (await sharedEngine()).load(bytes, { name: file });
      const { name, shape } = model.inputs[0]!;
      // [784, 1] holds the pixels of a digit in order.
      const format = resolvePreprocessing(options, set === "mnist" ? [1, 28, 28] : shape, file);
      const pictures = spread(picturesOf(set), count);
      const x = await decode(pictures, format, shape);
      if (meanImage) {
        const mean = readFloats(`models/mnist/${meanImage}`);
        x.data.forEach((value, i) => (x.data[i] = value - mean[i % mean.length]!));
      }
      const found = winners((await model.run({ [name]: x }))[model.outputs[0]!.name]!.data, count);
      const frozen = typeof indexedModels().find((entry) => entry.file === file)!.input.shape[0] === "number";
      const ort = await OrtReference.load(bytes);
      expect(found).toEqual(winners((await ort.run(x, frozen))[0]!.data, count));

      const right = pictures.filter(({ label }, i) => found[i] === label + (background ? 1 : 0)).length;
      // Three standard deviations of a sample of this size.
      const floor = Math.floor(count * (accuracy - 3 * Math.sqrt((accuracy * (1 - accuracy)) / count)));
      console.log(`${file}: ${right} of ${count} pictures right (at least ${floor}; ${(100 * accuracy).toFixed(1)} % stated)`);
      expect(right).toBeGreaterThanOrEqual(floor);
    });
  }
});
