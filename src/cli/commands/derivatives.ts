// What jacobian, vjp and jvp share: one or two arrays in, one derivative out.

import type { Command } from "commander";
import type { Model, RunOptions, Tensor } from "../../index.ts";
import { formatShape, type NdArray } from "../../data/ndarray.ts";
import { encodeNpy } from "../../data/npy.ts";
import { ShapeError } from "../../runtime/errors.ts";
import { formatSeconds } from "../format.ts";
import { checkBatch, onlyInput, readArray, readModel } from "../model-file.ts";
import { addModelArgument, type CommonOptions, type ModelFlags } from "../options.ts";
import { checkOutput, writeFiles } from "../output.ts";
import { timed, withModel, type App } from "../session.ts";
import { addTuningOptions, type TuningFlags } from "../tuning.ts";

export interface DerivativeOptions extends CommonOptions, ModelFlags, TuningFlags {
  input: string;
  output: string;
  /** The output to differentiate; undefined for the first. */
  of?: string;
}

interface Derivative {
  command: "jacobian" | "vjp" | "jvp";
  /** Path of the second array: a cotangent with one entry an output, or a tangent with one an input. */
  direction?: { path: string; like: "input" | "output" };
  /** For the report. */
  settings?: Record<string, unknown>;
  compute(model: Model, x: NdArray, direction: NdArray | undefined, options: RunOptions & { output?: string }): Promise<Tensor>;
}

export function addDerivativeArguments(command: Command): Command {
  return addTuningOptions(addModelArgument(command))
    .requiredOption("--input <file>", ".npy with the points, float32 [N, ...input] in the model's own input space")
    .requiredOption("--output <file>", ".npy to write")
    .option("--of <name>", "output to differentiate (default: the first); logits are the scores that attacks attach to");
}

/** Reads and checks everything, computes on the GPU, writes the result. */
export async function runDerivative(path: string, options: DerivativeOptions, derivative: Derivative, app: App): Promise<void> {
  const { command, direction, settings } = derivative;
  const file = await readModel(path, options);
  const port = onlyInput(file);
  const x = await readArray(options.input);
  checkBatch(x, port, options.input);
  let second: NdArray | undefined;
  if (direction) {
    second = await readArray(direction.path);
    // The shape of the logits, and a name that no output has, are the engine's to check.
    const output = file.description.outputs.find(({ name }, i) => (options.of === undefined ? i === 0 : name === options.of));
    const like = direction.like === "input" ? port : output;
    if (like) checkBatch(second, like, direction.path);
    if (second.shape[0] !== x.shape[0]) {
      throw new ShapeError(`${direction.path}: holds ${second.shape[0]} samples, ${options.input} holds ${x.shape[0]}`);
    }
  }
  await checkOutput(options.output, "file");

  const { array, adapter, seconds } = await withModel(file, options, app, async (session) => {
    const result = await timed(async () => {
      const tensor = await derivative.compute(session.model, x, second, {
        output: options.of,
        signal: app.signal,
        onProgress: ({ phase, done, total }) => app.terminal.progress(`${command}: ${phase} ${done}/${total}`),
      });
      try {
        return await tensor.read();
      } finally {
        tensor.dispose();
      }
    });
    return { array: result.value, adapter: session.adapter, seconds: { ...session.seconds, compute: result.seconds } };
  });
  await writeFiles({ [options.output]: encodeNpy(array) });
  app.terminal.print(`${options.output}: ${formatShape(array.shape)}, ${formatSeconds(seconds.compute)}`);
  app.terminal.report({
    command,
    model: path,
    weights: file.weights,
    adapter,
    ...settings,
    output: { file: options.output, shape: array.shape },
    seconds,
  });
}
