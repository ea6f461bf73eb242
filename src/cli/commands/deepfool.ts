import type { Command } from "commander";
import { deepfoolDefaults, NO_LABEL, type DeepFoolResult } from "../../index.ts";
import { encodeNpy } from "../../data/npy.ts";
import { describeAttachment, describeSummary, NULL_MEANS, summarise } from "../attack-summary.ts";
import { originOf } from "../checkpoint-file.ts";
import { deepfoolInParts, type DeepFoolState } from "../deepfool-run.ts";
import { formatNumber, normName, normSymbol } from "../format.ts";
import { readImageInputs, type ImageInputs } from "../image-input.ts";
import { readModel } from "../model-file.ts";
import {
  addCommonOptions,
  addModelArgument,
  addDeepFoolOptions,
  addPreprocessingOptions,
  type CommonOptions,
  type ModelFlags,
  normOption,
  numberFor,
  type DeepFoolFlags,
  type PreprocessingFlags,
} from "../options.ts";
import { deepfoolFields } from "../../options/attacks.ts";
import { checkOutput } from "../output.ts";
import { packageVersion } from "../package.ts";
import { addPicture, AS_ARRAYS, drawGallery, perturbFirst } from "../pictures.ts";
import { addLongRunOptions, longRun, type LongRunFlags } from "../resume.ts";
import { withModel, type App } from "../session.ts";
import { toJson } from "../terminal.ts";
import { addTuningOptions, type TuningFlags } from "../tuning.ts";

interface Given extends CommonOptions, ModelFlags, TuningFlags, DeepFoolFlags, PreprocessingFlags, LongRunFlags {
  input?: string;
  output?: string;
  refine: boolean;
  refineSteps: number;
}

/** `nudge deepfool`: the smallest perturbation of each image that changes its class. */
export function registerDeepfool(program: Command, app: App): void {
  const command = program
    .command("deepfool")
    .summary("the smallest perturbation of each image that changes its class")
    .description(
      "DeepFool (Moosavi-Dezfooli et al. 2016) for every image at once. Writes to the output folder: " +
        "perturbations.npy [N, ...input], report.json (label before and after, iterations, norm and ρ = ‖r‖/‖x‖ of each " +
        "image), and gallery.png where the inputs are images. Perturbations are in pixel units. In report.json, " +
        NULL_MEANS,
    )
    .option("--input <path>", ".npy, float32 [N, ...input], or a folder of images (required)")
    .option("--output <folder>", "folder for the results (required)");
  command
    .option("--no-refine", "leave r as the walk ends, as published: do not bisect it to the boundary that it crossed")
    .option(
      "--refine-steps <count>",
      "bisections of an image at most",
      numberFor(deepfoolFields.refineSteps),
      deepfoolDefaults.refineSteps,
    );
  addTuningOptions(addModelArgument(command, undefined, "[model]"));
  addLongRunOptions(addPreprocessingOptions(addDeepFoolOptions(command.addOption(normOption("norm to keep small", "l2")))));
  addCommonOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  nudge deepfool lenet.onnx --input digits.npy --output out\n" +
        "  nudge deepfool resnet.onnx --input photos/ --norm linf --output out\n" +
        "  nudge deepfool resnet.onnx --input photos/ --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --output out\n" +
        "  nudge deepfool --resume out",
    )
    .action((path: string | undefined, options: Given) => run(command, path, options, app));
}

async function run(command: Command, given: string | undefined, flags: Given, app: App): Promise<void> {
  const { terminal, signal } = app;
  const task = await longRun<Given, DeepFoolState>(command, given, flags, app);
  if (!task) return;
  const { path, options } = task;
  const { norm, overshoot, rule, candidates, maxIterations, refine, refineSteps } = options;
  const file = await readModel(path, options);
  task.checkModel(file);
  await checkOutput(options.output, "folder");
  const inputs = await readImageInputs(file, [options.input], options, app);
  const batch = inputs.batches[0]!;
  const checkpoint = task.file(file, options, inputs.record);
  const { result, adapter, seconds } = await withModel(file, { ...options, preprocessing: inputs.preprocessing }, app, async (session) => {
    const settings = { norm, overshoot, rule, candidates, maxIterations, refine, refineSteps, signal };
    const origin = await originOf(session.adapter.name, session.model, batch.images);
    const outcome = await checkpoint.during(origin, (survival) =>
      deepfoolInParts(
        session.model,
        batch.images,
        settings,
        { ...survival, every: options.checkpointEvery },
        ({ done, total, iterations }) =>
          terminal.progress(`deepfool ${normSymbol(norm)}: ${done}/${total} images done, iteration ${iterations}`),
      ),
    );
    terminal.endProgress();
    return { result: outcome, adapter: session.adapter, seconds: session.seconds };
  });

  const summary = summarise(result);
  const report = {
    command: "deepfool",
    version: packageVersion,
    model: path,
    weights: file.weights,
    input: options.input,
    adapter,
    settings: { norm: normName(norm), overshoot, rule, candidates, maxIterations, refine, refineSteps },
    attachedTo: result.attachedTo,
    inputs: inputs.batches.map(({ record }) => record),
    preprocessing: inputs.record,
    summary,
    images: perImage(result, inputs),
    seconds: { ...seconds, compute: result.seconds },
  };
  const files: Record<string, Uint8Array | string> = {
    "perturbations.npy": encodeNpy(result.perturbations),
    "report.json": `${toJson(report)}\n`,
  };
  const { format } = inputs;
  if (format) {
    await addPicture(files, "gallery.png", terminal, () =>
      drawGallery(
        { ...perturbFirst(batch.images, result.perturbations), before: result.labels, after: result.newLabels },
        inputs.labelOf,
        format,
        {
          title: `DeepFool, ${normSymbol(norm)}: ${result.meanRho === null ? "no image fooled" : `mean ρ = ${formatNumber(result.meanRho, 3)}`}`,
          subtitle: AS_ARRAYS,
        },
      ),
    );
  }
  await checkpoint.finish(files, ["gallery.png"]);
  terminal.print(describeSummary(summary, norm, result.seconds));
  const attached = describeAttachment(result.attachedTo);
  if (attached) terminal.print(attached);
  terminal.print(`wrote ${Object.keys(files).join(", ")} to ${options.output}`);
  terminal.report(report);
}

function perImage(result: DeepFoolResult, { batches, labelOf }: ImageInputs) {
  const { names } = batches[0]!;
  return result.status.map((status, index) => ({
    ...(names && { name: names[index] }),
    ...labelFields("Before", result.labels[index]!, labelOf),
    ...labelFields("After", result.newLabels[index]!, labelOf),
    status,
    iterations: result.iterations[index]!,
    forwards: result.forwards[index]!,
    norm: result.norms[index]!,
    rho: result.relativeNorms[index]!,
  }));
}

/** A label and its name; null where there is none. */
function labelFields(when: "Before" | "After", label: number, labelOf: (label: number) => string) {
  return label === NO_LABEL
    ? { [`label${when}`]: null, [`name${when}`]: null }
    : { [`label${when}`]: label, [`name${when}`]: labelOf(label) };
}
