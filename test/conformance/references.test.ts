/** Gradients and DeepFool perturbations of real images against float64 references. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { deepfool, describeModel, loadRareOps } from "../../src/index.ts";
import { sharedEngine } from "../gpu/engine.ts";
import { randomArray, relativeError } from "../gpu/numbers.ts";
import { readBytes, readFloats, sharedData } from "./shared-data.ts";

await loadRareOps();

interface Reference {
  readonly model: string;
  readonly image: string;
  readonly shape: readonly number[];
  readonly files: string;
  readonly top1: number;
  readonly deepfool: { readonly iters: number; readonly new_label: number; readonly l2: number };
  readonly at_kink: boolean;
}

/** Networks on 224 × 224 pixels: tens of seconds for a DeepFool on a software adapter. */
const LARGE = /^(imagenet|npm)\//;
const EVERYTHING = process.env["NUDGE_CONFORMANCE"] === "full";

const references = sharedData ? (JSON.parse(readFileSync(`${sharedData}/model-references/index.json`, "utf8")) as Reference[]) : [];

/** At a kink the reference's gradient is one choice among several; its perturbation is then no yardstick. */
const GRADIENT_BOUND = 1e-4;

/** A rounding of inputs of order one in float32. */
const ROUNDING = 1e-7;
const NORM_BOUND = 1e-3;

describe.runIf(references.length > 0)("float64 references of real networks and images", () => {
  for (const { model: file, image, shape, files, top1, deepfool: expected, at_kink } of references) {
    test(`${file} on ${image}`, async (context) => {
      const bytes = readBytes(`models/${file}`);
      const { unsupported } = describeModel(bytes);
      if (unsupported.length > 0) context.skip(`unsupported: ${[...new Set(unsupported.map(({ op }) => op))].join(", ")}`);
      const engine = await sharedEngine();
      if (engine.adapter.software && LARGE.test(file) && !EVERYTHING) context.skip("minutes on a CPU; NUDGE_CONFORMANCE=full runs it");
      using model = await engine.load(bytes, { name: file });
      const x = { shape, data: readFloats(`model-references/${files}.x.f32`) };

      const gradientAt = async (data: Float32Array) =>
        (await (await model.jacobian({ shape, data }, { rows: [top1], output: "logits" })).read()).data;
      const gradient = await gradientAt(x.data);
      const gradientError = relativeError(gradient, readFloats(`model-references/${files}.grad.f32`));
      // The references add 1e-4 to every step, as the authors' PyTorch code does: their smallest perturbation shows it.
      const result = await deepfool(model, x, { rule: "overshoot-inside-epsilon", refine: false });
      const normError = Math.abs(result.norms[0]! / expected.l2 - 1);
      const note = `gradient ${gradientError.toExponential(1)}, norm ${normError.toExponential(1)}, iterations ${result.iterations[0]} (${expected.iters})`;
      expect(result.labels[0]).toBe(top1);
      if (at_kink) context.skip(`the reference lies at a kink: ${note}`);
      if (gradientError >= GRADIENT_BOUND) {
        // Networks with thousands of ReLU6 have kinks within a rounding of any input: there the gradient is defined no better
        // than by how much it moves when the input does by a rounding.
        const noise = randomArray(shape, 3, -ROUNDING, ROUNDING).data;
        const moved = relativeError(await gradientAt(x.data.map((value, i) => value + noise[i]!)), gradient);
        expect(gradientError, `${note}; a rounding of the input moves it by ${moved.toExponential(1)}`).toBeLessThan(2 * moved);
      }
      expect(result.newLabels[0], note).toBe(expected.new_label);
      expect(normError, note).toBeLessThan(NORM_BOUND);
    });
  }
});

const MNIST_IMAGES = 20;

describe.runIf(sharedData)("the DeepFool authors' own LeNet", () => {
  test("mean ρ = ‖r‖/‖x‖ of centred digits is near their 0.20", async () => {
    const bytes = readBytes("models/mnist/deepfool_lenet.onnx");
    const mean = readFloats("models/mnist/deepfool_lenet_data_mean.f32");
    const digits = new Uint8Array(readFileSync(new URL("../../models/mnist-digits.bin", import.meta.url)));
    const count = 5 * MNIST_IMAGES;
    const data = Float32Array.from({ length: count * 784 }, (_, i) => digits[i]! - mean[i % 784]!);
    using model = await (await sharedEngine()).load(bytes, { name: "deepfool_lenet" });
    const { meanRho, status } = await deepfool(model, { shape: [count, 1, 28, 28], data }, { refine: false });
    expect(status.every((s) => s === "fooled")).toBe(true);
    console.log(`mean ρ of the authors' LeNet on ${count} centred digits: ${meanRho!.toFixed(3)}`);
    expect(meanRho).toBeGreaterThan(0.18);
    expect(meanRho).toBeLessThan(0.22);
  });
});
