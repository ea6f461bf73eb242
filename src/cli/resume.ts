// Commands whose runs are long: a run is begun by its options, or goes on by the checkpoint in its output folder.

import { stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import type { Command } from "commander";
import { nonNegative } from "../options/fields.ts";
import { CheckpointError } from "../runtime/errors.ts";
import { DataError } from "../data/errors.ts";
import { printable } from "../data/files.ts";
import { PRESET_NAMES } from "../data/presets.ts";
import { CHECKPOINT, CheckpointFile, hashOf, readCheckpoint, type Resumed } from "./checkpoint-file.ts";
import type { ModelFile } from "./model-file.ts";
import { numberFor, UsageError } from "./options.ts";
import { packageVersion } from "./package.ts";
import type { App } from "./session.ts";
import { resumedOptions, textsOf } from "./setting-texts.ts";

/** On commands whose runs are long. */
export interface LongRunFlags {
  resume?: string;
  checkpointEvery?: number;
}

/** What a long run needs, given or by its checkpoint. */
interface Needed {
  input: string;
  output: string;
}

/** Options that change nothing of the results. */
const WITHOUT_EFFECT = ["resume", "json", "debug", "output", "checkpointEvery"];

const CHECKPOINT_HELP =
  `\nLong runs: every 10 s a checkpoint is written to the output folder (${CHECKPOINT}); it is removed once the results are there.\n` +
  "After a crash or Ctrl-C, --resume FOLDER goes on from it and ends in the same bytes. Other options may be left out.";

export function addLongRunOptions(command: Command): Command {
  return command
    .optionsGroup("Long runs:")
    .option("--resume <folder>", "go on with the interrupted run whose output folder this is; all else is in its checkpoint")
    .option("--checkpoint-every <seconds>", "time between checkpoints (default: 10)", numberFor(nonNegative))
    .optionsGroup("Options:")
    .addHelpText("after", CHECKPOINT_HELP);
}

/** A run that is to be made. */
export interface LongRun<T, State extends object> {
  /** Of the model. */
  readonly path: string;
  readonly options: T;
  readonly resumed: Resumed<State> | undefined;
  /** Before anything is read that the model says how to read. @throws CheckpointError where the checkpoint is of another model file */
  readonly checkModel: (file: ModelFile) => void;
  /**
   * @param options as they are once defaults that depend on the images are known
   * @param preprocessing as in the report
   */
  readonly file: (model: ModelFile, options: T, preprocessing: Record<string, unknown>) => CheckpointFile<State>;
}

/**
 * What a command line asks for: a new run, or the rest of an interrupted one. Undefined where that is complete, which is noted.
 * @param model path, given or not
 * @throws UsageError where something is missing, CheckpointError where the checkpoint is of another task
 */
export async function longRun<T extends LongRunFlags & Partial<Needed>, State extends object>(
  command: Command,
  model: string | undefined,
  given: T,
  { terminal }: App,
): Promise<LongRun<T & Needed, State> | undefined> {
  const task = (options: T & Needed, path: string, resumed: Resumed<State> | undefined): LongRun<T & Needed, State> => ({
    path,
    options,
    resumed,
    checkModel: ({ bytes }) => {
      const now = hashOf(bytes);
      if (!resumed || resumed.modelHash === now) return;
      throw new CheckpointError(
        `${printable(resumed.path)}: the checkpoint was made with the model ${printable(resumed.model)} (SHA-256 ${printable(resumed.modelHash)}), ` +
          `this call comes with ${printable(path)} (SHA-256 ${now})`,
      );
    },
    file: ({ bytes }, settled, preprocessing) =>
      new CheckpointFile(
        settled.output,
        {
          command: command.name(),
          version: packageVersion,
          folder: process.cwd(),
          model: path,
          modelHash: hashOf(bytes),
          settings: textsOf(command, settled),
          preprocessing,
        },
        resumed,
        terminal,
      ),
  });
  const { resume: folder } = given;
  if (folder === undefined) {
    if (model === undefined) throw new UsageError("missing required argument 'model'");
    for (const name of ["input", "output"] as const) {
      const { flags } = command.options.find((option) => option.attributeName() === name)!;
      if (given[name] === undefined) throw new UsageError(`required option '${flags}' not specified`);
    }
    return task(given as T & Needed, model, undefined);
  }
  if (given.output !== undefined && resolve(given.output) !== resolve(folder)) {
    throw new UsageError(`--resume ${folder} goes on in that folder; --output ${given.output} is another`);
  }
  const resumed = await readCheckpoint<State>(folder, command.name());
  if (!resumed) {
    const complete = await stat(join(folder, "report.json")).catch(() => undefined);
    if (!complete)
      throw new DataError(`${printable(folder)}: nothing to resume: there is no ${CHECKPOINT}; give the model and all options`);
    // Without a checkpoint nobody can tell whether other options are those of the results.
    const others = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === "cli");
    if (model !== undefined || others.some((option) => !WITHOUT_EFFECT.includes(option.attributeName()))) {
      throw new DataError(`${printable(folder)}: nothing to resume: its run is complete; leave --resume out to begin another`);
    }
    terminal.note(`${printable(folder)}: nothing to resume: its run is complete`);
    return undefined;
  }
  const options = resumedOptions(command, given, resumed.settings, resumed.path);
  const place = (path: string) => (isAbsolute(path) || resumed.folder === process.cwd() ? path : resolve(resumed.folder, path));
  const isGiven = (name: string) => command.getOptionValueSource(name) === "cli";
  const values = options as Record<string, unknown>;
  for (const name of ["input", "validation", "preprocessing", "tuning"]) {
    const value = values[name];
    if (isGiven(name) || typeof value !== "string" || (name === "preprocessing" && [...PRESET_NAMES, "none"].includes(value))) continue;
    values[name] = place(value);
  }
  if (typeof options.input !== "string") throw new CheckpointError(`${printable(resumed.path)}: does not say what its input was`);
  return task({ ...options, input: options.input, output: folder }, model ?? place(resumed.model), resumed);
}
