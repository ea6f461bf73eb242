// The inputs of deepfool, universal and evaluate: .npy arrays or folders of pictures, brought to one unit.
//
// All of them, and every perturbation, are in pixel units: what the model sees after the preprocessing that MODEL.json or
// the options describe has been folded into it. Without any, pixel units are the model's own.

import { stat } from "node:fs/promises";
import type { LoadOptions, ModelPort } from "../index.ts";
import { describeFileError } from "../data/files.ts";
import { DataError } from "../data/errors.ts";
import { loadImages } from "../data/images.ts";
import { sampleAt, type NdArray } from "../data/ndarray.ts";
import { guessPictureFormat, pictureFormat, type PictureFormat } from "../data/picture.ts";
import { isIdentity, resolvePreprocessing, type Preprocessing, type PreprocessingOptions } from "../data/preprocessing.ts";
import { checkBatch, onlyInput, readArray, readPreprocessing, type ModelFile } from "./model-file.ts";
import { pickPreprocessing, type PreprocessingFlags } from "./options.ts";
import { plural } from "./format.ts";
import type { Terminal } from "./terminal.ts";

export interface ImageBatch {
  readonly path: string;
  /** [N, ...input] in pixel units. */
  readonly images: NdArray;
  /** File names, for folders. */
  readonly names?: string[];
}

export interface ImageInputs {
  /** In the order in which the paths were given. */
  readonly batches: ImageBatch[];
  /** What the engine folds into the model; undefined where that changes nothing. */
  readonly preprocessing: LoadOptions["preprocessing"];
  /** How to show a sample; undefined where samples are no pictures. */
  readonly format: PictureFormat | undefined;
  /** Black and white in pixel units, where they are known: what to clip to. */
  readonly range: [number, number] | undefined;
  /** The class's name, or its index as text. */
  readonly labelOf: (index: number) => string;
  /** For the report. */
  readonly record: Record<string, unknown>;
}

interface Surroundings {
  terminal: Terminal;
  signal: AbortSignal;
}

/** Reads every input. @throws NudgeError naming the file */
export async function readImageInputs(
  model: ModelFile,
  paths: readonly string[],
  flags: PreprocessingFlags,
  surroundings: Surroundings,
): Promise<ImageInputs> {
  const port = onlyInput(model);
  const { options: fromFile, file } = readPreprocessing(model.path, flags.preprocessing);
  const options: PreprocessingOptions = { ...fromFile, ...pickPreprocessing(flags) };
  const folders = await Promise.all(paths.map(isFolder));
  const isPicture = folders.some(Boolean) || Object.keys(options).some((key) => key !== "range" && key !== "labels");
  const resolved = isPicture ? resolvePreprocessing(options, port.shape, file ?? model.path) : undefined;

  const batches: ImageBatch[] = [];
  for (const [index, path] of paths.entries()) {
    batches.push(folders[index] ? await readFolder(path, port, resolved!, surroundings) : await readNpy(path, port));
  }
  const range = resolved && (folders.some(Boolean) || options.range) ? resolved.range : options.range;
  return {
    batches,
    preprocessing: resolved && !isIdentity(resolved) ? { mean: resolved.mean, std: resolved.std, layout: resolved.layout } : undefined,
    format: resolved ? pictureFormat(resolved) : guessPictureFormat(batches[0]!.images, options.range),
    range,
    labelOf: (label) => options.labels?.[label] ?? String(label),
    record: describe(resolved, range, file),
  };
}

/** A perturbation of the model's input, [...input] or [1, ...input]; returned as [...input]. */
export async function readPerturbation(model: ModelFile, path: string): Promise<NdArray> {
  const port = onlyInput(model);
  const array = await readArray(path);
  if (array.shape.join() === port.shape.join()) return array;
  checkBatch(array, port, path);
  if (array.shape[0] !== 1) throw new DataError(`${path}: holds ${array.shape[0]} perturbations; one for all images is needed`);
  return sampleAt(array, 0);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw new DataError(`${path}: ${describeFileError(error)}`);
  }
}

async function readNpy(path: string, port: ModelPort): Promise<ImageBatch> {
  const images = await readArray(path);
  checkBatch(images, port, path);
  return { path, images };
}

async function readFolder(path: string, port: ModelPort, format: Preprocessing, { terminal, signal }: Surroundings): Promise<ImageBatch> {
  const { images, names } = await loadImages(path, format, {
    signal,
    onProgress: ({ done, total }) => terminal.progress(`reading ${path}: ${done} of ${plural(total, "image")}`),
  });
  terminal.endProgress();
  // Flat inputs take the same values in the same order.
  return { path, images: { shape: [names.length, ...port.shape], data: images.data }, names };
}

function describe(resolved: Preprocessing | undefined, range: [number, number] | undefined, file: string | undefined) {
  if (!resolved) return { units: "the model's own input", ...(range && { range }) };
  const { size, mean, std, channels, layout } = resolved;
  return { units: "pixels before mean and std", ...(file && { file }), size, range: resolved.range, mean, std, channels, layout };
}
