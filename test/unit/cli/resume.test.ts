// What --resume takes from a checkpoint and what it refuses, before any GPU is opened.

import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  CHECKPOINT,
  CheckpointFile,
  hashOf,
  readCheckpoint,
  type Origin,
  type Resumed,
  type Task,
} from "../../../src/cli/checkpoint-file.ts";
import { addDeepFoolOptions, addModelArgument, addPreprocessingOptions, normOption } from "../../../src/cli/options.ts";
import { run } from "../../../src/cli/program.ts";
import { resumedOptions, textsOf } from "../../../src/cli/setting-texts.ts";
import { Terminal } from "../../../src/cli/terminal.ts";
import { encodeCheckpoint } from "../../../src/data/checkpoint.ts";
import { ArgumentError, CheckpointError } from "../../../src/runtime/errors.ts";

let place: string;
beforeEach(async () => (place = await mkdtemp(join(tmpdir(), "nudge-resume-"))));
afterEach(() => rm(place, { recursive: true, force: true }));

let notes = "";
const terminal = new Terminal({ write: () => {} }, { write: (text) => (notes += text) });
beforeEach(() => (notes = ""));

const task: Task = {
  command: "universal",
  version: "0.1.0",
  folder: process.cwd(),
  model: "models/lenet.onnx",
  modelHash: hashOf(readFileSync("models/lenet.onnx")),
  settings: { input: "x.npy", radius: "0.2", norm: "linf", seed: "0" },
  preprocessing: { input: "pixel values", mean: [0.5], sources: { mean: "--mean" } },
};

const origin: Origin = {
  adapter: "llvmpipe",
  identity: { preprocessing: "none", weights: "f32", tuning: "none", "model hash": "0a", "images hash": "0b" },
};

/** Keeps one checkpoint in the folder, as a run does that ends by an error. */
async function interrupted(folder = place, of: Task = task, state: object = { visited: 3 }): Promise<void> {
  const file = new CheckpointFile(folder, of, undefined, terminal);
  const attack = async ({ save }: { save: (state: object) => Promise<void> }) => {
    await save(state);
    throw new Error("interrupted");
  };
  await expect(file.during(origin, attack)).rejects.toThrow("interrupted");
}

async function nudge(...args: string[]) {
  let [stdout, stderr] = ["", ""];
  const code = await run(args, { stdout: { write: (text) => (stdout += text) }, stderr: { write: (text) => (stderr += text) } });
  return { code, stdout, stderr };
}

