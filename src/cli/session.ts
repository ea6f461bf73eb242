// A GPU and a model on it, for the length of one command.

import { basename } from "node:path";
import type { Engine, LoadOptions, Model } from "../index.ts";
import { formatSeconds } from "./format.ts";
import { describeAdapter, isSoftware, openGpu, type OpenOptions } from "./gpu.ts";
import { withFile, type ModelFile } from "./model-file.ts";
import type { CommonOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { noteTuning, requestedTable, type TuningFlags } from "./tuning.ts";

/** What a command gets from the program around it. */
export interface App {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

export interface Session {
  readonly engine: Engine;
  readonly model: Model;
  /** For the report. */
  readonly adapter: { name: string; software: boolean; driver?: string };
  readonly seconds: { adapter: number; load: number };
}

interface SessionOptions extends Pick<CommonOptions, "adapter">, Pick<OpenOptions, "installIfMissing">, TuningFlags {
  preprocessing?: LoadOptions["preprocessing"];
}

/** Opens a GPU, loads the model, hands both to `use` and gives everything back, whatever happens. */
export async function withModel<T>(
  file: ModelFile,
  options: SessionOptions,
  { terminal, signal }: App,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const log = (line: string) => terminal.note(line);
  const { engine, info, driver } = await openGpu({ ...options, log, signal });
  try {
    const adapter = { name: describeAdapter(info), software: isSoftware(info), driver };
    terminal.note(`adapter: ${adapter.name}`);
    const opened = performance.now();
    const tuning = await requestedTable(file, options, engine.adapter, terminal);
    return await withFile(file.path, async () => {
      const model = await engine.load(file.bytes, {
        name: basename(file.path),
        preprocessing: options.preprocessing,
        dimensions: file.dimensions,
        weights: file.weights,
        externalData: file.externalData,
        tuning,
        signal,
        onProgress: ({ phase, done, total }) => terminal.progress(`loading ${file.path}: ${phase} ${done}/${total}`),
      });
      terminal.endProgress();
      const loaded = performance.now();
      const seconds = { adapter: (opened - started) / 1000, load: (loaded - opened) / 1000 };
      terminal.note(`loaded ${file.path} in ${formatSeconds(seconds.load)}`);
      noteTuning(model, terminal);
      return use({ engine, model, adapter, seconds });
    });
  } finally {
    terminal.endProgress();
    engine.dispose();
  }
}

/** Runs a step and says how many seconds it took. */
export async function timed<T>(step: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const started = performance.now();
  const value = await step();
  return { value, seconds: (performance.now() - started) / 1000 };
}
