import type { Command } from "commander";
import { formatNumber, formatPercent, formatTable, normName, type Norm } from "../format.ts";
import { readImageInputs, readPerturbation } from "../image-input.ts";
import { readModel } from "../model-file.ts";
import {
  addCommonOptions,
  addModelArgument,
  addPreprocessingOptions,
  normOption,
  drawsOption,
  parseSeed,
  type CommonOptions,
  type ModelFlags,
  type PreprocessingFlags,
} from "../options.ts";
import { checkOutput, writeFolder } from "../output.ts";
import { packageVersion } from "../package.ts";
import { addPicture, AS_ARRAYS, AS_PICTURES, asPictures, drawGallery, drawPerturbation } from "../pictures.ts";
import { timed, withModel, type App } from "../session.ts";
import { toJson } from "../terminal.ts";
import { addTuningOptions, type TuningFlags } from "../tuning.ts";
import { evaluationRows, judge, reportEvaluation } from "../universal-run.ts";

interface Options extends CommonOptions, ModelFlags, TuningFlags, PreprocessingFlags {
  input: string;
  perturbation: string;
  output: string;
  norm: Norm;
  seed: number;
  draws: number;
}

/** `nudge evaluate`: how many images one given perturbation fools. */
export function registerEvaluate(program: Command, app: App): void {
  const command = program
    .command("evaluate")
    .summary("how many images a given perturbation fools")
    .description(
      "Adds one perturbation to every image and counts changed classes: as it is, clipped to the range, and rounded to " +
        "8 bits (where the range is known), beside random noise of the same norm. Writes report.json, and gallery.png and " +
        "perturbation.png where the inputs are images, to the output folder. Everything is in pixel units.",
    )
    .requiredOption("--input <path>", "images: .npy, float32 [N, ...input], or a folder of images")
    .requiredOption("--perturbation <file>", ".npy, float32 [...input], as written by nudge universal")
    .requiredOption("--output <folder>", "folder for the results")
    .addOption(normOption("the norm in which the random noise matches", "linf"))
    .option("--seed <number>", "seed of the random noise", parseSeed, 0)
    .addOption(drawsOption());
  addTuningOptions(addModelArgument(command));
  addPreprocessingOptions(command);
  addCommonOptions(command)
    .addHelpText(
      "after",
      "\nExample:\n  nudge evaluate other.onnx --input test.npy --range 0,1 --perturbation out/perturbation.npy --output transfer",
    )
    .action((path: string, options: Options) => run(path, options, app));
}

async function run(path: string, options: Options, app: App): Promise<void> {
  const { terminal } = app;
  const { norm, seed, draws } = options;
  const file = await readModel(path, options);
  await checkOutput(options.output, "folder");
  const perturbation = await readPerturbation(file, options.perturbation);
  const inputs = await readImageInputs(file, [options.input], options, app);
  const { range, format, labelOf } = inputs;
  const { images } = inputs.batches[0]!;

  const { evaluation, shown, adapter, attachedTo, seconds } = await withModel(
    file,
    { ...options, preprocessing: inputs.preprocessing },
    app,
    async (session) => {
      const judged = await timed(() => judge(session.model, images, perturbation, range, { norm, seed, draws }, app));
      return {
        evaluation: judged.value,
        shown: format && (await asPictures(session.model, images, perturbation, judged.value.labelsBefore, range)),
        adapter: session.adapter,
        attachedTo: session.model.attachedTo,
        seconds: { ...session.seconds, evaluate: judged.seconds },
      };
    },
  );
  const report = {
    command: "evaluate",
    version: packageVersion,
    model: path,
    weights: file.weights,
    input: options.input,
    perturbation: options.perturbation,
    adapter,
    attachedTo,
    settings: { norm: normName(norm), seed, draws },
    inputs: inputs.batches.map(({ record }) => record),
    preprocessing: inputs.record,
    evaluation: reportEvaluation(evaluation),
    seconds,
  };
  const files: Record<string, Uint8Array | string> = { "report.json": `${toJson(report)}\n` };
  if (format && shown) {
    const size = `l∞ ${formatNumber(evaluation.norms.linf)}, l2 ${formatNumber(evaluation.norms.l2)}`;
    const title = `One perturbation for all, ${size}: fools ${formatPercent((evaluation.rounded ?? evaluation.raw).rate)}`;
    await addPicture(files, "perturbation.png", terminal, () => drawPerturbation(perturbation, format, { title: `Perturbation, ${size}` }));
    await addPicture(files, "gallery.png", terminal, () =>
      drawGallery(shown, labelOf, format, { title, subtitle: range ? AS_PICTURES : AS_ARRAYS }),
    );
  }
  await writeFolder(options.output, files, ["perturbation.png", "gallery.png"]);
  terminal.print(
    formatTable([
      ...evaluationRows("fooling rate", evaluation, norm),
      ["norms of the perturbation", `l2 ${formatNumber(evaluation.norms.l2)}, l∞ ${formatNumber(evaluation.norms.linf)}`],
    ]),
  );
  terminal.print(`wrote ${Object.keys(files).join(", ")} to ${options.output}`);
  terminal.report(report);
}