describe("a checkpoint file", () => {
  test("holds the task and the state, replaces the one before, and goes with the end of the run", async () => {
    const file = new CheckpointFile<{ v: Float32Array }>(join(place, "new/out"), task, undefined, terminal);
    const read = () => readCheckpoint<{ v: Float32Array }>(join(place, "new/out"), "universal");
    await file.during(origin, async ({ resume, save }) => {
      expect(resume).toBe(undefined);
      expect((await read())!.state).toBe(null);
      await save({ v: Float32Array.of(1) });
      await save({ v: Float32Array.of(2, 0.1) });
    });
    expect(await read()).toEqual({
      ...task,
      ...origin,
      state: { v: Float32Array.of(2, 0.1) },
      path: join(place, "new/out", CHECKPOINT),
    });
    await file.finish({ "report.json": "{}" }, []);
    expect(await readdir(join(place, "new/out"))).toEqual(["report.json"]);
    expect(await read()).toBe(undefined);
  });

  test("of an interrupted run is not lost when another is begun", async () => {
    await interrupted();
    const before = await readFile(join(place, CHECKPOINT));
    await interrupted(place, { ...task, model: "other.onnx" });
    expect(await readFile(join(place, "checkpoint.previous.nudge"))).toEqual(before);
    expect(notes).toContain(`is kept as ${join(place, "checkpoint.previous.nudge")}`);
    expect((await readCheckpoint(place, "universal"))!.model).toBe("other.onnx");
  });

  test("hands its state to the attack, and says what may change the last bits", async () => {
    await interrupted();
    const resumed = (await readCheckpoint<{ visited: number }>(place, "universal"))!;
    const again = (of: Partial<Task>, adapter: string) =>
      new CheckpointFile(place, { ...task, ...of }, resumed, terminal).during({ ...origin, adapter }, ({ resume }) =>
        Promise.resolve(resume),
      );
    expect(await again({}, "llvmpipe")).toEqual({ visited: 3 });
    expect(notes).toBe("");
    await again({ version: "0.2.0" }, "SwiftShader");
    expect(notes).toContain("resumed on another adapter (llvmpipe before)");
    expect(notes).toContain("resumed on another version (0.1.0 before)");
  });

  test("what the library refuses is said of the file", async () => {
    await interrupted();
    const resumed = (await readCheckpoint(place, "universal")) as Resumed<object>;
    const during = (error: Error) => new CheckpointFile(place, task, resumed, terminal).during(origin, () => Promise.reject(error));
    const refusal = new ArgumentError("resume: the checkpoint was made with other images, or with the same in another order");
    await expect(during(refusal)).rejects.toThrow(CheckpointError);
    await expect(during(refusal)).rejects.toThrow(`${join(place, CHECKPOINT)}: the checkpoint was made with other images`);
    await expect(during(new ArgumentError('resume, pass 1: "pass" is 3'))).rejects.toThrow(`${CHECKPOINT}: pass 1: "pass" is 3`);
    await expect(during(new ArgumentError("universalPerturbation: resume me"))).rejects.toThrow(/^universalPerturbation: resume me$/);
  });

  test("preprocessing that is stated otherwise now is refused by the field; who states it does not matter", async () => {
    await interrupted();
    const resumed = (await readCheckpoint(place, "universal")) as Resumed<object>;
    const during = (preprocessing: Task["preprocessing"]) =>
      new CheckpointFile(place, { ...task, preprocessing }, resumed, terminal).during(origin, () => Promise.resolve("done"));
    expect(await during({ input: "pixel values", mean: [0.5], sources: { mean: "lenet.json" } })).toBe("done");
    await expect(during({ input: "pixel values", mean: [0.4] })).rejects.toThrow("made with preprocessing mean [0.5], this call has [0.4]");
    await expect(during({ input: "pixel values", mean: [0.5], std: [1] })).rejects.toThrow("preprocessing std none, this call has [1]");
    await expect(during({ mean: [0.5] })).rejects.toThrow(CheckpointError);
  });

  test.each([
    ["model hash", "1a", "made with model hash 0a, this call has 1a: another model, or other dimensions of this one"],
    ["images hash", "1b", "made with images hash 0b, this call has 1b: other images, or the same in another order"],
    ["validation hash", "0c", "made with validation hash none, this call has 0c: other held-out images"],
    ["weights", "f16", "made with weights f32, this call has f16"],
    ["tuning", "0d", "made with tuning none, this call has 0d"],
  ])("another %s is refused with both values, also before anything is computed", async (name, value, message) => {
    for (const state of [{ visited: 3 }, null]) {
      const file = new CheckpointFile(place, task, undefined, terminal);
      await file.during(origin, async ({ save }) => state && save(state));
      const resumed = (await readCheckpoint(place, "universal")) as Resumed<object>;
      expect(resumed.state).toEqual(state);
      const other = { ...origin, identity: { ...origin.identity, [name]: value } };
      const again = new CheckpointFile(place, task, resumed, terminal).during(other, () => Promise.resolve());
      await expect(again).rejects.toThrow(CheckpointError);
      await expect(again).rejects.toThrow(`${join(place, CHECKPOINT)}: the checkpoint was ${message}`);
    }
  });

  // Root may write anywhere, whatever the mode.
  test.skipIf(process.getuid?.() === 0)("in a folder that takes no files any more: one error, and the last good one stays", async () => {
    const file = new CheckpointFile<object>(place, task, undefined, terminal);
    await file.during(origin, async ({ save }) => {
      await save({ visited: 1 });
      await chmod(place, 0o500);
      await expect(save({ visited: 2 })).rejects.toThrow(
        `${CHECKPOINT}: cannot be written: permission denied; the last checkpoint is kept`,
      );
      await chmod(place, 0o700);
    });
    expect((await readCheckpoint(place, "universal"))!.state).toEqual({ visited: 1 });
  });
});

