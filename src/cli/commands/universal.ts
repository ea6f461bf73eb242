import type { Command } from "commander";
import type { UniversalState } from "../../index.ts";
import { encodeNpy } from "../../data/npy.ts";
import { originOf } from "../checkpoint-file.ts";
import { formatNumber, formatPercent, formatTable, normSymbol } from "../format.ts";
import { readImageInputs } from "../image-input.ts";
import { readModel } from "../model-file.ts";
import {
  addCommonOptions,
  addModelArgument,
  addDeepFoolOptions,
  addPreprocessingOptions,
  normOption,
  parseCount,
  parseFraction,
  parsePositive,
  drawsOption,
  parseSeed,
  type CommonOptions,
  type ModelFlags,
  type PreprocessingFlags,
} from "../options.ts";
import { checkOutput } from "../output.ts";
import { packageVersion } from "../package.ts";
import { addPicture, AS_ARRAYS, AS_PICTURES, asPictures, drawGallery, drawPerturbation } from "../pictures.ts";
import { addLongRunOptions, longRun, type LongRunFlags } from "../resume.ts";
import { timed, withModel, type App } from "../session.ts";
import { toJson } from "../terminal.ts";
import { addTuningOptions, type TuningFlags } from "../tuning.ts";
import {
  computeUniversal,
  defaultRadius,
  evaluationRows,
  judge,
  reportEvaluation,
  reportResult,
  type UniversalSettings,
} from "../universal-run.ts";

interface Given extends CommonOptions, ModelFlags, TuningFlags, PreprocessingFlags, LongRunFlags, Omit<UniversalSettings, "radius"> {
  input?: string;
  validation?: string;
  output?: string;
  radius?: number;
  draws: number;
}

/** `nudge universal`: one perturbation that changes the class of most images. */
export function registerUniversal(program: Command, app: App): void {
  const command = program
    .command("universal")
    .summary("one perturbation that changes the class of most images")
    .description(
      "A universal adversarial perturbation by Algorithm 1 of Moosavi-Dezfooli et al. 2017: images are visited one after " +
        "another in a seeded shuffle, DeepFool extends the perturbation where it does not fool yet, and the sum is projected " +
        "on the ball of the radius. Writes to the output folder: perturbation.npy [...input], perturbation.png and " +
        "gallery.png where the inputs are images, and report.json. Everything is in pixel units.",
    )
    .option("--input <path>", "images to compute from: .npy, float32 [N, ...input], or a folder of images (required)")
    .option("--output <folder>", "folder for the results (required)")
    .option("--validation <path>", "held-out images to judge by: .npy or a folder")
    .addOption(normOption("norm of the ball the perturbation stays in", "linf"))
    .option(
      "--radius <number>",
      "size of the ball, as 0.1 or 10/255 (default: linf 10/255 of the range, l2 4 % of the images' mean norm)",
      parsePositive,
    )
    .option("--fooling-rate <fraction>", "stop when this share is fooled", parseFraction, 0.8)
    .option("--max-passes <count>", "passes over the images at most", parseCount, 10)
    .option("--seed <number>", "seed of the shuffle and of the random baseline", parseSeed, 0)
    .addOption(drawsOption());
  addTuningOptions(addModelArgument(command, undefined, "[model]"));
  addLongRunOptions(addPreprocessingOptions(addDeepFoolOptions(command)));
  addCommonOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  nudge universal lenet.onnx --input train.npy --validation test.npy --radius 0.2 --output out\n" +
        "  nudge universal resnet.onnx --input photos/ --norm l2 --max-passes 5 --output out\n" +
        "  nudge universal --resume out",
    )
    .action((path: string | undefined, options: Given) => run(command, path, options, app));
}

