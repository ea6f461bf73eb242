import type { Command } from "commander";
import { formatShape, type NdArray } from "../../data/ndarray.ts";
import { encodeNpy } from "../../data/npy.ts";
import { ShapeError } from "../../runtime/errors.ts";
import { formatSeconds } from "../format.ts";
import { checkBatch, readArray, readModel } from "../model-file.ts";
import { addCommonOptions, addModelArgument, UsageError, type CommonOptions, type ModelFlags } from "../options.ts";
import { checkOutput, writeFiles } from "../output.ts";
import { timed, withModel, type App } from "../session.ts";
import { addTuningOptions, type TuningFlags } from "../tuning.ts";

interface RunOptions extends CommonOptions, ModelFlags, TuningFlags {
  input: string[];
  output: string[];
  checkFinite?: boolean;
}

/** `nudge run`: the network's outputs for its inputs. */
export function registerRun(program: Command, app: App): void {
  const collect = (value: string, previous: string[] = []) => [...previous, value];
  const command = program
    .command("run")
    .summary("run a model on .npy inputs")
    .description(
      "Runs a model. X is float32 [N, ...] in the model's own input space (no preprocessing is applied), with any N. " +
        "Models with several inputs or outputs: NAME=FILE, repeated.",
    )
    .requiredOption("--input <[name=]file>", ".npy to feed; repeat with names for several inputs", collect)
    .requiredOption("--output <[name=]file>", ".npy to write; repeat with names for several outputs", collect)
    .option("--check-finite", "stop where a node gives NaN or an infinity, and name the first one; slow, every value is read");
  addTuningOptions(addModelArgument(command, "ONNX file"));
  addCommonOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  nudge run lenet.onnx --input digits.npy --output logits.npy\n" +
        "  nudge run two.onnx --input a=a.npy --input b=b.npy --output sum=sum.npy\n" +
        "  nudge run net.onnx --input x.npy --output y.npy --check-finite",
    )
    .action((path: string, options: RunOptions) => run(path, options, app));
}

async function run(path: string, options: RunOptions, app: App): Promise<void> {
  const file = await readModel(path, options);
  const { inputs, outputs } = file.description;
  const sources = assign(
    "input",
    options.input,
    inputs.map((port) => port.name),
    path,
  );
  const targets = assign(
    "output",
    options.output,
    outputs.map((port) => port.name),
    path,
  );
  const missing = inputs.filter((port) => !sources.has(port.name));
  if (missing.length > 0) throw new UsageError(`${path}: no --input for ${missing.map((port) => `"${port.name}"`).join(", ")}`);

  const feeds: Record<string, NdArray> = {};
  let count: number | undefined;
  for (const port of inputs) {
    const source = sources.get(port.name)!;
    const array = await readArray(source);
    checkBatch(array, port, source);
    if (count !== undefined && array.shape[0] !== count) {
      throw new ShapeError(`${source}: holds ${array.shape[0]} samples, the other inputs ${count}`);
    }
    count = array.shape[0];
    feeds[port.name] = array;
  }
  for (const target of targets.values()) await checkOutput(target, "file");

  const report = await withModel(file, options, app, async ({ model, adapter, seconds }) => {
    const { value: results, seconds: runSeconds } = await timed(() =>
      model.run(feeds, {
        signal: app.signal,
        ...(options.checkFinite && { check: "finite" as const }),
        onProgress: ({ phase, done, total }) => app.terminal.progress(`run: ${phase} ${done}/${total}`),
      }),
    );
    return { adapter, results, seconds: { ...seconds, run: runSeconds } };
  });
  const written = [...targets].map(([name, target]) => ({ name, file: target, array: report.results[name]! }));
  await writeFiles(Object.fromEntries(written.map(({ file: target, array }) => [target, encodeNpy(array)])));
  for (const { name, file: target, array } of written) {
    app.terminal.print(`${target}: "${name}" ${formatShape(array.shape)}, ${formatSeconds(report.seconds.run)}`);
  }
  app.terminal.report({
    command: "run",
    model: path,
    weights: file.weights,
    adapter: report.adapter,
    samples: count,
    outputs: written.map(({ name, file: target, array }) => ({ name, file: target, shape: array.shape })),
    seconds: report.seconds,
  });
}

/**
 * Pairs files with the ports of a model. "NAME=FILE" where NAME is a port; a file without a name belongs to the only port.
 * @throws UsageError listing the ports
 */
export function assign(kind: "input" | "output", values: readonly string[], ports: readonly string[], model: string): Map<string, string> {
  const list = ports.map((name) => `"${name}"`).join(", ");
  const files = new Map<string, string>();
  for (const value of values) {
    // Names of ports may themselves hold "=", and so may paths: the ports decide.
    const named = ports.find((name) => value.startsWith(`${name}=`));
    const name = named ?? (ports.length === 1 && !looksNamed(value) ? ports[0]! : undefined);
    if (name === undefined) {
      const problem = looksNamed(value)
        ? `has no ${kind} "${value.split("=")[0]}"`
        : `has ${ports.length} ${kind}s: say which is meant by --${kind} NAME=${value}`;
      throw new UsageError(`${model}: ${problem}; its ${kind}s are ${list}`);
    }
    if (files.has(name)) throw new UsageError(`${model}: --${kind} is given twice for "${name}"`);
    files.set(name, named === undefined ? value : value.slice(name.length + 1));
  }
  return files;
}

/** "name=file", unless the = is part of a folder or file name ("./a=1/x.npy"). */
function looksNamed(value: string): boolean {
  return /^[^/\\=]+=./.test(value);
}
