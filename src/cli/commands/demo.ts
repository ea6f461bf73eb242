import type { Command } from "commander";
import { deepfool, deepfoolDefaults, type Evaluation, type Rate, type UniversalResult } from "../../index.ts";
import { decodeDigits, type Digits } from "../../data/digits.ts";
import { readBytes } from "../../data/files.ts";
import { sliceBatch } from "../../data/ndarray.ts";
import { encodeNpy } from "../../data/npy.ts";
import { pictureFormat, type PictureFormat } from "../../data/picture.ts";
import type { Preprocessing } from "../../data/preprocessing.ts";
import { wilsonInterval } from "../../data/statistics.ts";
import {
  formatNumber,
  formatPercent,
  formatRate,
  formatSeconds,
  formatSpread,
  formatTable,
  normName,
  normSymbol,
  type Norm,
} from "../format.ts";
import { onlyInput, readModel } from "../model-file.ts";
import { addCommonOptions, parseSeed, type CommonOptions } from "../options.ts";
import { checkOutput, writeFolder } from "../output.ts";
import { modelPath, packageVersion } from "../package.ts";
import { addPicture, AS_PICTURES, asPictures, drawGallery, drawPerturbation, type GalleryContent } from "../pictures.ts";
import { timed, withModel, type App, type Session } from "../session.ts";
import { describePreprocessing, recordOf, resolveStated, statedPreprocessing } from "../stated-preprocessing.ts";
import { toJson } from "../terminal.ts";
import { computeUniversal, judge, reportEvaluation, reportResult, type UniversalSettings } from "../universal-run.ts";

interface Options extends CommonOptions {
  output: string;
  seed: number;
}

/** Radii at which LeNet gives way to a single perturbation while a person still reads the digit. */
const RADII: readonly { norm: Norm; radius: number }[] = [
  { norm: Infinity, radius: 0.3 },
  { norm: 2, radius: 6 },
];
const { overshoot, candidates, maxIterations, rule } = deepfoolDefaults;
const DEEPFOOL = { overshoot, candidates, maxIterations, rule };
/** Passes are few, so that a CPU is done within a minute. */
const PASSES = { foolingRate: 0.8, maxPasses: 4 };
/** Digits the perturbations are computed from: twenty a class. */
const COMPUTED_FROM = 200;
/** Digits for DeepFool's mean ρ: enough for two digits of it, few enough for a CPU. */
const RHO_DIGITS = 100;

interface Attack {
  readonly settings: UniversalSettings;
  readonly result: UniversalResult;
  /** On the digits it was computed from. */
  readonly computed: Rate;
  readonly heldOut: Evaluation;
  readonly gallery: GalleryContent;
}

interface Results {
  readonly adapter: Session["adapter"];
  readonly attacks: Attack[];
  /** Mean ρ over the digits that DeepFool fooled, and how many digits there were. */
  readonly rho: { mean: number | null; over: number; n: number };
  readonly seconds: Record<string, number>;
}

/** `nudge demo`, the main job of `npm start`: universal perturbations of the embedded LeNet on embedded digits. */
export function registerDemo(program: Command, app: App): void {
  const command = program
    .command("demo")
    .summary("the whole path on the embedded LeNet and MNIST digits (npm start)")
    .description(
      "Computes two universal perturbations of the embedded LeNet, l∞ and l2, from 200 embedded MNIST digits, judges them " +
        "on 500 others, and writes perturbation.npy and .png (l∞), perturbation-l2.npy and .png, gallery.png and " +
        "report.json. Where no adapter is found on Debian or Ubuntu, root gets a software one installed.",
    )
    .option("--output <folder>", "folder for the results", "out")
    .option("--seed <number>", "seed of the shuffle and of the random baseline", parseSeed, 0);
  addCommonOptions(command)
    .addHelpText("after", "\nExamples:\n  nudge demo\n  nudge demo --adapter software --output /tmp/out")
    .action((options: Options) => run(options, app));
}

async function run(options: Options, app: App): Promise<void> {
  const { terminal } = app;
  const started = performance.now();
  const file = await readModel(modelPath("lenet.onnx"));
  const layout = new TextDecoder().decode(await readBytes(modelPath("mnist-digits.json")));
  const digits = decodeDigits(layout, await readBytes(modelPath("mnist-digits.bin")));
  await checkOutput(options.output, "folder");
  const stated = statedPreprocessing(file.path, {}, true);
  const preprocessing = resolveStated(stated, onlyInput(file), file.path);
  terminal.note(`preprocessing: ${describePreprocessing(preprocessing, stated)}`);

  const results = await withModel(file, { adapter: options.adapter, installIfMissing: true }, app, (session) =>
    attack(session, digits, preprocessing.range, options.seed, app),
  );
  const drawn = await timed(() => draw(results.attacks, preprocessing, app));
  const seconds = { ...results.seconds, pictures: drawn.seconds, total: (performance.now() - started) / 1000 };
  const report = {
    command: "demo",
    version: packageVersion,
    model: "lenet.onnx",
    images: { source: "mnist-digits.bin (MNIST test set)", computed: COMPUTED_FROM, heldOut: digits.heldOut.labels.length },
    adapter: results.adapter,
    preprocessing: recordOf(preprocessing, stated, preprocessing.range),
    attacks: Object.fromEntries(results.attacks.map((entry) => [normName(entry.settings.norm), reportAttack(entry)])),
    deepfool: { norm: "l2", meanRho: results.rho.mean, meanRhoOver: results.rho.over, n: results.rho.n },
    seconds,
  };
  const files = { ...drawn.value, "report.json": `${toJson(report)}\n` };
  await writeFolder(options.output, files, ["gallery.png", "perturbation.png", "perturbation-l2.png"]);
  terminal.print(describe(results, seconds));
  terminal.print(`wrote ${Object.keys(files).join(", ")} to ${options.output}`);
  terminal.report(report);
}

