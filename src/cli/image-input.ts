// The inputs of deepfool, universal and evaluate: .npy arrays or folders of images, brought to one unit.
//
// All of them, and every perturbation, are in pixel units: what the model sees after the stated preprocessing has been folded into
// it. Where none is stated, an .npy is the network's own input.

import { stat } from "node:fs/promises";
import type { LoadOptions, ModelPort } from "../index.ts";
import { describeFileError, printable } from "../data/files.ts";
import { DataError } from "../data/errors.ts";
import { loadImages, type ImageSet } from "../data/images.ts";
import { sampleAt, type NdArray } from "../data/ndarray.ts";
import { extremes, guessPictureFormat, pictureFormat, type PictureFormat } from "../data/picture.ts";
import { isIdentity, type Preprocessing } from "../data/preprocessing.ts";
import { ArgumentError } from "../runtime/errors.ts";
import { formatNumber, plural } from "./format.ts";
import { checkBatch, onlyInput, readArray, readFiniteArray, type ModelFile } from "./model-file.ts";
import type { PreprocessingFlags } from "./options.ts";
import { checkLabels, describePreprocessing, recordOf, resolveStated, statedPreprocessing, statesValues } from "./stated-preprocessing.ts";
import type { Terminal } from "./terminal.ts";

export interface ImageBatch {
  readonly path: string;
  /** [N, ...input] in pixel units. */
  readonly images: NdArray;
  /** File names, for folders. */
  readonly names?: string[];
  /** For the report: what was read and what was left out. */
  readonly record: Record<string, unknown>;
}

export interface ImageInputs {
  /** In the order in which the paths were given. */
  readonly batches: ImageBatch[];
  /** What the engine folds into the model; undefined where that changes nothing. */
  readonly preprocessing: LoadOptions["preprocessing"];
  /** How to show a sample; undefined where samples are no images. */
  readonly format: PictureFormat | undefined;
  /** Black and white in pixel units, where they are known: what to clip to. */
  readonly range: [number, number] | undefined;
  /** The class's name, or its index as text. */
  readonly labelOf: (index: number) => string;
  /** For the report: the preprocessing, and who states each part of it. */
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
  const { terminal } = surroundings;
  const port = onlyInput(model);
  const folders = await Promise.all(paths.map(isFolder));
  const images = folders.some(Boolean);
  const stated = statedPreprocessing(model.path, flags, images);
  const { options } = stated;
  checkLabels(stated, model.description.outputs[0]);
  const isPicture = images || Object.keys(options).some((key) => key !== "range" && key !== "labels");
  const resolved = isPicture ? resolveStated(stated, port, model.path) : undefined;
  const range = resolved && (images || options.range) ? resolved.range : options.range && ([...options.range] as [number, number]);

  const batches: ImageBatch[] = [];
  for (const [index, path] of paths.entries()) {
    if (folders[index]) batches.push(await readFolder(path, port, resolved!, flags.skipUnreadable ?? false, surroundings));
    else batches.push(await readNpy(path, port, statesValues(stated), range, terminal));
  }
  if (resolved && statesValues(stated)) terminal.note(`preprocessing: ${describePreprocessing(resolved, stated)}`);
  return {
    batches,
    preprocessing: resolved && !isIdentity(resolved) ? { mean: resolved.mean, std: resolved.std, layout: resolved.layout } : undefined,
    format: resolved ? pictureFormat(resolved) : guessPictureFormat(batches[0]!.images, range),
    range,
    labelOf: (label) => options.labels?.[label] ?? String(label),
    record: recordOf(resolved, stated, range),
  };
}

/** A perturbation of the model's input, [...input] or [1, ...input]; returned as [...input]. */
export async function readPerturbation(model: ModelFile, path: string): Promise<NdArray> {
  const port = onlyInput(model);
  const array = await readFiniteArray(path);
  if (array.shape.join() === port.shape.join()) return array;
  checkBatch(array, port, path);
  if (array.shape[0] !== 1) throw new DataError(`${path}: holds ${array.shape[0]} perturbations; one for all images is needed`);
  return sampleAt(array, 0);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw new DataError(`${printable(path)}: ${describeFileError(error)}`);
  }
}

async function readNpy(
  path: string,
  port: ModelPort,
  stated: boolean,
  range: [number, number] | undefined,
  terminal: Terminal,
): Promise<ImageBatch> {
  const images = await readArray(path);
  checkBatch(images, port, path);
  checkFinite(images, path);
  if (!stated) terminal.note(`${path}: raw network input; no preprocessing is stated for it`);
  else if (range) {
    const [low, high] = range;
    const found = extremes(images.data);
    // Perturbed images may lie a little outside.
    const margin = 0.1 * (high - low);
    if (found.low < low - margin || found.high > high + margin) {
      const [from, to, black, white] = [found.low, found.high, low, high].map((x) => formatNumber(x));
      terminal.note(
        `${path}: its values go from ${from} to ${to}, beyond the range ${black} to ${white}; if they are the network's own input, give --preprocessing none`,
      );
    }
  }
  return { path, images, record: { path, kind: "npy", images: images.shape[0], values: stated ? "pixel units" : "raw network input" } };
}

/** @throws ArgumentError naming the file, the image and the element */
function checkFinite({ shape, data }: NdArray, path: string): void {
  const index = data.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  const stride = data.length / shape[0]!;
  throw new ArgumentError(
    `${path}: image ${Math.floor(index / stride)}, element ${index % stride} is ${data[index]}; images must be finite`,
  );
}

async function readFolder(
  path: string,
  port: ModelPort,
  format: Preprocessing,
  skipUnreadable: boolean,
  { terminal, signal }: Surroundings,
): Promise<ImageBatch> {
  const set = await loadImages(path, format, {
    signal,
    skipUnreadable,
    onProgress: ({ done, total }) => terminal.progress(`reading ${path}: ${done} of ${plural(total, "image")}`),
  });
  terminal.endProgress();
  for (const line of describeFolder(path, set)) terminal.note(line);
  const { images, names, skipped, others, transparent, animated } = set;
  const record = {
    path,
    kind: "images",
    images: names.length,
    unreadable: skipped,
    passedOver: others,
    overWhite: transparent,
    firstFrameOf: animated,
  };
  // Flat inputs take the same values in the same order.
  return { path, images: { shape: [names.length, ...port.shape], data: images.data }, names, record };
}

/** What a reader of the results should know about a folder: a line for the count, and one for each thing that was done or left. */
function describeFolder(path: string, { names, skipped, others, transparent, animated }: ImageSet): string[] {
  const lines: [what: string, entries: string[]][] = [
    [
      `left out ${plural(skipped.length, "image")} that cannot be read`,
      skipped.map(({ name, reason }) => `${printable(name)} (${reason})`),
    ],
    ["passed over, not images by name", others.map(printable)],
    ["transparent pixels laid over white", transparent.map(printable)],
    ["animated, the first frame is used", animated.map(printable)],
  ];
  return [
    `${printable(path)}: ${plural(names.length, "image")}`,
    ...lines.flatMap(([what, entries]) => (entries.length > 0 ? [`  ${what}: ${listOf(entries)}`] : [])),
  ];
}

function listOf(entries: readonly string[]): string {
  const shown = 5;
  const rest = entries.length - shown;
  return entries.slice(0, shown).join(", ") + (rest > 0 ? ` and ${rest} more (all are in report.json)` : "");
}
