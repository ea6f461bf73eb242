// Tuning tables as files: those that are named, and those that `nudge tune` keeps by model and adapter.

import { createHash } from "node:crypto";
import { isAbsolute, join } from "node:path";
import { Option, type Command } from "commander";
import type { AdapterDescription, Model, TuningTable } from "../index.ts";
import { adapterKey, parseTable } from "../tune.ts";
import { DataError } from "../data/errors.ts";
import { readBytes } from "../data/files.ts";
import { plural } from "./format.ts";
import { homeFolder } from "./home.ts";
import type { Terminal } from "./terminal.ts";

/** On every command that runs a model. */
export interface TuningFlags {
  /** Go by what `nudge tune` kept. */
  tuned?: boolean;
  /** Go by this file. */
  tuning?: string;
}

export function addTuningOptions(command: Command): Command {
  return command
    .option("--tuned", "run the kernels that nudge tune found fastest for this model on this adapter")
    .addOption(new Option("--tuning <file>", "run the kernels of a file that nudge tune --output wrote").conflicts("tuned"));
}

/** Where tables are kept: $XDG_CACHE_HOME/nudge, else ~/.cache/nudge; undefined where there is neither. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, find?: () => string): string | undefined {
  // The XDG specification has relative paths ignored.
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, "nudge");
  const home = homeFolder(env, find);
  return home && join(home, ".cache", "nudge");
}

/** The file of a model's table for an adapter: named by what they are, so that a model may be moved and not be changed. */
export function tuningPath(folder: string, model: Uint8Array, adapter: AdapterDescription): string {
  const digest = (content: Uint8Array | string) => createHash("sha256").update(content).digest("hex").slice(0, 16);
  return join(folder, `tuning-${digest(model)}-${digest(adapterKey(adapter))}.json`);
}

/** The table in a file, or undefined where there is no such file or no table in it. */
export async function readTable(path: string): Promise<TuningTable | undefined> {
  const bytes = await readBytes(path).catch(() => undefined);
  return bytes && parseTable(new TextDecoder().decode(bytes));
}

/**
 * The table that a command was asked to go by.
 * @throws DataError where a file was named and holds none; one that was kept may be missing, which is only noted
 */
export async function requestedTable(
  model: { readonly path: string; readonly bytes: Uint8Array },
  { tuned, tuning }: TuningFlags,
  adapter: AdapterDescription,
  terminal: Terminal,
): Promise<TuningTable | undefined> {
  if (tuning !== undefined) {
    const table = parseTable(new TextDecoder().decode(await readBytes(tuning)));
    if (!table) throw new DataError(`${tuning}: is not a tuning table as nudge tune writes it`);
    return table;
  }
  if (!tuned) return undefined;
  const folder = cacheFolder();
  const table = folder && (await readTable(tuningPath(folder, model.bytes, adapter)));
  if (!table) terminal.note(`not tuned for this adapter: nudge tune ${model.path} does it`);
  return table || undefined;
}

/** Says whether a model goes by its table. */
export function noteTuning({ tuning }: Model, terminal: Terminal): void {
  if (!tuning) return;
  terminal.note(tuning.used ? `tuned: ${plural(tuning.choices, "choice")} of kernels` : `not tuned: ${tuning.reason}`);
}