/** Everything that needs the GPU. */
async function attack(session: Session, digits: Digits, range: [number, number], seed: number, app: App): Promise<Results> {
  const { model, adapter } = session;
  const { terminal, signal } = app;
  if (adapter.software) terminal.note("This is a software adapter: shaders run on the CPU, and a GPU would be far faster.");
  const seconds: Record<string, number> = { ...session.seconds };
  const attacks: Attack[] = [];
  const [images, others] = [sliceBatch(digits.compute.images, 0, COMPUTED_FROM), digits.heldOut.images];
  for (const { norm, radius } of RADII) {
    const settings = { norm, radius, ...DEEPFOOL, ...PASSES, seed };
    const result = await computeUniversal(model, images, undefined, settings, app);
    const passes = result.passes.reduce((sum, pass) => sum + pass.seconds, 0);
    seconds.preparation = (seconds.preparation ?? 0) + result.seconds - passes;
    seconds[`universal ${normName(norm)}`] = passes;
    const n = images.shape[0]!;
    const judged = await timed(async () => {
      const heldOut = await judge(model, others, result.perturbation, range, settings, app);
      return { heldOut, gallery: await asPictures(model, others, result.perturbation, heldOut.labelsBefore, range) };
    });
    terminal.endProgress();
    seconds.evaluation = (seconds.evaluation ?? 0) + judged.seconds;
    attacks.push({ settings, result, computed: wilsonInterval(Math.round(result.foolingRate * n), n), ...judged.value });
  }
  const onProgress = ({ done, total }: { done: number; total: number }) => terminal.progress(`deepfool: ${done}/${total} digits`);
  const found = await deepfool(model, sliceBatch(others, 0, RHO_DIGITS), { norm: 2, ...DEEPFOOL, signal, onProgress });
  terminal.endProgress();
  seconds.deepfool = found.seconds;
  const fooled = found.status.filter((status) => status === "fooled").length;
  return { adapter, attacks, rho: { mean: found.meanRho, over: fooled, n: RHO_DIGITS }, seconds };
}

function reportAttack({ settings, result, computed, heldOut }: Attack): Record<string, unknown> {
  return { ...reportResult(result, settings), evaluation: { computed: { raw: computed }, heldOut: reportEvaluation(heldOut) } };
}

/** The arrays and pictures: those of l∞ under the plain names, those of l2 beside them. */
async function draw(
  attacks: readonly Attack[],
  preprocessing: Preprocessing,
  { terminal }: App,
): Promise<Record<string, Uint8Array | string>> {
  const format: PictureFormat = pictureFormat(preprocessing);
  const labelOf = (label: number) => preprocessing.labels?.[label] ?? String(label);
  const files: Record<string, Uint8Array | string> = {};
  for (const { settings, result, heldOut, gallery } of attacks) {
    const stem = settings.norm === 2 ? "perturbation-l2" : "perturbation";
    const size = `${normSymbol(settings.norm)} ≤ ${formatNumber(settings.radius)}`;
    files[`${stem}.npy`] = encodeNpy(result.perturbation);
    const caption = { title: `Universal perturbation, ${size}`, subtitle: `computed from ${COMPUTED_FROM} MNIST digits for LeNet` };
    await addPicture(files, `${stem}.png`, terminal, () => drawPerturbation(result.perturbation, format, caption));
    if (settings.norm === 2) continue;
    const { rate } = heldOut.rounded ?? heldOut.raw;
    const title = `One perturbation for all digits, ${size}: LeNet misreads ${formatPercent(rate)} of held-out digits`;
    await addPicture(files, "gallery.png", terminal, () => drawGallery(gallery, labelOf, format, { title, subtitle: AS_PICTURES }));
  }
  return files;
}

function describe({ adapter, attacks, rho }: Results, seconds: Record<string, number>): string {
  const columns = attacks.map(({ settings, computed, heldOut }) => [
    `${normSymbol(settings.norm)} ≤ ${formatNumber(settings.radius)}`,
    formatRate(computed),
    formatRate(heldOut.raw),
    heldOut.rounded ? formatRate(heldOut.rounded) : "",
    formatSpread(heldOut.random.raw),
    heldOut.random.rounded ? formatSpread(heldOut.random.rounded) : "",
  ]);
  const names = [
    "fooling rate",
    "digits computed from",
    "held-out digits",
    "… clipped, rounded to 8 bits",
    "random noise of the same norm",
    "… clipped, rounded to 8 bits",
  ];
  const { total, ...parts } = seconds;
  const times = Object.entries(parts).map(([name, value]) => `${name} ${formatSeconds(value)}`);
  return [
    "",
    formatTable(names.map((name, row) => [name, ...columns.map((column) => column[row]!)])),
    "",
    `DeepFool's mean ρ = ‖r‖/‖x‖ (l2, over the ${rho.over} fooled of ${rho.n} held-out digits): ${formatNumber(rho.mean ?? Number.NaN, 3)}`,
    `time: ${formatSeconds(total!)} on ${adapter.name}`,
    `      ${times.join(", ")}`,
  ].join("\n");
}