async function run(command: Command, given: string | undefined, flags: Given, app: App): Promise<void> {
  const { terminal } = app;
  const task = await longRun<Given, UniversalState>(command, given, flags, app);
  if (!task) return;
  const { path, options } = task;
  const { norm, overshoot, rule, candidates, maxIterations, foolingRate, maxPasses, seed, input, validation } = options;
  const file = await readModel(path, options);
  task.checkModel(file);
  await checkOutput(options.output, "folder");
  const inputs = await readImageInputs(file, validation === undefined ? [input] : [input, validation], options, app);
  const { range, format, labelOf } = inputs;
  const images = inputs.batches[0]!.images;
  const heldOut = inputs.batches[1]?.images;
  const radius = options.radius ?? defaultRadius(norm, images, range);
  if (options.radius === undefined) terminal.note(`radius: ${formatNumber(radius)} (${normSymbol(norm)}, the default for these images)`);
  const checkpoint = task.file(file, { ...options, radius }, inputs.record);
  const settings = { norm, radius, overshoot, rule, candidates, maxIterations, foolingRate, maxPasses, seed };
  const judging = { norm, seed, draws: options.draws };

  const { result, onImages, onHeldOut, shown, adapter, attachedTo, seconds } = await withModel(
    file,
    { ...options, preprocessing: inputs.preprocessing },
    app,
    async ({ model, ...session }) => {
      const origin = await originOf(session.adapter.name, model, images, heldOut);
      const computed = await checkpoint.during(origin, ({ resume, save }) =>
        computeUniversal(model, images, heldOut, settings, app, { resume, checkpoint: { every: options.checkpointEvery, save } }),
      );
      const { perturbation } = computed;
      const judged = await timed(async () => ({
        onImages: await judge(model, images, perturbation, range, judging, app),
        onHeldOut: heldOut && (await judge(model, heldOut, perturbation, range, judging, app)),
      }));
      const { labelsBefore } = judged.value.onHeldOut ?? judged.value.onImages;
      return {
        result: computed,
        ...judged.value,
        shown: format && (await asPictures(model, heldOut ?? images, perturbation, labelsBefore, range)),
        adapter: session.adapter,
        attachedTo: model.attachedTo,
        seconds: { ...session.seconds, compute: computed.seconds, evaluate: judged.seconds },
      };
    },
  );
  const { perturbation } = result;
  const report = {
    command: "universal",
    version: packageVersion,
    model: path,
    weights: file.weights,
    input,
    validation,
    adapter,
    attachedTo,
    inputs: inputs.batches.map(({ record }) => record),
    preprocessing: inputs.record,
    ...reportResult(result, settings),
    evaluation: { computed: reportEvaluation(onImages), ...(onHeldOut && { heldOut: reportEvaluation(onHeldOut) }) },
    seconds,
  };
  const files: Record<string, Uint8Array | string> = {
    "perturbation.npy": encodeNpy(perturbation),
    "report.json": `${toJson(report)}\n`,
  };
  if (format && shown) {
    const size = `${normSymbol(norm)} radius ${formatNumber(radius)}`;
    const { raw, rounded } = onHeldOut ?? onImages;
    const title = `One perturbation for all, ${size}: fools ${formatPercent((rounded ?? raw).rate)} of ${heldOut ? "held-out images" : "the images"}`;
    await addPicture(files, "perturbation.png", terminal, () =>
      drawPerturbation(perturbation, format, { title: `Universal perturbation, ${size}` }),
    );
    await addPicture(files, "gallery.png", terminal, () =>
      drawGallery(shown, labelOf, format, { title, subtitle: range ? AS_PICTURES : AS_ARRAYS }),
    );
  }
  await checkpoint.finish(files, ["perturbation.png", "gallery.png"]);
  terminal.print(
    formatTable([
      ...evaluationRows("images computed from", onImages, norm),
      ...(onHeldOut ? evaluationRows("held-out images", onHeldOut, norm) : []),
    ]),
  );
  terminal.print(`wrote ${Object.keys(files).join(", ")} to ${options.output}`);
  terminal.report(report);
}
