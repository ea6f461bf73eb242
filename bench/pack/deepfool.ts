/** DeepFool's throughput through the public surface: images a second on nets that others can run too. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { openGpu } from "../../src/cli/gpu.ts";
import { decodeDigits } from "../../src/data/digits.ts";
import { encodeNpy } from "../../src/data/npy.ts";
import { finiteMean } from "../../src/data/statistics.ts";
import { deepfool } from "../../src/index.ts";
import type { AdapterDescription, DeepFoolResult, Engine, NdArray } from "../../src/index.ts";
import type { TestModel } from "../../test/reference/model.ts";
import { encodeModel } from "../../test/reference/onnx-builder.ts";
import { adapterOption, dawnOptions } from "../kernels/node.ts";
import { positiveInteger } from "../kernels/options.ts";
import { adapterName, columns, fileName } from "../kernels/report.ts";
import { spreadOf } from "../kernels/statistics.ts";
import type { Spread } from "../kernels/statistics.ts";
import { centringBias, pictures, resnet18, resnet20 } from "./nets.ts";
import type { NetOptions } from "./nets.ts";

interface Subject {
  readonly name: string;
  /** The net as a file; random ones need the engine to centre their logits. */
  readonly model: (engine: Engine) => Uint8Array | Promise<Uint8Array>;
  readonly pictures: (count: number) => NdArray;
  /** Images attacked on a GPU, and on a CPU that stands in for one. */
  readonly images: { readonly hardware: number; readonly software: number };
}

const subjectsIn = (models: string): readonly Subject[] => [
  {
    name: "lenet",
    model: () => readFileSync(join(models, "lenet.onnx")),
    pictures: (count) => digits(models, count),
    images: { hardware: 500, software: 100 },
  },
  {
    name: "cifar-resnet20-random",
    model: (engine) => centred(engine, resnet20, { classes: 10, extent: 32 }),
    pictures: (count) => pictures(count, 32),
    images: { hardware: 1024, software: 8 },
  },
  {
    name: "resnet18-random",
    model: (engine) => centred(engine, resnet18, { classes: 1000, extent: 224 }),
    pictures: (count) => pictures(count, 224),
    images: { hardware: 256, software: 1 },
  },
];

/** Pictures whose logits a random net is centred by; others than those attacked. */
const CENTRING = { count: 16, seed: 99 } as const;

async function centred(engine: Engine, build: (options: NetOptions) => TestModel, options: NetOptions): Promise<Uint8Array> {
  const model = await engine.load(encodeModel(build(options)), { maxBatch: 4 });
  const logits = await model.forward(pictures(CENTRING.count, options.extent, CENTRING.seed));
  const bias = centringBias(await logits.read());
  model.dispose();
  logits.dispose();
  return encodeModel(build({ ...options, bias }));
}

/** The first of the held-out digits of models/mnist-digits.bin. */
function digits(models: string, count: number): NdArray {
  const bytes = readFileSync(join(models, "mnist-digits.bin"));
  const { images } = decodeDigits(readFileSync(join(models, "mnist-digits.json"), "utf8"), bytes).heldOut;
  const [total, ...rest] = images.shape;
  const wanted = Math.min(count, total!);
  return { shape: [wanted, ...rest], data: images.data.slice(0, (images.data.length / total!) * wanted) };
}

/** The settings of foolbox's and of the authors' PyTorch code, which peers/torch_deepfool.py runs. */
const ATTACK = { norm: 2, candidates: 10, maxIterations: 50, overshoot: 0.02, rule: "overshoot-inside-epsilon", refine: false } as const;

export interface ThroughputResult {
  readonly net: string;
  readonly images: number;
  readonly batch: number;
  readonly attack: typeof ATTACK;
  /** Images a second, of one run over all images each. */
  readonly rate: Spread;
  readonly seconds: readonly number[];
  /** From bytes to the end of the first run, compilation included. */
  readonly firstSeconds: number;
  readonly fooled: number;
  readonly meanIterations: number;
  /** Over the fooled images; null where there is none. */
  readonly meanNorm: number | null;
  readonly meanRho: number | null;
  readonly peakBytes: number;
}

export interface ThroughputReport {
  readonly date: string;
  readonly adapter: AdapterDescription;
  readonly host: string;
  readonly robustness: boolean;
  readonly results: readonly ThroughputResult[];
}

interface Options {
  readonly adapter: "auto" | "software" | "high-performance" | "low-power";
  readonly robustness: boolean;
  readonly only?: string;
  readonly images?: number;
  readonly batch?: number;
  readonly runs: number;
  readonly json?: boolean;
  readonly output: string;
  /** The folder for what peers need: net, images and results of each subject. */
  readonly export?: string;
}

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

