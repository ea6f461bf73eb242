import { dirname } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { mergedTable, tune, tuneDefaults, type TuneProgress } from "../../tune.ts";
import { DataError } from "../../data/errors.ts";
import { formatNumber, formatSeconds, formatTable, plural } from "../format.ts";
import { readModel } from "../model-file.ts";
import { addCommonOptions, addModelArgument, parseCount, parsePositive, type CommonOptions, type ModelFlags } from "../options.ts";
import { checkOutput, writeFiles } from "../output.ts";
import { timed, withModel, type App } from "../session.ts";
import { toJson } from "../terminal.ts";
import { cacheFolder, readTable, tuningPath } from "../tuning.ts";

interface Options extends CommonOptions, ModelFlags {
  samples: number[];
  rows?: number[];
  derivatives: boolean;
  budget: number;
  output?: string;
}

const MILLISECONDS = 1000;

/** `nudge tune`: which kernels are fastest for a model on this machine. */
export function registerTune(program: Command, app: App): void {
  const command = program
    .command("tune")
    .summary("measure which kernels are fastest for a model on this adapter")
    .description(
      "Several kernels can compute the same convolution, product or reduction, and which is fastest depends on the adapter. " +
        "Without tuning, rules choose that are good on most. This command times every kernel that can compute a shape of the " +
        "model, and keeps another than the rules' only where it is more than 10 % faster and computes the same. Results are " +
        "kept by model and adapter in $XDG_CACHE_HOME/nudge or ~/.cache/nudge; other commands go by them with --tuned. A " +
        "choice holds for the numbers of samples and rows it was measured with, and what another run measured is kept beside " +
        "it. Let nothing else use the adapter meanwhile.",
    )
    .option("--samples <counts>", "batch sizes to tune for", parseCounts, [...tuneDefaults.samples])
    .option("--rows <counts>", "rows of the Jacobian to tune for (default: those of vjp, jacobian and deepfool)", parseCounts)
    .option("--no-derivatives", "tune the forward pass only")
    .option("--budget <seconds>", "time to measure for; shapes with the most work come first", parsePositive, 60)
    .option("--output <file>", "write the table to this file instead, for --tuning or engine.load");
  addModelArgument(command, "ONNX file");
  addCommonOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  nudge tune resnet.onnx\n  nudge deepfool resnet.onnx --tuned --input photos/ --output out\n" +
        "  nudge tune resnet.onnx --samples 1,8,32 --budget 300 --output tuning.json\n" +
        "  nudge run resnet.onnx --tuning tuning.json --input x.npy --output y.npy",
    )
    .action((path: string, options: Options) => run(path, options, app));
}

async function run(path: string, options: Options, app: App): Promise<void> {
  const { terminal, signal } = app;
  const { samples, rows, derivatives, budget, output } = options;
  const file = await readModel(path, options);
  const folder = output === undefined ? cacheFolder() : dirname(output);
  if (folder === undefined) throw new DataError("there is no folder to keep the result in: set XDG_CACHE_HOME or HOME, or give --output");
  if (output !== undefined) await checkOutput(output, "file");
  else await checkOutput(folder, "folder");

  const shapes: TuneProgress[] = [];
  let total = 0;
  const { table, target, adapter, seconds } = await withModel(file, { adapter: options.adapter }, app, async (session) => {
    const { engine, model } = session;
    const result = await timed(() =>
      tune(model, {
        samples,
        rows,
        derivatives,
        budgetMs: budget * MILLISECONDS,
        signal,
        onProgress: (shape) => {
          shapes.push(shape);
          total = shape.total;
          terminal.progress(`tune: ${shape.done}/${shape.total} ${shape.signature}: ${shape.chosen}`);
        },
      }),
    );
    return {
      table: result.value,
      target: output ?? tuningPath(folder, file.bytes, engine.adapter),
      adapter: session.adapter,
      seconds: { ...session.seconds, tune: result.seconds },
    };
  });
  // What an earlier run measured for other numbers of samples stays.
  const kept = output === undefined ? mergedTable(await readTable(target), table) : table;
  await writeFiles({ [target]: `${toJson(kept)}\n` });

  const changed = shapes.filter(({ usual, chosen }) => chosen !== usual);
  for (const { signature, usual, chosen, micros } of changed) {
    const time = (variant: string) => `${formatNumber(micros[variant]!, 3)} µs`;
    terminal.print(`${signature}\n  ${chosen} ${time(chosen)}, instead of ${usual} ${time(usual)}`);
  }
  terminal.print(
    formatTable([
      ["shapes measured", `${shapes.length} of ${total}${shapes.length < total ? "; a larger --budget measures more" : ""}`],
      ["better kernels found", `for ${plural(changed.length, "shape")}`],
      ["time", formatSeconds(seconds.tune)],
      ["written to", target],
    ]),
  );
  terminal.report({
    command: "tune",
    model: path,
    adapter,
    settings: { samples, rows, derivatives, budget },
    shapes,
    table,
    file: target,
    seconds,
  });
}

/** Whole numbers from 1, separated by commas. */
function parseCounts(text: string): number[] {
  if (text.trim() === "") throw new InvalidArgumentError("It must be numbers separated by commas, as 1,32.");
  return text.split(",").map(parseCount);
}
