// The checkpoint of a long command: what it was asked to do and how far it has come, as one file of its output folder.
//
// The bytes are those of src/data/checkpoint.ts, of an object { command, version, folder, model, modelHash, settings, preprocessing,
// adapter, identity, state }. It is replaced as a whole, so that there is a good one at every moment, and removed once the results
// are written.

import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ArgumentError, CheckpointError } from "../runtime/errors.ts";
import { DataError } from "../data/errors.ts";
import { describeFileError, printable, readBytes } from "../data/files.ts";
import { decodeCheckpoint, encodeCheckpoint, type Model } from "../index.ts";
import type { NdArray } from "../data/ndarray.ts";
import { keepAs, removeFile, writeFiles, writeFolder, type OutputFiles } from "./output.ts";
import type { SettingTexts } from "./setting-texts.ts";
import type { Terminal } from "./terminal.ts";

export const CHECKPOINT = "checkpoint.nudge";
/** Where the checkpoint of an interrupted run goes when another is begun in its folder. */
const PREVIOUS = "checkpoint.previous.nudge";

/** What a command was asked to do. */
export interface Task {
  /** "universal" */
  readonly command: string;
  /** Of the package. */
  readonly version: string;
  /** In which the command was started; the paths are relative to it. */
  readonly folder: string;
  /** Path of the model, and SHA-256 of that file. */
  readonly model: string;
  readonly modelHash: string;
  readonly settings: SettingTexts;
  /** As in the report. */
  readonly preprocessing: Record<string, unknown>;
}

/** What the numbers of a run follow from, beside its options: known once the model is loaded, and before anything is computed. */
export interface Origin {
  readonly adapter: string;
  /** By name: texts, or hashes. */
  readonly identity: Readonly<Record<string, string>>;
}

/** What other values of an identity's hashes mean. */
const MEANINGS: Readonly<Record<string, string>> = {
  "model hash": "another model, or other dimensions of this one",
  "images hash": "other images, or the same in another order",
  "validation hash": "other held-out images, or the same in another order",
};

/** The origin of a run on images, and on held-out images where there are any. */
export async function originOf(adapter: string, model: Model, images: NdArray, validation?: NdArray): Promise<Origin> {
  const { hash, ...texts } = await model.identity();
  const others = { "images hash": hashOf(images.data), ...(validation && { "validation hash": hashOf(validation.data) }) };
  return { adapter, identity: { ...texts, "model hash": hash, ...others } };
}

/** SHA-256 in hexadecimal digits. */
export function hashOf({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return createHash("sha256")
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex");
}

interface Content<State> extends Task, Origin {
  /** Of the library; null while the attack has not begun. */
  readonly state: State | null;
}

const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown) => typeof value === "string";
const kinds: Record<keyof Content<unknown>, (value: unknown) => boolean> = {
  command: isText,
  version: isText,
  folder: isText,
  model: isText,
  modelHash: isText,
  settings: isObject,
  preprocessing: isObject,
  adapter: isText,
  identity: isObject,
  state: (value) => value === null || isObject(value),
};

/** A checkpoint that was read. */
export interface Resumed<State> extends Content<State> {
  /** Of the file, for messages. */
  readonly path: string;
}

/**
 * The checkpoint in an output folder, or undefined where there is none.
 * @throws CheckpointError naming the file, where it is damaged or of another command
 * @throws DataError where it cannot be read
 */
export async function readCheckpoint<State>(folder: string, command: string): Promise<Resumed<State> | undefined> {
  const path = join(folder, CHECKPOINT);
  if (!(await exists(path))) return undefined;
  const bytes = await readBytes(path);
  const content = await naming(path, () => decodeCheckpoint<Content<State>>(bytes));
  const wrong = (Object.keys(kinds) as (keyof Content<State>)[]).find((name) => !kinds[name](content[name]));
  if (wrong) throw new CheckpointError(`${printable(path)}: is not of this command: its field "${wrong}" is missing or of another type`);
  if (content.command !== command) {
    throw new CheckpointError(`${printable(path)}: is a checkpoint of nudge ${printable(content.command)}, not of nudge ${command}`);
  }
  return { ...content, path };
}