async function runSubject(engine: Engine, subject: Subject, options: Options): Promise<ThroughputResult> {
  const { hardware, software } = subject.images;
  const images = subject.pictures(options.images ?? (engine.adapter.software ? software : hardware));
  const count = images.shape[0]!;
  const batch = Math.min(options.batch ?? 32, count);
  const bytes = await subject.model(engine);
  const begin = performance.now();
  const model = await engine.load(bytes, { name: subject.name, maxBatch: batch });
  try {
    const settings = { ...ATTACK, batch };
    let found = await deepfool(model, images, settings);
    const firstSeconds = (performance.now() - begin) / 1000;
    const seconds: number[] = [];
    for (let run = 0; run < options.runs; run++) {
      const started = performance.now();
      found = await deepfool(model, images, settings);
      seconds.push((performance.now() - started) / 1000);
      console.error(`  ${subject.name}: ${(count / seconds.at(-1)!).toFixed(2)} images/s`);
    }
    if (options.export) exportSubject(join(options.export, subject.name), bytes, images, found);
    return {
      net: subject.name,
      images: count,
      batch,
      attack: ATTACK,
      rate: spreadOf(seconds.map((duration) => count / duration)),
      seconds,
      firstSeconds,
      fooled: found.status.filter((status) => status === "fooled").length,
      meanIterations: mean(found.iterations),
      meanNorm: finiteMean(found.norms).mean,
      meanRho: found.meanRho,
      peakBytes: engine.memory().peakBytes,
    };
  } finally {
    model.dispose();
  }
}

/** What peers/torch_deepfool.py reads: the net, the images, and Nudge's answers for them. */
function exportSubject(folder: string, model: Uint8Array, images: NdArray, found: DeepFoolResult): void {
  mkdirSync(folder, { recursive: true });
  const vector = (values: ArrayLike<number>) => encodeNpy({ shape: [values.length], data: Float32Array.from(values) });
  const files = {
    "model.onnx": model,
    "images.npy": encodeNpy(images),
    "labels.npy": vector(found.labels),
    "new-labels.npy": vector(found.newLabels),
    "norms.npy": vector(found.norms),
    "iterations.npy": vector(found.iterations),
    "attack.json": new TextEncoder().encode(`${JSON.stringify(ATTACK, null, 2)}\n`),
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  console.error(`  exported: ${folder}`);
}

function tableOf({ adapter, host, results }: ThroughputReport): string {
  const header = ["net", "images", "batch", "images/s", "p10–p90", "first run s", "fooled", "steps", "mean norm"];
  const rows = results.map(({ net, images, batch, rate, firstSeconds, fooled, meanIterations, meanNorm }) => [
    net,
    String(images),
    String(batch),
    rate.median.toPrecision(3),
    `${rate.low.toPrecision(3)}–${rate.high.toPrecision(3)}`,
    firstSeconds.toPrecision(3),
    String(fooled),
    meanIterations.toFixed(2),
    meanNorm?.toPrecision(4) ?? "–",
  ]);
  const align = header.map((_, i) => (i === 0 ? "left" : "right"));
  return `DeepFool on ${adapterName(adapter)}; ${host}\n\n${columns([header, ...rows], align)}`;
}

/** The command `deepfool`. */
export function deepfoolCommand(output: string, models: string): Command {
  return new Command("deepfool")
    .description("DeepFool in images a second, on LeNet, and on random nets shaped like the CIFAR ResNet-20 and ResNet-18")
    .addOption(adapterOption())
    .option("--no-robustness", "without the clamps that Dawn puts around indices")
    .option("--only <pattern>", "nets whose name matches a regular expression")
    .option("--images <count>", "images attacked", positiveInteger)
    .option("--batch <count>", "images at once; default 32", positiveInteger)
    .option("--runs <count>", "runs timed after the first", positiveInteger, 5)
    .option("--json", "print the report as JSON instead of a table")
    .option("--output <folder>", "where the report is written", output)
    .option("--export <folder>", "also write nets, images and answers, for bench/peers/torch_deepfool.py")
    .action(async (options: Options) => {
      const { adapter, robustness } = options;
      const { engine } = await openGpu({ adapter, dawn: dawnOptions(options) });
      const pattern = new RegExp(options.only ?? "");
      const results: ThroughputResult[] = [];
      for (const subject of subjectsIn(models).filter(({ name }) => pattern.test(name)))
        results.push(await runSubject(engine, subject, options));
      if (results.length === 0) throw new RangeError("no net is selected");
      const host = `Node ${process.versions.node}, Dawn`;
      const report: ThroughputReport = { date: new Date().toISOString(), adapter: engine.adapter, host, robustness, results };
      console.log(options.json ? JSON.stringify(report, null, 2) : tableOf(report));
      mkdirSync(options.output, { recursive: true });
      const path = join(options.output, `${fileName("deepfool", report)}.json`);
      writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
      console.error(`written: ${path}`);
      engine.dispose();
    });
}