describe("options as texts", () => {
  const commandWith = (...args: string[]) => {
    const command = new Command("universal").exitOverride().option("--input <path>").option("--validation <path>").option("--no-refine");
    addPreprocessingOptions(addDeepFoolOptions(addModelArgument(command.addOption(normOption("norm", "linf")), undefined, "[model]")));
    command.parse(args, { from: "user" });
    return { command, options: command.opts<Record<string, unknown>>() };
  };
  const first = ["--input", "x.npy", "--norm", "l2", "--overshoot", "1/3", "--mean", "0.1,2/3", "--dimension", "h=5", "--dimension", "w=1"];

  test("are read back as the values they were, defaults included", () => {
    const { command, options } = commandWith(...first, "--no-refine", "--skip-unreadable");
    const texts = textsOf(command, options);
    expect(texts).toMatchObject({
      norm: "l2",
      mean: `0.1,${2 / 3}`,
      dimension: ["h=5", "w=1"],
      refine: false,
      skipUnreadable: true,
      candidates: "10",
    });
    const again = commandWith();
    expect(resumedOptions(again.command, again.options, texts, "c")).toEqual(options);
    const same = commandWith(...first, "--no-refine", "--skip-unreadable");
    expect(resumedOptions(same.command, same.options, texts, "c")).toEqual(options);
  });

  test("places may change, and adapters", () => {
    const before = commandWith(...first);
    const now = commandWith("--input", "moved.npy");
    expect(resumedOptions(now.command, now.options, textsOf(before.command, before.options), "c").input).toBe("moved.npy");
  });

  const refused: [string[], string[], string][] = [
    [[], ["--overshoot", "0.1"], "made with --overshoot 0.02, this call comes with --overshoot 0.1"],
    [[], ["--norm", "l2"], "made with --norm linf, this call comes with --norm l2"],
    [[], ["--no-refine"], "made without --no-refine, this call comes with --no-refine"],
    [[], ["--skip-unreadable"], "made without --skip-unreadable, this call comes with --skip-unreadable"],
    [[], ["--mean", "0.5"], "made without --mean, this call comes with --mean 0.5"],
    [["--mean", "0.25"], ["--mean", "0.5"], "made with --mean 0.25, this call comes with --mean 0.5"],
    [["--dimension", "h=5"], ["--dimension", "h=6"], "made with --dimension h=5, this call comes with --dimension h=6"],
    [[], ["--validation", "v.npy"], "made without --validation, this call comes with --validation v.npy"],
  ];
  test.each(refused)("%j, then %j", (then, now, message) => {
    const before = commandWith(...then);
    const { command, options } = commandWith(...now);
    const resume = () => resumedOptions(command, options, textsOf(before.command, before.options), "c");
    expect(resume).toThrow(message);
    expect(resume).toThrow(CheckpointError);
  });

  test.each([
    ["overshoot", "-1", "holds with --overshoot -1: It must be a finite number of at least 0."],
    ["overshoot", true, "holds with --overshoot: It has the wrong type."],
    ["rule", "none", "holds with --rule none: Allowed choices are"],
    ["norm", ["l2"], "holds with --norm l2: It has the wrong type."],
    ["dimension", "h=5", "holds with --dimension h=5: It has the wrong type."],
    ["refine", "yes", "holds with --no-refine yes: It has the wrong type."],
  ])("a file that says %s %j", (name, text, message) => {
    const { command, options } = commandWith();
    const resume = () => resumedOptions(command, options, { ...textsOf(command, options), [name]: text }, "c");
    expect(resume).toThrow(message);
    expect(resume).toThrow(CheckpointError);
  });
});