/** Runs a step whose errors concern a checkpoint, and names it in place of the library's option. */
async function naming<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof CheckpointError || (error instanceof ArgumentError && /^resume\b/.test(error.message)))) throw error;
    throw new CheckpointError(`${printable(path)}: ${error.message.replace(/^resume(: |, )/, "")}`);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw new DataError(`${printable(path)}: ${describeFileError(error)}`);
  }
}

/** Keeps the checkpoint of one run of a command. */
export class CheckpointFile<State extends object> {
  private readonly path: string;
  private readonly previous: string;
  private origin: Origin = { adapter: "", identity: {} };

  constructor(
    private readonly folder: string,
    private readonly task: Task,
    private readonly resumed: Resumed<State> | undefined,
    private readonly terminal: Terminal,
  ) {
    this.path = join(folder, CHECKPOINT);
    this.previous = join(folder, PREVIOUS);
  }

  /**
   * The work of a run between its first checkpoint and its last. `attack` gets the options of the library that it goes on with.
   * @throws CheckpointError where what the results follow from is not what it was
   */
  async during<T>(origin: Origin, attack: (options: { resume?: State; save: (state: State) => Promise<void> }) => Promise<T>): Promise<T> {
    this.origin = origin;
    const { resumed, terminal } = this;
    if (resumed) {
      this.checkPreprocessing(resumed);
      this.checkIdentity(resumed);
      for (const [what, then, now] of [
        ["adapter", resumed.adapter, origin.adapter],
        ["version", resumed.version, this.task.version],
      ] as const) {
        if (then && then !== now)
          terminal.note(`resumed on another ${what} (${printable(then)} before): the last bits of the result may differ`);
      }
    } else {
      const another = await exists(this.path);
      // From here on the run can be resumed, if only from its beginning.
      await this.write(null, another ? (path) => keepAs(this.previous, path) : undefined);
      if (another) terminal.note(`begun anew; the checkpoint of the run before is kept as ${this.previous}`);
    }
    const state = resumed?.state ?? undefined;
    return naming(this.path, () => attack({ ...(state && { resume: state }), save: (saved) => this.write(saved) }));
  }

  /**
   * Writes the results, and removes the checkpoint once they are on the disk.
   * @param owned as of writeFolder
   */
  async finish(results: OutputFiles, owned: readonly string[]): Promise<void> {
    await this.keeping(() => writeFolder(this.folder, results, owned));
    await removeFile(this.path);
  }

  private async write(state: State | null, replacing?: (path: string) => void): Promise<void> {
    const content: Content<State> = { ...this.task, ...this.origin, state };
    const bytes = await encodeCheckpoint(content);
    await this.keeping(() => writeFiles({ [this.path]: bytes }, replacing));
  }

  /** Says of what cannot be written that no work is lost, where that is so. */
  private async keeping(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (error instanceof DataError && (await exists(this.path).catch(() => false)))
        error.message += `; the last checkpoint is kept: nudge ${this.task.command} --resume ${this.folder} goes on from it`;
      throw error;
    }
  }

  private checkIdentity(resumed: Resumed<State>): void {
    const [then, now] = [resumed.identity, this.origin.identity];
    for (const name of new Set([...Object.keys(then), ...Object.keys(now)])) {
      const [before, after] = [then[name], now[name]].map((value) => (value === undefined ? "none" : printable(String(value))));
      if (before === after) continue;
      const meaning = Object.hasOwn(MEANINGS, name) ? `: ${MEANINGS[name]}` : "";
      throw new CheckpointError(
        `${printable(this.path)}: the checkpoint was made with ${printable(name)} ${before}, this call has ${after}${meaning}`,
      );
    }
  }

  private checkPreprocessing(resumed: Resumed<State>): void {
    const [then, now] = [resumed.preprocessing, this.task.preprocessing];
    for (const name of new Set([...Object.keys(then), ...Object.keys(now)])) {
      if (name === "sources") continue;
      const [before, after] = [then[name], now[name]].map((value) => (value === undefined ? "none" : JSON.stringify(value)));
      if (before !== after) {
        throw new CheckpointError(
          `${printable(this.path)}: the checkpoint was made with preprocessing ${printable(name)} ${printable(before!)}, this call has ${after}`,
        );
      }
    }
  }
}
