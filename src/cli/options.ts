// Options shared by the commands, and how their values are read.

import { InvalidArgumentError, Option, type Command } from "commander";
import { deepfoolFields, evaluateFields, universalFields } from "../options/attacks.ts";
import { integer, seed, type Field } from "../options/fields.ts";
import { deepfoolDefaults, evaluateDefaults, overshootRules, type OvershootRule, type WeightStorage } from "../index.ts";
import { CHANNELS, LAYOUTS, problemWith, type Channels, type Layout, type PreprocessingOptions } from "../data/preprocessing.ts";
import { PRESET_NAMES } from "../data/presets.ts";
import type { Norm } from "./format.ts";

export const ADAPTERS = ["auto", "software", "high-performance", "low-power"] as const;
export type AdapterChoice = (typeof ADAPTERS)[number];

const WEIGHTS: readonly WeightStorage[] = ["f32", "f16"];

/** On every command. */
export interface CommonOptions {
  json?: boolean;
  adapter: AdapterChoice;
  debug?: boolean;
}

/** The command line is wrong in a way that only shows once files are open: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

export function addCommonOptions(command: Command): Command {
  return command
    .addOption(new Option("--adapter <kind>", "which GPU: auto takes a hardware one where there is one").choices(ADAPTERS).default("auto"))
    .option("--json", "print the report as JSON on stdout, and nothing else there")
    .option("--debug", "on failure, print where in the program it happened");
}

/** On every command with a model. */
export interface ModelFlags {
  /** Extents of axes that the file leaves open, by the name it gives them. */
  dimension?: Record<string, number>;
  /** How the GPU stores the weights of convolutions and matrix products. */
  weights?: WeightStorage;
}

export function addModelArgument(command: Command, description = "ONNX file with one input", name = "<model>"): Command {
  return command
    .argument(name, description)
    .option(
      "--dimension <name=size>",
      "size of an axis that the file leaves open, by its symbol or as input:axis (x:2=48); repeat for several",
      collectDimension,
    )
    .addOption(
      new Option("--weights <type>", "how the GPU stores weights; f16 takes half of the memory, rounds them, and needs shader-f16")
        .choices(WEIGHTS)
        .default("f32"),
    );
}

function collectDimension(text: string, previous: Record<string, number> = {}): Record<string, number> {
  // The last = counts: names are whatever the exporter made up.
  const split = text.lastIndexOf("=");
  if (split < 1) throw new InvalidArgumentError("It must be name=size, as height=224.");
  return { ...previous, [text.slice(0, split)]: parseCount(text.slice(split + 1)) };
}

/** The options of DeepFool, alone or inside the universal algorithm. */
export interface DeepFoolFlags {
  norm: Norm;
  overshoot: number;
  rule: OvershootRule;
  candidates: number;
  maxIterations: number;
}

export function addDeepFoolOptions(command: Command): Command {
  const { overshoot, candidates, maxIterations, rule } = deepfoolDefaults;
  return command
    .option("--overshoot <fraction>", "how far beyond the boundary DeepFool steps", numberFor(deepfoolFields.overshoot), overshoot)
    .option("--candidates <count>", "classes DeepFool considers, the most likely first", numberFor(deepfoolFields.candidates), candidates)
    .option("--max-iterations <count>", "DeepFool steps an image at most", numberFor(deepfoolFields.maxIterations), maxIterations)
    .addOption(new Option("--rule <name>", "where DeepFool overshoots; implementations differ").choices(overshootRules).default(rule));
}

/** On commands that judge a perturbation. */
export function drawsOption(): Option {
  return new Option("--draws <count>", "draws of the random noise: each costs a pass over the images, or two where the range is known")
    .argParser(numberFor(evaluateFields.draws))
    .default(evaluateDefaults.draws);
}

export function normOption(description: string, norm: "l2" | "linf"): Option {
  return new Option("--norm <norm>", `${description}: l2 or linf`).argParser(parseNorm).default(parseNorm(norm), norm);
}

