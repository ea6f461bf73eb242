// The model of a command: read and examined before any GPU is looked for, so that a bad file fails at once and by name.

import { readFileSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { describeModel, loadRareOps, type ModelPort, type WeightStorage } from "../index.ts";
import { DataError } from "../data/errors.ts";
import { describeFileError, readBytes } from "../data/files.ts";
import { formatShape, type NdArray } from "../data/ndarray.ts";
import { decodeNpy } from "../data/npy.ts";
import type { ModelFlags } from "./options.ts";
import { ArgumentError, CheckpointError, NudgeError, ShapeError, UnsupportedOpError } from "../runtime/errors.ts";

export type Description = ReturnType<typeof describeModel>;

export interface ModelFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly dimensions: Record<string, number> | undefined;
  readonly weights: WeightStorage;
  /** Reads a file that holds tensors of the model; it has to lie in the model's folder. */
  readonly externalData: (name: string) => Uint8Array | undefined;
  readonly description: Description;
}

/**
 * Finds the files that a model keeps tensors in, each read once. A name comes from the model, which may be a stranger's: what
 * it leads to, links followed, must lie in the model's folder.
 */
function externalDataBeside(path: string, ifMissing: "throw" | "pass"): ModelFile["externalData"] {
  const files = new Map<string, Uint8Array | undefined>();
  const read = (name: string) => {
    const file = join(dirname(path), name);
    try {
      const inside = relative(realpathSync(dirname(path)), realpathSync(file));
      if (inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
        throw new DataError(`${path}: its external data file ${JSON.stringify(name)} leads out of the model's folder`);
      }
      return readFileSync(file);
    } catch (error) {
      if (error instanceof DataError) throw error;
      if (ifMissing === "pass" && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new DataError(`${path}: cannot read its external data file ${file}: ${describeFileError(error)}`);
    }
  };
  return (name) => {
    if (!files.has(name)) files.set(name, read(name));
    return files.get(name);
  };
}

/** A model that may hold what no kernel covers, and whose weights may lie in files that are missing: for `nudge info`. */
export async function readAnyModel(path: string, flags: ModelFlags = {}): Promise<ModelFile> {
  return describedModel(path, flags, externalDataBeside(path, "pass"));
}

async function describedModel(
  path: string,
  { dimension: dimensions, weights = "f32" }: ModelFlags,
  externalData: ModelFile["externalData"],
): Promise<ModelFile> {
  const bytes = await readBytes(path);
  await loadRareOps();
  try {
    const description = withFile(path, () => describeModel(bytes, { dimensions, weights, externalData }));
    return { path, bytes, dimensions, weights, externalData, description };
  } catch (error) {
    // The library's option by the name it has here.
    if (error instanceof ShapeError || error instanceof ArgumentError)
      error.message = error.message.replace(/\bin options\.dimensions/, "with --dimension NAME=SIZE");
    throw error;
  }
}

/**
 * A model that can be run.
 * @throws NudgeError beginning with the path
 */
export async function readModel(path: string, flags: ModelFlags = {}): Promise<ModelFile> {
  const file = await describedModel(path, flags, externalDataBeside(path, "throw"));
  const { unsupported, ops } = file.description;
  if (unsupported.length > 0) {
    const nodes = Object.values(ops).reduce((sum, count) => sum + count, 0);
    withFile(path, () => {
      throw new UnsupportedOpError(unsupported, nodes);
    });
  }
  return file;
}

/** Runs a step whose errors concern one file, and puts the file's name in front of them. */
export function withFile<T>(path: string, step: () => T): T {
  const rename = (error: unknown): never => {
    // Those of other files name their own.
    if (error instanceof DataError || error instanceof CheckpointError) throw error;
    if (error instanceof NudgeError && !error.message.startsWith(`${path}: `)) error.message = `${path}: ${error.message}`;
    throw error;
  };
  try {
    const result = step();
    return result instanceof Promise ? (result.catch(rename) as T) : result;
  } catch (error) {
    return rename(error);
  }
}

/** @throws DataError naming the file */
export async function readArray(path: string): Promise<NdArray> {
  return decodeNpy(await readBytes(path), path);
}

/** @throws DataError naming the file, also when it holds NaN or infinity */
export async function readFiniteArray(path: string): Promise<NdArray> {
  const array = await readArray(path);
  const index = array.data.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) throw new DataError(`${path}: element ${index} is ${array.data[index]}`);
  return array;
}

/** @throws ShapeError naming the file unless the array is [N, ...port.shape] with N ≥ 1 */
export function checkBatch(array: NdArray, port: ModelPort, path: string): void {
  const [count, ...sample] = array.shape;
  const fits = (shape: readonly number[]) => shape.join() === port.shape.join();
  if (count !== undefined && count > 0 && fits(sample)) return;
  const wanted = `"${port.name}" takes [N, ${port.shape.join(", ")}]`;
  const hint = fits(array.shape) ? "; add the batch axis with x[None]" : count === 0 ? "; it holds no samples" : "";
  throw new ShapeError(`${path}: shape ${formatShape(array.shape)} does not fit: ${wanted}${hint}`);
}

/** The one input of a model. @throws NudgeError where there are several */
export function onlyInput({ path, description }: ModelFile): ModelPort {
  const [port, ...others] = description.inputs;
  if (!port || others.length > 0) {
    const names = description.inputs.map(({ name }) => `"${name}"`).join(", ");
    throw new NudgeError(`${path}: has ${description.inputs.length} inputs (${names}); only nudge run takes such models`);
  }
  return port;
}