describe("the command", () => {
  test("without a checkpoint: nothing to resume", async () => {
    const { code, stderr } = await nudge("universal", "--resume", place);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `nudge: ${place}: nothing to resume: there is no ${CHECKPOINT}; give the model and all options\n`,
    });
  });

  test("of a complete run nothing is left to do; whether other options are its own cannot be told", async () => {
    await writeFile(join(place, "report.json"), "{}");
    expect(await nudge("universal", "--resume", place)).toEqual({
      code: 0,
      stdout: "",
      stderr: `${place}: nothing to resume: its run is complete\n`,
    });
    expect((await nudge("universal", "--resume", place, "--checkpoint-every", "2", "--debug")).code).toBe(0);
    expect((await nudge("universal", "--resume", place, "--radius", "3")).code).toBe(1);
    expect((await nudge("universal", "models/lenet.onnx", "--resume", place)).code).toBe(1);
  });

  test("what is missing without --resume is wrong usage", async () => {
    expect(await nudge("universal")).toMatchObject({ code: 2, stderr: "nudge: missing required argument 'model'\n" });
    expect(await nudge("universal", "m.onnx")).toMatchObject({
      code: 2,
      stderr: "nudge: required option '--input <path>' not specified\n",
    });
    expect(await nudge("universal", "m.onnx", "--input", "x.npy")).toMatchObject({
      code: 2,
      stderr: "nudge: required option '--output <folder>' not specified\n",
    });
    expect(await nudge("universal", "--resume", place, "--output", `${place}2`)).toMatchObject({ code: 2 });
  });

  test("another option is refused by name, before the files are read", async () => {
    await interrupted();
    const { code, stderr } = await nudge("universal", "missing.onnx", "--resume", place, "--radius", "0.3");
    expect(code).toBe(1);
    expect(stderr).toContain(`${join(place, CHECKPOINT)}: the checkpoint was made with --radius 0.2, this call comes with --radius 0.3`);
  });

  test("another model file is refused with both, before its inputs are read", async () => {
    await interrupted();
    const { code, stderr } = await nudge("universal", "models/fc500-150.onnx", "--resume", place);
    const now = hashOf(readFileSync("models/fc500-150.onnx"));
    expect(code).toBe(1);
    expect(stderr).toBe(
      `nudge: ${join(place, CHECKPOINT)}: the checkpoint was made with the model models/lenet.onnx (SHA-256 ${task.modelHash}), ` +
        `this call comes with models/fc500-150.onnx (SHA-256 ${now})\n`,
    );
  });

  test("paths are those of the folder that the run was begun in", async () => {
    await interrupted(place, { ...task, folder: "/elsewhere", model: "m.onnx" });
    expect((await nudge("universal", "--resume", place)).stderr).toBe("nudge: /elsewhere/m.onnx: no such file or folder\n");
  });

  test("a checkpoint of another command, a damaged one, and one without its fields are refused by the file's name", async () => {
    const path = join(place, CHECKPOINT);
    await interrupted(place, { ...task, command: "deepfool" });
    expect((await nudge("universal", "--resume", place)).stderr).toContain(
      `${path}: is a checkpoint of nudge deepfool, not of nudge universal`,
    );
    await appendFile(path, "x");
    expect((await nudge("universal", "--resume", place)).stderr).toContain(`${path}: the checkpoint is damaged or truncated`);
    await writeFile(path, await encodeCheckpoint({ ...task, settings: 3 }));
    expect((await nudge("universal", "--resume", place)).stderr).toContain(`${path}: is not of this command: its field "settings"`);
    await writeFile(path, await encodeCheckpoint({ ...task, ...origin, state: null, settings: {} }));
    expect((await nudge("universal", "--resume", place)).stderr).toContain("does not say what its input was");
    await rm(path);
    await mkdir(path);
    expect((await nudge("universal", "--resume", place)).stderr).toContain(`${path}: is a folder, not a file`);
  });
});
