// Which preprocessing is stated for a model, and by what: a JSON file, a preset, or single options, each above the one before.
//
// Nothing is assumed in silence: images need a statement of what their values become, and an .npy without one is the network's
// own input.

import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import type { ModelPort } from "../index.ts";
import { DataError } from "../data/errors.ts";
import { describeFileError, printable } from "../data/files.ts";
import { parsePreprocessing, resolvePreprocessing, type Preprocessing, type PreprocessingOptions } from "../data/preprocessing.ts";
import { isPreset, PRESET_NAMES, PRESETS } from "../data/presets.ts";
import { formatNumber } from "./format.ts";
import { pickPreprocessing, UsageError, type PreprocessingFlags } from "./options.ts";

type Key = keyof PreprocessingOptions;

export interface Stated {
  readonly options: PreprocessingOptions;
  /** Who states an option: a file's path, "preset NAME" or "option". */
  readonly sources: Partial<Record<Key, string>>;
}

/** Options that say what the values of an image become; the others say what its shape becomes. */
const VALUES: readonly Key[] = ["range", "mean", "std"];

/** Whether what the values become is stated. */
export function statesValues({ options }: Stated): boolean {
  return VALUES.some((key) => options[key] !== undefined);
}

/**
 * Everything stated for a model.
 * @param images whether there are images: then --preprocessing none means values from 0 to 1
 * @throws DataError naming the file and the key; UsageError where there are images and nothing is stated for their values
 */
export function statedPreprocessing(modelPath: string, flags: PreprocessingFlags, images: boolean): Stated {
  const { preprocessing: named } = flags;
  const beside = fileBeside(modelPath);
  const stated: Stated[] = [];
  if (named === undefined) {
    if (beside) stated.push(fromFile(beside, basename(beside), "; --preprocessing none ignores the file"));
  } else if (named === "none") {
    if (images) stated.push(from(PRESETS.unit, "preset none"));
  } else if (isPreset(named)) {
    stated.push(labelsOf(beside), from(PRESETS[named], `preset ${named}`));
  } else {
    if (!existsSync(named)) {
      throw new DataError(`${named}: no such file, and no preset of this name; there are ${PRESET_NAMES.join(", ")} and none`);
    }
    stated.push(fromFile(named, named));
  }
  stated.push(from(pickPreprocessing(flags), "option"));
  const all: Stated = {
    options: Object.assign({}, ...stated.map(({ options }) => options)) as PreprocessingOptions,
    sources: Object.assign({}, ...stated.map(({ sources }) => sources)) as Stated["sources"],
  };
  if (images && !statesValues(all)) {
    const asked = named ?? beside;
    const silent = asked === undefined ? `there is no ${jsonName(modelPath)}` : `${asked} gives none of range, mean and std`;
    throw new UsageError(
      `${modelPath}: nothing states how images are preprocessed (${silent}); give --preprocessing ${PRESET_NAMES.join("|")} or a JSON ` +
        "file, or --range, --mean and --std",
    );
  }
  return all;
}

function from(options: PreprocessingOptions, source: string): Stated {
  return { options, sources: Object.fromEntries(Object.keys(options).map((key) => [key, source])) };
}

function fromFile(path: string, source: string, hint = ""): Stated {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new DataError(`${printable(path)}: ${describeFileError(error)}`);
  }
  try {
    return from(parsePreprocessing(text, printable(path)), source);
  } catch (error) {
    if (error instanceof DataError) error.message += hint;
    throw error;
  }
}

/** The class names of the file beside the model, which a preset does not know; none where that file is not in order. */
function labelsOf(file: string | undefined): Stated {
  if (file === undefined) return from({}, "");
  try {
    const { labels } = fromFile(file, "").options;
    return from(labels ? { labels } : {}, basename(file));
  } catch {
    return from({}, "");
  }
}

/** MODEL.json beside MODEL.onnx, where it exists. */
function fileBeside(modelPath: string): string | undefined {
  const file = jsonName(modelPath);
  return file !== modelPath && existsSync(file) ? file : undefined;
}

function jsonName(modelPath: string): string {
  return modelPath.replace(/\.[^./\\]*$/, "") + ".json";
}

/**
 * What is stated, completed by the shape of the model's input.
 * @throws DataError naming the model, what it takes, and who states otherwise
 */
export function resolveStated({ options, sources }: Stated, port: ModelPort, modelPath: string): Preprocessing {
  try {
    return resolvePreprocessing(options, port.shape, modelPath);
  } catch (error) {
    const by = [...new Set(Object.values(sources))];
    if (error instanceof DataError && by.length > 0) error.message += ` (stated by ${by.join(", ")}; single options override it)`;
    throw error;
  }
}

/** @throws DataError where there are not as many class names as classes, so that names would belong to others */
export function checkLabels({ options: { labels }, sources }: Stated, output: ModelPort | undefined): void {
  const logits = output?.shape.reduce((product, size) => product * size, 1);
  if (!labels || logits === undefined) return;
  const classes = Math.max(2, logits); // one logit tells two classes apart
  if (labels.length !== classes) {
    throw new DataError(`${sources.labels}: key "labels" has ${labels.length} names for ${classes} classes of output "${output!.name}"`);
  }
}

const SHOWN = ["size", "resize", "range", "mean", "std", "channels", "layout"] as const;
type Shown = (typeof SHOWN)[number];

/** Who says so, for each entry of a preprocessing. */
function sourcesOf(resolved: Preprocessing, { sources }: Stated): Partial<Record<Shown, string>> {
  const entries = SHOWN.filter((key) => resolved[key] !== undefined).map((key) => {
    const inferred = VALUES.includes(key) ? "default" : "the model's input";
    return [key, sources[key] ?? inferred];
  });
  return Object.fromEntries(entries) as Partial<Record<Shown, string>>;
}

/** For the report: which of the two the values of the images are, and who states each entry. */
export function recordOf(
  resolved: Preprocessing | undefined,
  stated: Stated,
  range: [number, number] | undefined,
): Record<string, unknown> {
  if (!statesValues(stated)) return { input: "raw network input", units: "the model's own input" };
  if (!resolved) return { input: "pixel values", units: "the model's own input", range, sources: { range: stated.sources.range } };
  const { size, resize, mean, std, channels, layout } = resolved;
  return {
    input: "pixel values",
    units: "pixels before mean and std",
    ...{ size, resize, range: resolved.range, mean, std, channels, layout },
    sources: sourcesOf(resolved, stated),
  };
}

/** "range 0 to 1, mean 0.485, 0.456, 0.406 (preset imagenet-torch); size 224×224 (the model's input)" */
export function describePreprocessing(resolved: Preprocessing, stated: Stated): string {
  const bySource = new Map<string, string[]>();
  for (const [key, source] of Object.entries(sourcesOf(resolved, stated)) as [Shown, string][]) {
    bySource.set(source, [...(bySource.get(source) ?? []), `${key} ${describeEntry(key, resolved)}`]);
  }
  return [...bySource].map(([source, entries]) => `${entries.join(", ")} (${source})`).join("; ");
}

function describeEntry(key: Shown, resolved: Preprocessing): string {
  const numbers = (values: readonly number[]) => (new Set(values).size === 1 ? values.slice(0, 1) : values).map((x) => formatNumber(x, 8));
  switch (key) {
    case "size":
      return resolved.size.join("×");
    case "range":
      return numbers(resolved.range).join(" to ");
    case "mean":
    case "std":
      return numbers(resolved[key]).join(", ");
    default:
      return String(resolved[key]);
  }
}
