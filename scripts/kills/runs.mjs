// Runs of `nudge universal` and `nudge deepfool` that are to be interrupted: how they are started, what their output folder tells,
// and whether it ends as that of a run that nothing interrupted.

import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const COMMAND = join(ROOT, "dist/nudge.js");
const MODEL = join(ROOT, "models/lenet.onnx");
const { decodeCheckpoint } = await import(join(ROOT, "dist/index.js"));

export const CHECKPOINT = "checkpoint.nudge";
const REPORT = "report.json";
const DIGIT = 28 * 28;
const NPY_HEADER = 128;

/** Writes digits of models/mnist-digits.bin as an .npy of [count, 1, 28, 28], float32 in [0, 1]. */
function writeDigits(path, first, count) {
  const pixels = readFileSync(join(ROOT, "models/mnist-digits.bin")).subarray(first * DIGIT, (first + count) * DIGIT);
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, 1, 28, 28), }`;
  const header = Buffer.from(`\x93NUMPY\x01\0\0\0${text.padEnd(NPY_HEADER - 11)}\n`, "latin1");
  header.writeUInt16LE(NPY_HEADER - 10, 8);
  writeFileSync(path, Buffer.concat([header, Buffer.from(Float32Array.from(pixels, (value) => value / 255).buffer)]));
}

/** The two commands on the embedded model and digits, with inputs written to a folder. */
export function commandsIn(folder) {
  mkdirSync(folder, { recursive: true });
  const input = (name, first, count) => {
    const path = join(folder, name);
    writeDigits(path, first, count);
    return path;
  };
  const judged = ["--validation", input("held-out.npy", 500, 40), "--draws", "2"];
  const universal = ["--input", input("compute.npy", 0, 60), ...judged, "--radius", "0.2", "--fooling-rate", "1", "--max-passes", "4"];
  return [
    { name: "universal", args: [MODEL, ...universal] },
    { name: "deepfool", args: [MODEL, "--input", input("digits.npy", 0, 330)] },
  ];
}

/** Starts a command in a group of its own. Resolves `ended` with { code, signal, lines of stderr, seconds }. */
export function start(name, args) {
  const began = performance.now();
  const child = spawn(process.execPath, [COMMAND, name, ...args], { stdio: ["ignore", "ignore", "pipe"], detached: true });
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) =>
      resolve({ code, signal, lines: said.split(/[\r\n]+/).filter(Boolean), seconds: (performance.now() - began) / 1000 }),
    );
  });
  return { child, ended };
}

/** The arguments of a run that goes on in a folder, with a checkpoint as often as there can be one. */
export const goingOn = (folder) => ["--resume", folder, "--checkpoint-every", "0"];
export const beginning = ({ args }, folder) => [...args, "--output", folder, "--checkpoint-every", "0"];

const namesIn = (folder) => {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
};

/**
 * How far a run in a folder has come: a name for people, and a number that never falls. Throws where its checkpoint is damaged.
 * @returns {Promise<{ stage: string, progress: number, unfinished: number }>}
 */
export async function progressIn(folder) {
  let bytes;
  try {
    bytes = readFileSync(join(folder, CHECKPOINT));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  const names = namesIn(folder);
  const unfinished = names.filter((name) => name.endsWith(".tmp")).length;
  if (!bytes) return names.includes(REPORT) ? { stage: "done", progress: Infinity, unfinished } : { stage: "-", progress: -2, unfinished };
  const { state } = await decodeCheckpoint(bytes);
  if (state === null) return { stage: "start", progress: -1, unfinished };
  if (state.done !== undefined) return { stage: `${state.done}`, progress: state.done, unfinished };
  const { passes, visited } = state;
  return { stage: `${passes.length}:${visited}`, progress: passes.length + visited / (state.labels.length + 1), unfinished };
}

/** A report without the times, which no two runs share. */
function reportOf(folder) {
  return JSON.stringify(JSON.parse(readFileSync(join(folder, REPORT), "utf8"), (key, value) => (key === "seconds" ? undefined : value)));
}

/** Names of files in which two output folders differ: byte for byte, the report but for its times. */
export function differences(folder, expected) {
  const names = new Set([...namesIn(folder), ...namesIn(expected)]);
  return [...names].filter((name) => {
    try {
      if (name === REPORT) return reportOf(folder) !== reportOf(expected);
      return !readFileSync(join(folder, name)).equals(readFileSync(join(expected, name)));
    } catch {
      return true; // One of them is missing, or is no file.
    }
  });
}