/** Preprocessing as given on the command line, before it is merged with the file beside the model. */
export interface PreprocessingFlags extends Omit<PreprocessingOptions, "labels"> {
  /** A file, a preset or none. */
  preprocessing?: string;
  skipUnreadable?: boolean;
}

export function addPreprocessingOptions(command: Command): Command {
  return command
    .optionsGroup("Images:")
    .option("--skip-unreadable", "go on without images that are truncated, damaged or unknown; the report lists them")
    .optionsGroup("Preprocessing (single options override the file or the preset):")
    .option(
      "--preprocessing <file|preset>",
      `JSON file to use instead of MODEL.json beside MODEL.onnx; or a preset: ${PRESET_NAMES.join(", ")}; or none: no file, images as ` +
        "unit, .npy as they are",
    )
    .option("--size <h,w>", "image size: short side resized, centre cropped", listParser("size"))
    .option("--resize <pixels>", "resize the short side to this before the centre is cropped (default: to just cover the size)", parseSide)
    .option("--range <lo,hi>", "values of black and white before mean and std; also the range to clip to", listParser("range"))
    .option("--mean <values>", "subtracted from every channel, as 0.485,0.456,0.406", listParser("mean"))
    .option("--std <values>", "divides every channel, as 0.229,0.224,0.225", listParser("std"))
    .addOption(new Option("--channels <order>", "what the network's channels are").choices(CHANNELS))
    .addOption(new Option("--layout <layout>", "the order of the input's axes").choices(LAYOUTS))
    .optionsGroup("Options:");
}

/** The preprocessing entries among a command's options. */
export function pickPreprocessing(options: PreprocessingFlags): PreprocessingOptions {
  const { size, resize, range, mean, std, channels, layout } = options;
  const given = { size, resize, range, mean, std, channels: channels as Channels, layout: layout as Layout };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

export function parseNorm(text: string): Norm {
  if (text === "l2") return 2;
  if (text === "linf") return Infinity;
  throw new InvalidArgumentError("Allowed choices are l2, linf.");
}

/** Reads a number for an option of the library, which says what it accepts. */
export function numberFor({ accepts, expected }: Field): (text: string) => number {
  return (text) => {
    const value = parseNumber(text);
    if (!accepts(value)) throw new InvalidArgumentError(`It must be ${expected}.`);
    return value;
  };
}

/** A whole number from 1. */
export const parseCount = numberFor(integer(1));
export const parseSeed = numberFor(seed);
export const parsePositive = numberFor(universalFields.radius);
export const parseFraction = numberFor(universalFields.targetFoolingRate);

const DECIMAL = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** A decimal number, or a fraction such as 10/255. */
export function parseNumber(text: string): number {
  const [numerator, denominator, ...rest] = text.split("/").map((part) => (DECIMAL.test(part.trim()) ? Number(part) : Number.NaN));
  const value = rest.length > 0 ? Number.NaN : denominator === undefined ? numerator! : numerator! / denominator;
  if (!Number.isFinite(value)) throw new InvalidArgumentError("It must be a number, as 0.5 or 10/255.");
  return value;
}

export type Rows = "all" | `top${number}` | number[];

/** all, top:K, or class indices separated by commas. */
export function parseRows(text: string): Rows {
  if (text === "all") return "all";
  const top = /^top:(\d+)$/.exec(text);
  if (top && Number(top[1]) > 0) return `top${Number(top[1])}`;
  if (/^\d+(,\d+)*$/.test(text)) return text.split(",").map(Number);
  throw new InvalidArgumentError("It must be all, top:K, or class indices as 0,3,7.");
}

function parseSide(text: string): number {
  const value = parseCount(text);
  const problem = problemWith("resize", value);
  if (problem) throw new InvalidArgumentError(`It ${problem}.`);
  return value;
}

function listParser(key: "size" | "range" | "mean" | "std"): (text: string) => number[] {
  return (text) => {
    const values = text.split(",").map(parseNumber);
    const problem = problemWith(key, values);
    if (problem) throw new InvalidArgumentError(`It ${problem}.`);
    return values;
  };
}
